import type { Secret } from "../kernel/secret.js";
import type { Channel } from "./channel.port.js";
import type { Message } from "./message.js";
import { type PostOptions, postMessage } from "./webhook-channel.adapter.js";

/**
 * Posts to an incoming webhook as Slack, Mattermost and their like have it: `{"text":…}`. The address of such a webhook is its password; it
 * is kept in two parts, so that the one that says where messages go can be shown to custodians and approved by them.
 */
export class SlackChannel implements Channel {
  readonly name = "slack";
  readonly isPersonal = false;

  constructor(
    /** Without its last element. */
    private readonly url: string,
    /** The last element. */
    private readonly secret: Secret<string>,
    private readonly options: PostOptions = {},
  ) {}

  async send({ subject, text }: Message, _address: null, signal: AbortSignal): Promise<void> {
    const body = Buffer.from(JSON.stringify({ text: `${subject}\n${text}` }), "utf8");
    const url = this.secret.expose((last) => `${this.url.replace(/\/$/, "")}/${last}`);
    await postMessage(url, body, {}, signal, this.options);
  }
}
