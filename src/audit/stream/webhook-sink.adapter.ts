import { type ClientRequest, type RequestOptions, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { Secret } from "../../kernel/secret.js";
import { codeOf, streamUnavailable } from "./stream-errors.js";
import type { StreamRecord } from "./stream-record.js";
import type { StreamSink } from "./stream-sink.port.js";
import { webhookHeaders, webhookId } from "./webhook-signature.js";

/** For one batch, up to the status of the answer. */
const DEADLINE_MS = 15_000;

export interface WebhookOptions {
  /** Certificate authorities in PEM beside which none is trusted; those that Node trusts unless told. */
  readonly authorities?: string;
  readonly deadlineMs?: number;
}

/**
 * Posts batches of lines, signed as Standard Webhooks has it. An answer of 200 to 299 is the acknowledgement; every other one, a redirect
 * too, is a failure.
 */
export class WebhookSink implements StreamSink {
  readonly name = "webhook";

  constructor(
    private readonly url: string,
    private readonly secret: Secret<string>,
    private readonly options: WebhookOptions = {},
  ) {}

  async send(records: readonly StreamRecord[], signal: AbortSignal): Promise<void> {
    const body = Buffer.from(records.map(({ line }) => `${line}\n`).join(""), "utf8");
    const headers = {
      "content-type": "application/x-ndjson",
      "content-length": String(body.length),
      "user-agent": "rootkeep",
      ...webhookHeaders(this.secret, webhookId(body), Math.floor(Date.now() / 1000), body),
    };
    const deadline = AbortSignal.timeout(this.options.deadlineMs ?? DEADLINE_MS);
    const status = await this.#post(headers, body, AbortSignal.any([signal, deadline]));
    if (status < 200 || status > 299) throw streamUnavailable(`webhook_answered_${String(status)}`);
  }

  async close(): Promise<void> {
    // No connection is kept between batches.
  }

  async #post(headers: Readonly<Record<string, string>>, body: Buffer, signal: AbortSignal): Promise<number> {
    return await new Promise<number>((resolve, reject) => {
      const request = this.#open({ method: "POST", headers, signal, agent: false });
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

  #open(options: RequestOptions): ClientRequest {
    if (this.url.startsWith("http:")) return requestHttp(this.url, options);
    const { authorities } = this.options;
    return requestHttps(this.url, { ...options, minVersion: "TLSv1.2", ...(authorities === undefined ? {} : { ca: authorities }) });
  }
}
