import { readAccount } from "../accounts/account-registry.service.js";
import { draftEntry, personActor, SYSTEM_ACTOR } from "../audit/draft.js";
import type { EntryDraft } from "../audit/entry.js";
import type { Transactions } from "../audit/transactions.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { RootkeepError } from "../kernel/errors.js";
import { type Id, newId } from "../kernel/ids.js";
import { LIMITS } from "../kernel/limits.js";
import { checkProse } from "../kernel/prose.js";
import { type ActingPerson, actingStanding } from "../people/acting-person.service.js";
import { type Reader, readerOf } from "../people/reading.service.js";
import { scopedAccountOf } from "../people/scoped-account.js";
import { hasRole, type Standing } from "../people/standing.service.js";
import { BoardRows, type CommentRow } from "./board.repository.js";
import { BoardTicket } from "./board-ticket.entity.js";
import { isReadable, listedTickets, shownComments } from "./readable-tickets.service.js";
import { isTicketText, parseTicketReference, type TicketPattern } from "./ticket-reference.js";

/** Comments that are shown of one ticket. */
const COMMENTS_MAX = 1_000;

/** Who writes on the board: whoever asks, decides or keeps; an auditor changes nothing. */
const WRITING = ["requester", "approver", "custodian"] as const;

/** A ticket that somebody wants opened. */
export interface TicketForm {
  /** The letters before the number. */
  readonly series: string;
  readonly accountId: Id<"account"> | null;
  readonly title: string;
}

/** A ticket, and what is written under it. */
export interface BoardView {
  readonly ticket: BoardTicket;
  readonly comments: readonly CommentRow[];
}

/**
 * The built-in board. Opening and closing a ticket makes an entry of the log, so that whether it is open is proven like everything else that
 * decides; its words stand in no entry.
 */
export class Board {
  constructor(
    private readonly transactions: Transactions,
    private readonly pattern: TicketPattern,
  ) {}

  /**
   * @throws RootkeepError `NOT_ALLOWLISTED`, `NOT_FOUND` for the account, `MALFORMED`; `TICKET_INVALID` where the deployment's pattern knows
   *   no such series.
   */
  async open(acting: ActingPerson, { series, accountId, title }: TicketForm): Promise<{ reference: string; seq: number }> {
    assertWords("title", title, LIMITS.ticketTitleCharsMax);
    const { result, receipts } = await this.transactions.run(async (tx) => {
      const now = await tx.clock();
      await this.#assertMayWrite(tx, await actingStanding(tx, acting, now), accountId);
      const reference = parseTicketReference(this.pattern, `${series}-${await BoardRows.nextNumber(tx.manager, series)}`);
      const ticket = insertTicket(tx, { reference, accountId, title, openedBy: acting.personId, openedAt: now, openKey: null });
      return { result: reference, entries: [{ draft: ticketEntry("ticket.open", ticket, acting.personId) }] };
    });
    return { reference: result, seq: receipts[0]?.facts.seq ?? -1 };
  }

  /**
   * Opens the one ticket of `openKey` for the service itself, or finds it.
   * @param accountId that it names; one that is not registered is left out.
   */
  async openOnce(openKey: string, { series, accountId, title }: TicketForm): Promise<string> {
    const { result } = await this.transactions.run<string>(async (tx) => {
      const [known] = await tx.readAll(BoardTicket, { openKey });
      if (known !== undefined) return { result: known.reference, entries: [] };
      const reference = `${series}-${await BoardRows.nextNumber(tx.manager, series)}`;
      const named = accountId === null || (await readAccount(tx, accountId)) === null ? null : accountId;
      const openedAt = await tx.clock();
      const ticket = insertTicket(tx, { reference, accountId: named, title, openedBy: null, openedAt, openKey });
      return { result: reference, entries: [{ draft: ticketEntry("ticket.open", ticket, null) }] };
    });
    return result;
  }

  /**
   * One that names no account is closed by who opened it, or by a custodian: nobody else has a part in what it is about, and closing it
   * refuses the acts that name it.
   * @throws RootkeepError `NOT_FOUND`, `NOT_ALLOWLISTED`, `STATE_CONFLICT` for one that is closed.
   */
  async close(acting: ActingPerson, reference: string): Promise<void> {
    await this.transactions.run(async (tx) => {
      const now = await tx.clock();
      const found = await ticketOf(tx, reference, "lock");
      const standing = await actingStanding(tx, acting, now);
      const ticket = await readableTicket(tx, await readerOf(tx, acting.personId, "ticket.read"), found);
      await this.#assertMayWrite(tx, standing, ticket.accountId);
      const isOwn = ticket.openedBy === acting.personId;
      if (ticket.accountId === null && !isOwn && !hasRole(standing, "custodian")) throw new RootkeepError("NOT_ALLOWLISTED");
      if (ticket.state !== "OPEN") throw new RootkeepError("STATE_CONFLICT", { facts: { state: ticket.state } });
      tx.change(BoardTicket, ticket, { state: "CLOSED", closedBy: acting.personId, closedAt: now });
      return { result: undefined, entries: [{ draft: ticketEntry("ticket.close", ticket, acting.personId) }] };
    });
  }

