import type { NoticeConfig } from "../config/config.js";
import type { Channel } from "./channel.port.js";
import { FileChannel } from "./file-channel.adapter.js";
import { SlackChannel } from "./slack-channel.adapter.js";
import { SmtpChannel } from "./smtp-channel.adapter.js";
import { WebhookChannel } from "./webhook-channel.adapter.js";

/** A channel for each that the configuration names. */
export function createChannels({ smtp, webhook, slack, trialFile }: NoticeConfig): readonly Channel[] {
  return [
    ...(smtp === null ? [] : [new SmtpChannel(smtp)]),
    ...(webhook === null ? [] : [new WebhookChannel(webhook.url, webhook.secret)]),
    ...(slack === null ? [] : [new SlackChannel(slack.url, slack.secret)]),
    ...(trialFile === null ? [] : [new FileChannel(trialFile)]),
  ];
}
