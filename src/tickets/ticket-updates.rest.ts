import { Controller, Get, HttpCode, Param, Post, Query } from "@nestjs/common";
import { ApiNoContentResponse, ApiOkResponse, ApiTags } from "@nestjs/swagger";
import { parseId } from "../kernel/ids.js";
import { Reading } from "../people/reading.service.js";
import { CurrentPerson } from "../wire/caller.decorator.js";
import type { PersonCaller } from "../wire/caller.js";
import { Operation } from "../wire/operation.decorator.js";
import { pageOf, parsePage } from "../wire/paging.js";
import { TicketUpdatesQuery, TicketUpdatesReply } from "./ticket-updates.dto.js";
import { TicketUpdates } from "./ticket-updates.service.js";

/** Changes of requests on their way into tickets. */
@ApiTags("tickets")
@Controller("v1/ticket-updates")
export class TicketUpdatesController {
  constructor(
    private readonly updates: TicketUpdates,
    private readonly reading: Reading,
  ) {}

  @Get()
  @Operation("ticket_update.list")
  @ApiOkResponse({ type: TicketUpdatesReply, description: "Changes, in the order of their ids." })
  async list(@CurrentPerson() { personId }: PersonCaller, @Query() query: TicketUpdatesQuery): Promise<TicketUpdatesReply> {
    await this.reading.assertAll(personId, "ticket_update.list");
    const { after, limit } = parsePage(query);
    const rows = await this.updates.list(query.state ?? "DEAD", after ?? "", limit + 1);
    const { items, next } = pageOf(rows, limit, ({ id }) => id);
    return { items: items.map((row) => ({ ...row, createdAt: row.createdAt.toISOString() })), next };
  }

  @Post(":id/retries")
  @HttpCode(204)
  @Operation("ticket_update.retry")
  @ApiNoContentResponse({ description: "Back in line, and with it what waits behind it." })
  async retry(@Param("id") id: string): Promise<void> {
    await this.updates.retry(parseId("ticketUpdate", id));
  }
}
