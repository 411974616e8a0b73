import { Body, Controller, Get, HttpCode, Param, Post, Query } from "@nestjs/common";
import { ApiOkResponse, ApiTags } from "@nestjs/swagger";
import { SYSTEM_CLOCK } from "../kernel/clock.js";
import { parseId } from "../kernel/ids.js";
import { CurrentPerson } from "../wire/caller.decorator.js";
import type { PersonCaller } from "../wire/caller.js";
import { Operation } from "../wire/operation.decorator.js";
import { PageQuery } from "../wire/page.dto.js";
import { pageOfWhole } from "../wire/whole-list.js";
import { GlassUsesReply, ReviewedReply, ReviewForm } from "./glass.dto.js";
import { Glass } from "./glass.service.js";

/** Uses of break-glass and their reviews; breaking it is asked for under /v1/requests. */
@ApiTags("glass")
@Controller("v1/glass")
export class GlassController {
  constructor(private readonly glass: Glass) {}

  @Get()
  @Operation("glass.list")
  @ApiOkResponse({
    type: GlassUsesReply,
    description: "Uses over accounts of the caller's entries, and those that the caller took part in, reviewed or not.",
  })
  async list(@CurrentPerson() { personId }: PersonCaller, @Query() query: PageQuery): Promise<GlassUsesReply> {
    const { items, next } = pageOfWhole(await this.glass.listFor(personId), query, ({ id }) => id);
    const now = SYSTEM_CLOCK.now();
    return {
      items: items.map(({ id, accountId, requestId, grantId, state, dueAt, reviewerId, findings, closedAt }) => ({
        id,
        accountId,
        requestId,
        grantId,
        state,
        dueAt: dueAt.toISOString(),
        isOverdue: state === "OPEN" && dueAt <= now,
        reviewerId,
        findings,
        closedAt: closedAt?.toISOString() ?? null,
      })),
      next,
    };
  }

  @Post(":id/reviews")
  @HttpCode(200)
  @Operation("glass.review")
  @ApiOkResponse({ type: ReviewedReply, description: "Closed; the account can have another break-glass." })
  async review(@CurrentPerson() caller: PersonCaller, @Param("id") id: string, @Body() form: ReviewForm): Promise<ReviewedReply> {
    return await this.glass.review(caller, parseId("glass", id), form.code, form.findings);
  }
}
