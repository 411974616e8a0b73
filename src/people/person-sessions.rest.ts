import { Controller, Delete, Get, HttpCode, Param, Query } from "@nestjs/common";
import { ApiNoContentResponse, ApiOkResponse, ApiTags } from "@nestjs/swagger";
import { parseId } from "../kernel/ids.js";
import { CurrentPerson } from "../wire/caller.decorator.js";
import type { PersonCaller } from "../wire/caller.js";
import { Operation } from "../wire/operation.decorator.js";
import { PageQuery } from "../wire/page.dto.js";
import { pageOfWhole } from "../wire/whole-list.js";
import { Identities } from "./identities.service.js";
import { IdentitiesReply } from "./oidc.dto.js";
import { SessionsReply, shownSession } from "./sessions.dto.js";
import { Sessions } from "./sessions.service.js";

/** What custodians see, and end, of how other people are signed in. */
@ApiTags("people")
@Controller("v1/people/:id")
export class PersonSessionsController {
  constructor(
    private readonly sessions: Sessions,
    private readonly identities: Identities,
  ) {}

  @Get("sessions")
  @Operation("session.survey")
  @ApiOkResponse({ type: SessionsReply, description: "The person's sessions that have not ended." })
  async list(@CurrentPerson() caller: PersonCaller, @Param("id") id: string, @Query() query: PageQuery): Promise<SessionsReply> {
    const { items, next } = pageOfWhole(await this.sessions.list(parseId("person", id)), query, (session) => session.id);
    return { items: items.map((session) => shownSession(session, caller.sessionId)), next };
  }

  @Delete("sessions/:session")
  @HttpCode(204)
  @Operation("session.end")
  @ApiNoContentResponse({ description: "The session has ended." })
  async end(@CurrentPerson() caller: PersonCaller, @Param("id") id: string, @Param("session") session: string): Promise<void> {
    await this.sessions.end(caller.personId, parseId("person", id), parseId("session", session));
  }

  @Get("identities")
  @Operation("identity.list")
  @ApiOkResponse({ type: IdentitiesReply, description: "The person's identities at the provider, ended ones too." })
  async listIdentities(@Param("id") id: string, @Query() query: PageQuery): Promise<IdentitiesReply> {
    const { items, next } = pageOfWhole(await this.identities.list(parseId("person", id)), query, (identity) => identity.id);
    return {
      items: items.map(({ id: identityId, issuer, subject, state, usableFrom }) => ({
        id: identityId,
        issuer,
        subject,
        state,
        usableFrom: usableFrom.toISOString(),
      })),
      next,
    };
  }
}
