import { withDeadline } from "../../kernel/deadline.js";
import type { Secret } from "../../kernel/secret.js";
import { postBody } from "./post-body.adapter.js";
import { streamUnavailable } from "./stream-errors.js";
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
    const { authorities, deadlineMs = DEADLINE_MS } = this.options;
    const post = (inTime: AbortSignal): Promise<number> => postBody(this.url, { headers, body, signal: inTime, authorities });
    const status = await withDeadline(deadlineMs, post, signal);
    if (status < 200 || status > 299) throw streamUnavailable(`webhook_answered_${String(status)}`);
  }

  async close(): Promise<void> {
    // No connection is kept between batches.
  }
}
