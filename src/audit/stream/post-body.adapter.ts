import { type ClientRequest, type RequestOptions, request as requestHttp } from "node:http";
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

/**
 * Posts `body` and returns the status of the answer; a redirect is not followed. TLS 1.2 or newer, but for `http:` on loopback, which the
 * configuration alone lets through.
 * @throws RootkeepError `UNAVAILABLE` with the reason `webhook_…` when no answer came.
 */
export async function postBody(url: string, { headers, body, signal, authorities }: Post): Promise<number> {
  return await new Promise<number>((resolve, reject) => {
    const request = openCall(url, { method: "POST", headers, signal, agent: false }, authorities);
    request.on("error", (error) => {
      reject(streamUnavailable(signal.aborted ? "webhook_timed_out" : `webhook_${codeOf(error)}`));
    });
    request.once("response", (response) => {
      resolve(response.statusCode ?? 0);
      // What the answer says beside its status is nobody's business here.
      response.destroy();
    });
    request.end(body);
  });
}

/** Begins a call to a system that is none of our callers: TLS 1.2 or newer, but for `http:` on loopback, which the configuration alone lets through. */
export function openCall(url: string, options: RequestOptions, authorities: string | undefined): ClientRequest {
  if (url.startsWith("http:")) return requestHttp(url, options);
  return requestHttps(url, { ...options, minVersion: "TLSv1.2", ...(authorities === undefined ? {} : { ca: authorities }) });
}
