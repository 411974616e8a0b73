import { Controller, Get, HttpCode, Param, Post, Query } from "@nestjs/common";
import { ApiNoContentResponse, ApiOkResponse, ApiTags } from "@nestjs/swagger";
import { parseId } from "../kernel/ids.js";
import type { Role } from "../kernel/operations.js";
import { CurrentPerson } from "../wire/caller.decorator.js";
import type { PersonCaller } from "../wire/caller.js";
import { Operation } from "../wire/operation.decorator.js";
import { PageQuery } from "../wire/page.dto.js";
import { CurrentRoles } from "../wire/roles.decorator.js";
import { pageOfWhole } from "../wire/whole-list.js";
import { PeopleReply, SelfReply } from "./people.dto.js";
import { People } from "./people.service.js";

/** The people that this deployment knows. Enrolling and restoring them is asked for under /v1/requests. */
@ApiTags("people")
@Controller("v1/people")
export class PeopleController {
  constructor(private readonly people: People) {}

  @Get()
  @Operation("person.list")
  @ApiOkResponse({ type: PeopleReply, description: "Everybody, also those who left." })
  async list(@Query() query: PageQuery): Promise<PeopleReply> {
    const { items, next } = pageOfWhole(await this.people.list(), query, ({ id }) => id);
    return {
      items: items.map(({ id, name, email, state, createdAt }) => ({ id, name, email, state, createdAt: createdAt.toISOString() })),
      next,
    };
  }

  @Get("self")
  @Operation("person.self")
  @ApiOkResponse({ type: SelfReply, description: "Who you are here." })
  async self(@CurrentPerson() caller: PersonCaller, @CurrentRoles() roles: readonly Role[]): Promise<SelfReply> {
    const { id, name, email, state } = await this.people.byId(caller.personId);
    return { id, name, email, state, roles, sessionId: caller.sessionId };
  }

  @Post(":id/suspensions")
  @HttpCode(204)
  @Operation("person.suspend")
  @ApiNoContentResponse({ description: "Suspended; the person's sessions have ended." })
  async suspend(@CurrentPerson() caller: PersonCaller, @Param("id") id: string): Promise<void> {
    await this.people.suspend(parseId("person", id), caller.personId);
  }
}