  /** Writes under a ticket, open or closed. @throws RootkeepError `NOT_FOUND`, `NOT_ALLOWLISTED`, `MALFORMED` */
  async comment(acting: ActingPerson, reference: string, text: string): Promise<void> {
    assertWords("text", text, LIMITS.reasonCharsMax);
    await this.transactions.run(async (tx) => {
      const now = await tx.clock();
      const found = await ticketOf(tx, reference);
      const standing = await actingStanding(tx, acting, now);
      const ticket = await readableTicket(tx, await readerOf(tx, acting.personId, "ticket.read"), found);
      await this.#assertMayWrite(tx, standing, ticket.accountId);
      await BoardRows.comment(tx.manager, newId("ticketComment"), ticket.id, acting.personId, text);
      return { result: undefined, entries: [{ draft: ticketEntry("ticket.comment", ticket, acting.personId) }] };
    });
  }

  /** What the service itself writes under a ticket, once for each key; it makes no entry, for it tells of one. @returns false where there is no such ticket. */
  async note(reference: string, key: string, text: string): Promise<boolean> {
    const { result } = await this.transactions.run(async (tx) => {
      const ticket = await ticketOf(tx, reference);
      if (ticket !== undefined) await BoardRows.comment(tx.manager, key, ticket.id, null, text);
      return { result: ticket !== undefined, entries: [] };
    });
    return result;
  }

  /** Tickets of a state (all without one) that `readerId` may read, in the order of their ids, after `after`. */
  async listFor(readerId: Id<"person">, state: BoardTicket["state"] | undefined, after: string, limit: number): Promise<BoardTicket[]> {
    return await this.transactions.peek(async (tx) =>
      listedTickets(tx, await readerOf(tx, readerId, "ticket.list"), { state, after, limit }),
    );
  }

  /** @throws RootkeepError `NOT_FOUND`, also for one that `readerId` may not read. */
  async readFor(readerId: Id<"person">, reference: string): Promise<BoardView> {
    return await this.transactions.peek(async (tx) => {
      const reader = await readerOf(tx, readerId, "ticket.read");
      const ticket = await readableTicket(tx, reader, await ticketOf(tx, reference));
      const comments = await BoardRows.comments(tx.manager, ticket.id, COMMENTS_MAX);
      return { ticket, comments: await shownComments(tx, reader, ticket, comments) };
    });
  }

  /** The ticket of this reference and the AWS account that it names; null where there is none. */
  async look(reference: string): Promise<{ isOpen: boolean; awsId: string | null } | null> {
    return await this.transactions.peek(async (tx) => {
      const ticket = await ticketOf(tx, reference);
      if (ticket === undefined) return null;
      const account = ticket.accountId === null ? null : await readAccount(tx, ticket.accountId);
      return { isOpen: ticket.state === "OPEN", awsId: account?.awsId ?? null };
    });
  }

  /** Closing a ticket stops whoever wants to open by it, so it takes a part over the account that it names. */
  async #assertMayWrite(tx: WorkTransaction, standing: Standing, accountId: Id<"account"> | null): Promise<void> {
    const account = accountId === null ? null : await readAccount(tx, accountId);
    if (accountId !== null && account === null) throw new RootkeepError("NOT_FOUND");
    const scoped = account === null ? undefined : scopedAccountOf(account);
    if (!WRITING.some((role) => hasRole(standing, role, scoped))) throw new RootkeepError("NOT_ALLOWLISTED");
  }
}

/** The ticket of this very reference. One with a NUL in it the database would not even look for. */
async function ticketOf(tx: WorkTransaction, reference: string, mode: "read" | "lock" = "read"): Promise<BoardTicket | undefined> {
  return isTicketText(reference) ? (await tx.readAll(BoardTicket, { reference }, mode))[0] : undefined;
}

/** `ticket`, if `reader` may know of it. @throws RootkeepError `NOT_FOUND` */
async function readableTicket(tx: WorkTransaction, reader: Reader, ticket: BoardTicket | undefined): Promise<BoardTicket> {
  const isShown = await isReadable(tx, reader, ticket);
  if (ticket === undefined || !isShown) throw new RootkeepError("NOT_FOUND");
  return ticket;
}

type NewTicket = Pick<BoardTicket, "reference" | "accountId" | "title" | "openedBy" | "openedAt" | "openKey">;

function insertTicket(tx: WorkTransaction, ticket: NewTicket): BoardTicket {
  return tx.insert(BoardTicket, { id: newId("ticket"), state: "OPEN", closedBy: null, closedAt: null, ...ticket });
}

function ticketEntry(
  action: "ticket.open" | "ticket.close" | "ticket.comment",
  { id, reference, accountId }: BoardTicket,
  by: Id<"person"> | null,
): EntryDraft {
  return draftEntry({
    action,
    outcome: "committed",
    actor: by === null ? SYSTEM_ACTOR : personActor(by),
    target: { type: "ticket", id },
    details: { reference },
    ...(accountId === null ? {} : { stream: accountId }),
  });
}

function assertWords(field: string, text: string, most: number): void {
  const fields = text.length > most ? [{ field, rule: `has at most ${String(most)} characters` }] : checkProse(field, text);
  if (fields.length > 0) throw new RootkeepError("MALFORMED", { fields });
}
