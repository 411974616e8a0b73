// The senders of notices over a test's vault, as the module composes them.
import { RootkeepError } from "../../src/kernel/errors.js";
import type { Channel } from "../../src/notices/channel.port.js";
import type { Message } from "../../src/notices/message.js";
import { NoticeLoops } from "../../src/notices/notice-loops.service.js";
import { NoticeSender } from "../../src/notices/notice-sender.service.js";
import { NoticeSpreader } from "../../src/notices/notice-spreader.service.js";
import { NoticeRecipients } from "../../src/people/notice-recipients.service.js";
import type { Vault } from "./vault.js";

/** A channel that keeps what it takes; it can be told to refuse, or to take its time. */
export class KeepingChannel implements Channel {
  readonly taken: { readonly address: string | null; readonly message: Message }[] = [];
  /** Whom it was to reach, taken or not. */
  readonly addresses: (string | null)[] = [];
  attempts = 0;
  isRefusing = false;
  gate: Promise<unknown> = Promise.resolve();

  constructor(
    readonly name: Channel["name"],
    readonly isPersonal: boolean,
  ) {}

  async send(message: Message, address: string | null): Promise<void> {
    this.attempts++;
    this.addresses.push(address);
    await this.gate;
    if (this.isRefusing) throw new RootkeepError("UNAVAILABLE", { reason: "refused_by_test" });
    this.taken.push({ address, message });
  }

  topics(): string[] {
    return this.taken.map(({ message }) => message.topic);
  }
}

export interface NoticeCrew {
  readonly spreader: NoticeSpreader;
  readonly senders: readonly NoticeSender[];
  readonly loops: NoticeLoops;
  /** Dead letters that were told of. */
  readonly dead: string[];
  /** Spreads and sends what is due now, once. */
  turn(): Promise<void>;
}

export function noticeCrew(vault: Vault, channels: readonly Channel[]): NoticeCrew {
  const recipients = new NoticeRecipients(vault.transactions);
  const spreader = new NoticeSpreader(vault.dataSource, channels, recipients);
  const dead: string[] = [];
  const events = {
    sent: () => undefined,
    failed: (_channel: string, reason: string, isDead: boolean) => {
      if (isDead) dead.push(reason);
    },
  };
  const origin = { deployment: "test", publicUrl: null };
  const senders = channels.map((channel) => new NoticeSender(vault.dataSource, channel, recipients, origin, events));
  return {
    spreader,
    senders,
    dead,
    loops: new NoticeLoops(vault.dataSource, spreader, senders, () => undefined),
    turn: async () => {
      while (await spreader.spreadNext());
      for (const sender of senders) while ((await sender.sendDue(new AbortController().signal)) > 0);
    },
  };
}
