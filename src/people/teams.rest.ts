import { Controller, Get, Query } from "@nestjs/common";
import { ApiOkResponse, ApiTags } from "@nestjs/swagger";
import { Operation } from "../wire/operation.decorator.js";
import { PageQuery } from "../wire/page.dto.js";
import { pageOfWhole } from "../wire/whole-list.js";
import { TeamsReply } from "./teams.dto.js";
import { Teams } from "./teams.service.js";

/** Teams. Setting one is asked for under /v1/requests. */
@ApiTags("people")
@Controller("v1/teams")
export class TeamsController {
  constructor(private readonly teams: Teams) {}

  @Get()
  @Operation("team.list")
  @ApiOkResponse({ type: TeamsReply, description: "Everybody who is of a team." })
  async list(@Query() query: PageQuery): Promise<TeamsReply> {
    return pageOfWhole(await this.teams.list(), query, ({ personId }) => personId);
  }
}
