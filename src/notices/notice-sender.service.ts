import type { DataSource } from "typeorm";
import { isId } from "../kernel/ids.js";
import { attempt } from "../kernel/retry.js";
import type { Channel } from "./channel.port.js";
import { failureReason, notTaken } from "./channel-failure.js";
import { composeMessage, type Message, type MessageOrigin } from "./message.js";
import { type Facts, isTopic } from "./notice.js";
import { type DueDelivery, Outbox } from "./outbox.repository.js";
import type { RecipientsPort } from "./recipients.port.js";

/** Sent side by side on one channel. */
const AT_ONCE = 4;
/** Longer than any channel's deadline, so that nobody sends what another process is still sending. */
const LEASE_SECONDS = 60;

/** What happens to deliveries, for counters and log lines. */
export interface SenderEvents {
  sent(channel: Channel["name"]): void;
  /** @param isDead it is not tried again. */
  failed(channel: Channel["name"], reason: string, isDead: boolean): void;
}

/**
 * Sends what waits on one channel, at least once: claimed under a lease, so two replicas do not send the same at the same moment; tried
 * again with growing waits; given up after the last attempt that {@link attempt} makes, and then it stays, for the operator to see and to put back in line.
 */
export class NoticeSender {
  constructor(
    private readonly dataSource: DataSource,
    readonly channel: Channel,
    private readonly recipients: RecipientsPort,
    private readonly origin: MessageOrigin,
    private readonly events: SenderEvents,
  ) {}

  /** Sends a handful. @returns how many were due. */
  async sendDue(signal: AbortSignal): Promise<number> {
    const due = await Outbox.claim(this.dataSource, this.channel.name, AT_ONCE, LEASE_SECONDS);
    await Promise.all(due.map((delivery) => this.#send(delivery, signal)));
    return due.length;
  }

  async #send(delivery: DueDelivery, signal: AbortSignal): Promise<void> {
    const { id, attempts } = delivery;
    await attempt(
      {
        attempts,
        send: async () => {
          await this.channel.send(this.#message(delivery), await this.#addressOf(delivery), signal);
        },
        sent: async () => {
          await Outbox.sent(this.dataSource, id);
          this.events.sent(this.channel.name);
        },
        failed: async (error, seconds) => {
          const reason = failureReason(error);
          await Outbox.failed(this.dataSource, id, reason, seconds);
          this.events.failed(this.channel.name, reason, seconds === null);
        },
      },
      signal,
    );
  }

  #message({ id, topic, facts, createdAt }: DueDelivery): Message {
    if (!isTopic(topic)) throw notTaken("unknown_topic");
    return composeMessage(id, { topic, facts: JSON.parse(facts) as Facts, time: createdAt.toISOString() }, this.origin);
  }

  async #addressOf({ recipient }: DueDelivery): Promise<string | null> {
    if (!this.channel.isPersonal) return null;
    const address = isId("person", recipient) ? await this.recipients.addressOf(recipient) : null;
    if (address === null) throw notTaken("unknown_recipient");
    return address;
  }
}
