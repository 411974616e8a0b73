import type { IncomingMessage } from "node:http";
import { openCall } from "../audit/stream/post-body.adapter.js";
import { codeOf } from "../audit/stream/stream-errors.js";
import { withDeadline } from "../kernel/deadline.js";
import { isRootkeepError } from "../kernel/errors.js";
import { notTaken } from "../notices/channel-failure.js";

/** Of an answer: tickets are short, and whoever answers is not to fill our memory. */
const ANSWER_BYTES_MAX = 64 * 1024;
const DEADLINE_MS = 10_000;

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
 * Calls a ticket system and reads its whole answer; a redirect is not followed.
 * @throws RootkeepError `UNAVAILABLE` with the reason `tickets_…` when no answer came, or one that has no end.
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
  const failure = (error: unknown) => notTaken(signal.aborted ? "tickets_timed_out" : `tickets_${codeOf(error)}`);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = openCall(url, { method, headers: all, signal, agent: false }, authorities);
    request.on("error", (error) => {
      reject(failure(error));
    });
    request.once("response", resolve);
    request.end(body ?? undefined);
  });
  try {
    const parts: Buffer[] = [];
    let size = 0;
    for await (const part of response as AsyncIterable<Buffer>) {
      size += part.length;
      if (size > ANSWER_BYTES_MAX) throw notTaken("tickets_answer_too_long");
      parts.push(part);
    }
    return { status: response.statusCode ?? 0, body: Buffer.concat(parts) };
  } catch (error) {
    throw isRootkeepError(error) ? error : failure(error);
  } finally {
    response.destroy();
  }
}
