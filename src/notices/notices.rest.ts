import { Controller, Get, HttpCode, Param, Post, Query } from "@nestjs/common";
import { ApiNoContentResponse, ApiOkResponse, ApiTags } from "@nestjs/swagger";
import { LogReading } from "../audit/log-reading.port.js";
import { parseId } from "../kernel/ids.js";
import { CurrentPerson } from "../wire/caller.decorator.js";
import type { PersonCaller } from "../wire/caller.js";
import { Operation } from "../wire/operation.decorator.js";
import { pageOf, parsePage } from "../wire/paging.js";
import { Deliveries } from "./deliveries.service.js";
import { DeliveriesQuery, DeliveriesReply } from "./notices.dto.js";

/** Messages on their way to people. */
@ApiTags("notices")
@Controller("v1/notices")
export class NoticesController {
  constructor(
    private readonly deliveries: Deliveries,
    private readonly reading: LogReading,
  ) {}

  @Get()
  @Operation("notice.list")
  @ApiOkResponse({ type: DeliveriesReply, description: "Messages, in the order of their ids." })
  async list(@CurrentPerson() { personId }: PersonCaller, @Query() query: DeliveriesQuery): Promise<DeliveriesReply> {
    await this.reading.assertAll(personId, "notice.list");
    const { after, limit } = parsePage(query);
    const { items, next } = pageOf(await this.deliveries.list(query.state ?? "DEAD", after ?? "", limit + 1), limit, ({ id }) => id);
    return { items: items.map((row) => ({ ...row, createdAt: row.createdAt.toISOString() })), next };
  }

  @Post(":id/retries")
  @HttpCode(204)
  @Operation("notice.retry")
  @ApiNoContentResponse({ description: "Back in line." })
  async retry(@Param("id") id: string): Promise<void> {
    await this.deliveries.retry(parseId("delivery", id));
  }
}
