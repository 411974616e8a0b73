import type { EntryDraft } from "../audit/entry.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import type { Id } from "../kernel/ids.js";
import { postTicketUpdate } from "../tickets/post-ticket-update.service.js";
import type { Sighting } from "../tickets/ticket-check.service.js";
import type { TicketEvent, TicketFacts } from "../tickets/ticket-note.js";
import { isGlass } from "./glass-terms.js";
import type { RequestState } from "./request.entity.js";
import type { RequestBody } from "./request-body.js";

/** What of a request its ticket is told. The reason stays in the house, and so do names: whoever may, reads them there. */
type ToldRequest = Pick<RequestBody, "id" | "operation" | "requester" | "account" | "purpose" | "ticket" | "flags">;

/** A change of a request. */
export interface RequestChange {
  readonly event: TicketEvent;
  /** The request's state from now on. */
  readonly state: RequestState;
  /** Facts beside those of the request. */
  readonly facts?: TicketFacts;
  /** Event id of the entry that tells of it. */
  readonly entryId?: string;
  /** True once there is a grant: a break-glass has a ticket opened for it then, which is told as well. */
  readonly isGranted?: boolean;
}

function factsOf({ id, operation, account, purpose }: ToldRequest, { state, facts }: RequestChange): TicketFacts {
  return {
    request: id,
    state,
    operation,
    ...(purpose === null ? {} : { purpose: purpose.slug }),
    ...(account === null ? {} : { account: account.id, "aws account": account.awsId }),
    ...facts,
  };
}

/** Has the request's ticket told of a change of it, in the transaction of that change and under the request's lock. */
export async function tellTicket(tx: WorkTransaction, body: ToldRequest, change: RequestChange): Promise<void> {
  const told = { requestId: body.id, act: "APPEND", event: change.event, facts: factsOf(body, change), entryId: change.entryId } as const;
  if (body.ticket !== null) await postTicketUpdate(tx, { ...told, reference: body.ticket });
  if (change.isGranted === true && isGlass(body)) await postTicketUpdate(tx, { ...told, reference: null });
}

/** Has a ticket opened for a break-glass (design §6): the one that the request names may be of a system that was away. */
export async function openGlassTicket(tx: WorkTransaction, body: ToldRequest, grant: string): Promise<void> {
  const change = { event: "glass.granted", state: "APPROVED", facts: { by: body.requester, grant } } as const;
  await postTicketUpdate(tx, { requestId: body.id, reference: null, act: "OPEN", event: change.event, facts: factsOf(body, change) });
}

/** Of a request that was just submitted. */
export function submittedChange({ requester }: ToldRequest, { id }: EntryDraft, sighting: Sighting | null): RequestChange {
  const facts = { by: requester, ...(sighting === null ? {} : { "ticket seen": sighting.ticketSeen }) };
  return { event: "request.submitted", state: "SUBMITTED", facts, entryId: id };
}

/** Of an approval. @param approvals that count, and that are needed: `1/2`. */
export function approvedChange(state: RequestState, { id }: EntryDraft, by: Id<"person">, approvals: string): RequestChange {
  return { event: state === "CLOSED" ? "request.closed" : "request.approved", state, facts: { by, approvals }, entryId: id };
}

/** Of an end that a person decided, or nobody in time. */
export function decidedChange(event: TicketEvent, state: RequestState, { id }: EntryDraft, by?: Id<"person">): RequestChange {
  return { event, state, facts: by === undefined ? {} : { by }, entryId: id };
}

/** Of an opening, whose intent is the entry. */
export function openedChange(grantId: Id<"grant">, kind: string, number: number, by: Id<"person">, entryId: string): RequestChange {
  return {
    event: "request.opened",
    state: "OPENED",
    facts: { by, grant: grantId, kind, number: String(number) },
    entryId,
    isGranted: true,
  };
}

/** Of a grant that ended, given the state that it leaves the request in. */
export function endedChange(state: RequestState, grantId: Id<"grant">, { id, actor }: EntryDraft): RequestChange {
  const event = state === "REVOKED" ? "request.revoked" : state === "RETURNED" ? "request.returned" : "request.expired";
  const facts = { grant: grantId, ...(actor.type === "person" ? { by: actor.id } : {}) };
  return { event, state, facts, entryId: id, isGranted: true };
}
