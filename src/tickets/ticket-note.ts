import { type Id, isId } from "../kernel/ids.js";
import { type MessageOrigin, shownFact } from "../notices/message.js";

/** What a ticket can be told, in constant words: nobody's text ever stands in a note. */
export const TICKET_EVENTS = {
  "request.submitted": "A request that names this ticket was submitted.",
  "request.approved": "Somebody has approved the request.",
  "request.denied": "The request was denied. Its reason stands with the request.",
  "request.withdrawn": "The request was withdrawn by the one who asked.",
  "request.expired": "The request ran out, or its grant did unused.",
  "request.opened": "Root credentials are opened under the request.",
  "request.returned": "What was granted is back.",
  "request.revoked": "What was granted was revoked.",
  "request.closed": "What was asked for is done.",
  "glass.granted": "Break-glass was granted: an emergency opening with fewer approvers. Somebody who took no part is to review it.",
  "glass.reviewed": "Somebody who took no part has closed the review of the break-glass.",
} as const satisfies Record<string, string>;
export type TicketEvent = keyof typeof TICKET_EVENTS;

/** Names of the facts that a note may hold, in their order. */
const FACT_NAMES = [
  "request",
  "state",
  "operation",
  "purpose",
  "account",
  "aws account",
  "by",
  "approvals",
  "grant",
  "kind",
  "number",
  "ticket seen",
  "audit entry",
] as const;
type TicketFactName = (typeof FACT_NAMES)[number];

/** Ids, slugs, numbers. What does not look like one is withheld, whoever wrote the row that it comes from. */
export type TicketFacts = Readonly<Partial<Record<TicketFactName, string>>>;

/** A change of a request that its ticket is to be told of. */
export interface TicketUpdate {
  readonly requestId: Id<"request">;
  /** The ticket that the request names; null for the one that was opened for it here. */
  readonly reference: string | null;
  /** `OPEN` opens that ticket. */
  readonly act: "APPEND" | "OPEN";
  readonly event: TicketEvent;
  readonly facts: TicketFacts;
  /** Event id of the entry that tells of it: its place in the log is known when the note is sent. */
  readonly entryId?: string | undefined;
}

/** What is written into a ticket. Every character of it is a constant of ours or passed the form of a fact. */
export interface TicketNote {
  /** The same for every attempt. */
  readonly key: string;
  readonly event: TicketEvent;
  readonly subject: string;
  readonly text: string;
  readonly facts: Readonly<Record<string, string>>;
  readonly deployment: string;
  /** When it happened: RFC 3339, UTC. */
  readonly time: string;
}

/** A change as it waits in the outbox. */
export interface StoredUpdate {
  readonly id: string;
  readonly event: TicketEvent;
  readonly facts: TicketFacts;
  readonly time: string;
}

const FOOT = "This note holds no secret and no code. Rootkeep writes neither into tickets.";

/** The note of a change. */
export function composeNote({ id, event, facts, time }: StoredUpdate, { deployment, publicUrl }: MessageOrigin): TicketNote {
  const shown: Record<string, string> = {};
  for (const name of FACT_NAMES) if (facts[name] !== undefined) shown[name] = shownFact(facts[name]);
  const request = shown["request"];
  const link = publicUrl === null || !isId("request", request) ? [] : [`${publicUrl}/v1/requests/${request}`, ""];
  const lines = [
    `[Rootkeep ${deployment}] ${TICKET_EVENTS[event]}`,
    "",
    ...Object.entries({ ...shown, time }).map(([name, value]) => `${`${name}:`.padEnd(12)} ${value}`),
    "",
    ...link,
    FOOT,
  ];
  const about = shown["aws account"] === undefined ? "" : `, AWS account ${shown["aws account"]}`;
  return {
    key: id,
    event,
    subject: `[Rootkeep ${deployment}] ${event === "glass.granted" ? "Break-glass to be reviewed" : "Request"}${about}`,
    text: `${lines.join("\n")}\n`,
    facts: shown,
    deployment,
    time,
  };
}

/** True if `value` is an event of the list. */
export function isTicketEvent(value: unknown): value is TicketEvent {
  return typeof value === "string" && Object.hasOwn(TICKET_EVENTS, value);
}
