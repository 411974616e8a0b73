import { randomUUID } from "node:crypto";
import { webhookHeaders } from "../audit/stream/webhook-signature.js";
import { RootkeepError } from "../kernel/errors.js";
import { LIMITS } from "../kernel/limits.js";
import type { Secret } from "../kernel/secret.js";
import { type Answered, type CallOptions, callSystem, noAnswer, statusFailure } from "./call-system.adapter.js";
import type { TicketNote } from "./ticket-note.js";
import type { Ticket, TicketSystem } from "./ticket-system.port.js";

/** Format label of questions and answers [TW-1]. */
const FORMAT = "rk-ticket-1";
/** Accounts that one ticket names at most. */
const ACCOUNTS_MAX = 1_000;
/** The ticket of a note is gone for good [TW-9]. */
const GONE = 410;

/**
 * A ticket system behind an address of the deployment's own, as docs/spec/ticket-webhook.md has it: looked up by GET, told by POST, each
 * signed as Standard Webhooks has it. What it answers is believed as far as the certificate of its address goes, and can only refuse.
 */
export class WebhookTickets implements TicketSystem {
  readonly name = "webhook";

  constructor(
    private readonly url: string,
    private readonly secret: Secret<string>,
    private readonly options: CallOptions = {},
  ) {}

  async find(reference: string, signal: AbortSignal): Promise<Ticket | null> {
    const url = new URL(this.url);
    // In the query, not in the path: no reference can lead to another address [TW-4].
    url.searchParams.set("ticket", reference);
    const headers = this.#signed(`look_${randomUUID()}`, Buffer.from(reference, "utf8"));
    const { state, accounts, ticket } = answerOf(await callSystem(url.href, { method: "GET", headers, body: null }, this.options, signal));
    if (ticket !== reference) throw noAnswer("tickets_other_reference");
    if (state === "unknown") return null;
    if ((state !== "open" && state !== "closed") || !isAccountList(accounts)) throw noAnswer("tickets_malformed");
    return { reference, isOpen: state === "open", accounts };
  }

  async open(note: TicketNote, signal: AbortSignal): Promise<string> {
    const { ticket } = answerOf(await this.#post("open", note, null, signal));
    if (typeof ticket !== "string" || !isReference(ticket)) throw noAnswer("tickets_malformed");
    return ticket;
  }

  async append(reference: string, note: TicketNote, signal: AbortSignal): Promise<void> {
    const { status } = await this.#post("append", note, reference, signal);
    if (status === GONE) throw new RootkeepError("TICKET_UNKNOWN");
    if (status < 200 || status > 299) throw statusFailure(status);
  }

  async #post(act: "open" | "append", note: TicketNote, ticket: string | null, signal: AbortSignal): Promise<Answered> {
    const { key, event, subject, text, facts, deployment, time } = note;
    const message = { format: FORMAT, act, id: key, ticket, event, deployment, time, subject, text, facts };
    const body = Buffer.from(JSON.stringify(message), "utf8");
    return await callSystem(this.url, { method: "POST", headers: this.#signed(key, body), body }, this.options, signal);
  }

  #signed(id: string, body: Buffer): Readonly<Record<string, string>> {
    return webhookHeaders(this.secret, id, Math.floor(Date.now() / 1000), body);
  }
}

/** Members of an answer that says yes, still unchecked. @throws RootkeepError `UNAVAILABLE`, `TICKETS_UNAVAILABLE` */
function answerOf({ status, body }: Answered): Readonly<Record<string, unknown>> {
  if (status !== 200) throw statusFailure(status);
  let answer: unknown;
  try {
    answer = JSON.parse(body.toString("utf8"));
  } catch {
    throw noAnswer("tickets_malformed");
  }
  const members = typeof answer === "object" && answer !== null ? (answer as Readonly<Record<string, unknown>>) : {};
  if (members["format"] !== FORMAT) throw noAnswer("tickets_malformed");
  return members;
}

function isAccountList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length <= ACCOUNTS_MAX && value.every((id) => typeof id === "string" && /^\d{12}$/.test(id));
}

/** A ticket that was opened elsewhere: what we keep of it is bounded, and printable. */
function isReference(text: string): boolean {
  return text.length > 0 && text.length <= LIMITS.ticketCharsMax && /^[!-~]+$/.test(text);
}
