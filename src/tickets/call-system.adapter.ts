import { answerTo } from "../audit/stream/post-body.adapter.js";
import { codeOf } from "../audit/stream/stream-errors.js";
import { withDeadline } from "../kernel/deadline.js";
import { isRootkeepError, RootkeepError } from "../kernel/errors.js";
import { notTaken } from "../notices/channel-failure.js";

/** Of an answer: tickets are short, and whoever answers is not to fill our memory. */
const ANSWER_BYTES_MAX = 64 * 1024;
const DEADLINE_MS = 10_000;
const TOO_MANY = 429;
/** Codes of Node's for an answer that came and is none: HTTP that cannot be read, and another protocol. */
const UNREADABLE = /^(HPE_|SWITCHED_PROTOCOLS$)/;

export interface CallOptions {
  /** Certificate authorities in PEM beside which none is trusted; those that Node trusts unless told. */
  readonly authorities?: string;
  readonly deadlineMs?: number;
}

/** One call to a ticket system. */
export interface Call {
  readonly method: "GET" | "POST";
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | null;
}

export interface Answered {
  readonly status: number;
  /** At most 64 KiB, from outside. */
  readonly body: Buffer;
}

/**
 * A system that answered, and said nothing: it is not away. What a requester can put into a ticket, or ask by, must not look like an outage.
 * @param reason constant text, at most with a status or an error code; never an answer's words.
 */
export function noAnswer(reason: string): RootkeepError {
  return new RootkeepError("TICKETS_UNAVAILABLE", { reason });
}

/** A status that says neither yes nor no: the system is away where it says that it cannot, or not now. */
export function statusFailure(status: number): RootkeepError {
  const reason = `tickets_answered_${String(status)}`;
  return status >= 500 || status === TOO_MANY ? notTaken(reason) : noAnswer(reason);
}

/**
 * Calls a ticket system and reads its whole answer; a redirect is not followed.
 * @throws RootkeepError with the reason `tickets_…`: `UNAVAILABLE` when no answer came, `TICKETS_UNAVAILABLE` for one that has no end or is not HTTP.
 */
export async function callSystem(url: string, call: Call, options: CallOptions, signal: AbortSignal): Promise<Answered> {
  return await withDeadline(options.deadlineMs ?? DEADLINE_MS, (inTime) => answerOf(url, call, options.authorities, inTime), signal);
}

async function answerOf(
  url: string,
  { method, headers, body }: Call,
  authorities: string | undefined,
  signal: AbortSignal,
): Promise<Answered> {
  const length = body === null ? {} : { "content-type": "application/json", "content-length": String(body.length) };
  const all = { accept: "application/json", "user-agent": "rootkeep", ...length, ...headers };
  const failure = (error: unknown): RootkeepError => {
    if (signal.aborted) return notTaken("tickets_timed_out");
    const code = codeOf(error);
    return UNREADABLE.test(code) ? noAnswer(`tickets_${code}`) : notTaken(`tickets_${code}`);
  };
  const asked = { method, headers: all, signal, agent: false };
  const response = await answerTo(url, asked, body, authorities).catch((error: unknown) => {
    throw failure(error);
  });
  try {
    const parts: Buffer[] = [];
    let size = 0;
    for await (const part of response as AsyncIterable<Buffer>) {
      size += part.length;
      if (size > ANSWER_BYTES_MAX) throw noAnswer("tickets_answer_too_long");
      parts.push(part);
    }
    return { status: response.statusCode ?? 0, body: Buffer.concat(parts) };
  } catch (error) {
    throw isRootkeepError(error) ? error : failure(error);
  } finally {
    response.destroy();
  }
}
