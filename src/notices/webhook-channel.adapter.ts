import { postBody } from "../audit/stream/post-body.adapter.js";
import { webhookHeaders } from "../audit/stream/webhook-signature.js";
import { withDeadline } from "../kernel/deadline.js";
import type { Secret } from "../kernel/secret.js";
import type { Channel } from "./channel.port.js";
import { notTaken } from "./channel-failure.js";
import type { Message } from "./message.js";

/** For one message, up to the status of the answer. */
const DEADLINE_MS = 15_000;

export interface PostOptions {
  /** Certificate authorities in PEM beside which none is trusted; those that Node trusts unless told. */
  readonly authorities?: string;
  readonly deadlineMs?: number;
}

/** Posts `body`; an answer of 200 to 299 has taken it, every other one, a redirect too, has not. @throws RootkeepError `UNAVAILABLE` */
export async function postMessage(
  url: string,
  body: Buffer,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
  { authorities, deadlineMs = DEADLINE_MS }: PostOptions,
): Promise<void> {
  const all = { "content-type": "application/json", "content-length": String(body.length), "user-agent": "rootkeep", ...headers };
  const post = (inTime: AbortSignal): Promise<number> => postBody(url, { headers: all, body, signal: inTime, authorities });
  const status = await withDeadline(deadlineMs, post, signal);
  if (status < 200 || status > 299) throw notTaken(`webhook_answered_${String(status)}`);
}

/** Posts each notice as JSON, signed as Standard Webhooks has it; `webhook-id` is the same for every attempt. */
export class WebhookChannel implements Channel {
  readonly name = "webhook";
  readonly isPersonal = false;

  constructor(
    private readonly url: string,
    private readonly secret: Secret<string>,
    private readonly options: PostOptions = {},
  ) {}

  async send({ id, topic, isPage, subject, facts, link, deployment, time }: Message, _address: null, signal: AbortSignal): Promise<void> {
    const body = Buffer.from(JSON.stringify({ format: "rk-notice-1", id, topic, isPage, deployment, time, subject, facts, link }), "utf8");
    const headers = webhookHeaders(this.secret, id, Math.floor(Date.now() / 1000), body);
    await postMessage(this.url, body, headers, signal, this.options);
  }
}
