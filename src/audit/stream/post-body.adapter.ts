import { type ClientRequest, type IncomingMessage, type RequestOptions, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { codeOf, streamUnavailable } from "./stream-errors.js";

/** One POST to a receiver that is none of our callers. */
export interface Post {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly signal: AbortSignal;
  /** Certificate authorities in PEM beside which none is trusted; those that Node trusts where undefined. */
  readonly authorities: string | undefined;
}

/** An answer that is none: the connection was given up without one, or is to speak something else. Its code is in the words of Node's errors. */
class NoAnswer extends Error {
  constructor(readonly code: "SWITCHED_PROTOCOLS" | "CLOSED") {
    super(code);
  }
}

/**
 * Posts `body` and returns the status of the answer; a redirect is not followed. TLS 1.2 or newer, but for `http:` on loopback, which the
 * configuration alone lets through.
 * @throws RootkeepError `UNAVAILABLE` with the reason `webhook_…` when no answer came.
 */
export async function postBody(url: string, { headers, body, signal, authorities }: Post): Promise<number> {
  try {
    const response = await answerTo(url, { method: "POST", headers, signal, agent: false }, body, authorities);
    // What the answer says beside its status is nobody's business here.
    response.destroy();
    return response.statusCode ?? 0;
  } catch (error) {
    throw streamUnavailable(signal.aborted ? "webhook_timed_out" : `webhook_${codeOf(error)}`);
  }
}

/**
 * Calls a system that is none of our callers and returns the answer, its body unread. TLS 1.2 or newer, but for `http:` on loopback, which
 * the configuration alone lets through.
 * @throws Error with the code of a system error when no answer came. It always comes to an end: an answer `101`, which Node otherwise drops
 *   without a word, and a connection that closes without one are none.
 */
export async function answerTo(
  url: string,
  options: RequestOptions,
  body: Buffer | null,
  authorities: string | undefined,
): Promise<IncomingMessage> {
  return await new Promise<IncomingMessage>((resolve, reject) => {
    const request = openCall(url, options, authorities);
    request.on("error", reject);
    request.once("upgrade", (_response, socket) => {
      socket.destroy();
      reject(new NoAnswer("SWITCHED_PROTOCOLS"));
    });
    request.once("response", resolve);
    // After an answer this says nothing any more.
    request.once("close", () => {
      reject(new NoAnswer("CLOSED"));
    });
    request.end(body ?? undefined);
  });
}

function openCall(url: string, options: RequestOptions, authorities: string | undefined): ClientRequest {
  if (url.startsWith("http:")) return requestHttp(url, options);
  return requestHttps(url, { ...options, minVersion: "TLSv1.2", ...(authorities === undefined ? {} : { ca: authorities }) });
}
