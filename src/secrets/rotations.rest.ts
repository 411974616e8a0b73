import { Controller, Get, Query } from "@nestjs/common";
import { ApiOkResponse, ApiTags } from "@nestjs/swagger";
import { CurrentPerson } from "../wire/caller.decorator.js";
import type { PersonCaller } from "../wire/caller.js";
import { Operation } from "../wire/operation.decorator.js";
import { PageQuery } from "../wire/page.dto.js";
import { cursorOf, parsePage } from "../wire/paging.js";
import { DueRotations } from "./due-rotations.service.js";
import { DueRotationsReply } from "./rotations.dto.js";

/** What is to be rotated. */
@ApiTags("accounts")
@Controller("v1/rotations")
export class RotationsController {
  constructor(private readonly rotations: DueRotations) {}

  @Get("due")
  @Operation("rotation.list")
  @ApiOkResponse({ type: DueRotationsReply, description: "Values that are to be rotated, in the order of their accounts; why and when." })
  async due(@CurrentPerson() { personId }: PersonCaller, @Query() query: PageQuery): Promise<DueRotationsReply> {
    const { after, limit } = parsePage(query);
    const { items, last } = await this.rotations.page(after ?? "", limit, personId);
    return {
      items: items.map(({ due, ...rest }) => ({ ...rest, due: due.map(({ reason, dueAt }) => ({ reason, dueAt: dueAt.toISOString() })) })),
      next: last === null ? null : cursorOf(last),
    };
  }
}
