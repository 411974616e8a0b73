import { Body, Controller, Delete, Get, HttpCode, Ip, Param, Post, Query } from "@nestjs/common";
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiTags } from "@nestjs/swagger";
import { parseId } from "../kernel/ids.js";
import { CurrentPerson } from "../wire/caller.decorator.js";
import type { PersonCaller } from "../wire/caller.js";
import { Operation } from "../wire/operation.decorator.js";
import { PageQuery } from "../wire/page.dto.js";
import { pageOfWhole } from "../wire/whole-list.js";
import { SessionMethods } from "./session-methods.service.js";
import { NewSessionReply, SessionForm, SessionsReply, shownSession } from "./sessions.dto.js";
import { Sessions } from "./sessions.service.js";

/** Sessions: sign in, see one's own, end one's own. */
@ApiTags("sessions")
@Controller("v1/sessions")
export class SessionsController {
  constructor(
    private readonly methods: SessionMethods,
    private readonly sessions: Sessions,
  ) {}

  @Post()
  @Operation("session.create")
  @ApiCreatedResponse({ type: NewSessionReply, description: "Signed in; the token is shown this once." })
  async create(@Body() form: SessionForm, @Ip() address: string): Promise<NewSessionReply> {
    const { email, password, code } = form;
    const session = await this.methods.open("password", { email, password, code, address });
    const { sessionId, personId, token, expiresAt, seq } = session;
    return { sessionId, personId, token, expiresAt: expiresAt.toISOString(), seq };
  }

  @Get()
  @Operation("session.list")
  @ApiOkResponse({ type: SessionsReply, description: "Your sessions." })
  async list(@CurrentPerson() caller: PersonCaller, @Query() query: PageQuery): Promise<SessionsReply> {
    const { items, next } = pageOfWhole(await this.sessions.list(caller.personId), query, ({ id }) => id);
    return { items: items.map((session) => shownSession(session, caller.sessionId)), next };
  }

  @Delete(":id")
  @HttpCode(204)
  @Operation("session.revoke")
  @ApiNoContentResponse({ description: "The session has ended. `current` names the one that asks." })
  async revoke(@CurrentPerson() caller: PersonCaller, @Param("id") id: string): Promise<void> {
    await this.sessions.revoke(caller.personId, id === "current" ? caller.sessionId : parseId("session", id));
  }
}
