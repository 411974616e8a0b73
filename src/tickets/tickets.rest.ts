import { Body, Controller, Get, HttpCode, Param, Post, Query } from "@nestjs/common";
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiTags } from "@nestjs/swagger";
import { parseId } from "../kernel/ids.js";
import { CurrentPerson } from "../wire/caller.decorator.js";
import type { PersonCaller } from "../wire/caller.js";
import { Operation } from "../wire/operation.decorator.js";
import { pageOf, parsePage } from "../wire/paging.js";
import { Board } from "./board.service.js";
import type { BoardTicket } from "./board-ticket.entity.js";
import {
  CommentForm,
  OpenedTicketReply,
  OpenTicketForm,
  TicketReply,
  TicketsQuery,
  TicketsReply,
  TicketWithCommentsReply,
} from "./tickets.dto.js";

/** The built-in board; it is always there, whether or not it is the connected ticket system. */
@ApiTags("tickets")
@Controller("v1/tickets")
export class TicketsController {
  constructor(private readonly board: Board) {}

  @Get()
  @Operation("ticket.list")
  @ApiOkResponse({
    type: TicketsReply,
    description: "Tickets about accounts of the caller's entries, the caller's own, and those that name no account.",
  })
  async list(@CurrentPerson() { personId }: PersonCaller, @Query() query: TicketsQuery): Promise<TicketsReply> {
    const { after, limit } = parsePage(query);
    const rows = await this.board.listFor(personId, query.state, after ?? "", limit + 1);
    const { items, next } = pageOf(rows, limit, ({ id }) => id);
    return { items: items.map(ticketReply), next };
  }

  @Post()
  @Operation("ticket.open")
  @ApiCreatedResponse({ type: OpenedTicketReply, description: "Opened." })
  async open(@CurrentPerson() caller: PersonCaller, @Body() form: OpenTicketForm): Promise<OpenedTicketReply> {
    const accountId = form.accountId ?? null;
    return await this.board.open(caller, {
      series: form.series ?? "OPS",
      accountId: accountId === null ? null : parseId("account", accountId),
      title: form.title,
    });
  }

  @Get(":reference")
  @Operation("ticket.read")
  @ApiOkResponse({ type: TicketWithCommentsReply, description: "One ticket, and what is written under it." })
  async read(@CurrentPerson() { personId }: PersonCaller, @Param("reference") reference: string): Promise<TicketWithCommentsReply> {
    const { ticket, comments } = await this.board.readFor(personId, reference);
    return {
      ...ticketMembers(ticket),
      comments: comments.map(({ id, authorId, body, at }) => ({ id, authorId, text: body, at: at.toISOString() })),
    };
  }

  @Post(":reference/comments")
  @HttpCode(204)
  @Operation("ticket.comment")
  @ApiNoContentResponse({ description: "Written." })
  async comment(@CurrentPerson() caller: PersonCaller, @Param("reference") reference: string, @Body() form: CommentForm): Promise<void> {
    await this.board.comment(caller, reference, form.text);
  }

  @Post(":reference/closings")
  @HttpCode(204)
  @Operation("ticket.close")
  @ApiNoContentResponse({ description: "Closed; nothing is asked for or opened by it any more." })
  async close(@CurrentPerson() caller: PersonCaller, @Param("reference") reference: string): Promise<void> {
    await this.board.close(caller, reference);
  }
}

function ticketReply(ticket: BoardTicket): TicketReply {
  return ticketMembers(ticket);
}

function ticketMembers(ticket: BoardTicket) {
  const { id, reference, accountId, title, state, openedBy, openedAt, closedBy, closedAt } = ticket;
  return {
    id,
    reference,
    accountId,
    title,
    state,
    openedBy,
    openedAt: openedAt.toISOString(),
    closedBy,
    closedAt: closedAt?.toISOString() ?? null,
  };
}
