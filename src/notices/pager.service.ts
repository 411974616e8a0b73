import { RootkeepError } from "../kernel/errors.js";
import { newId } from "../kernel/ids.js";
import { AcceptedPage } from "./accepted-page.js";
import type { Channel } from "./channel.port.js";
import { composeMessage, type Message, type MessageOrigin } from "./message.js";
import type { Notice } from "./notice.js";
import type { RecipientsPort } from "./recipients.port.js";

/** Somebody waits with an emergency: what no channel takes in this time is not taken. */
const DEADLINE_MS = 10_000;

/**
 * Pages and waits until a channel has accepted: the one place where an act waits for a channel. The outbox tells everybody; this proves that
 * somebody can be told.
 */
export class Pager {
  constructor(
    private readonly channels: readonly Channel[],
    private readonly recipients: RecipientsPort,
    private readonly origin: MessageOrigin,
    private readonly deadlineMs: number = DEADLINE_MS,
  ) {}

  /**
   * Sends `notice` on every channel at once; the first that accepts is enough. Where a channel is personal its people are tried one after
   * the other.
   * @throws RootkeepError `PAGE_UNACCEPTED` when there is no channel, nobody to page, or none accepts in time.
   */
  async page(subjectId: string, notice: Notice): Promise<AcceptedPage> {
    if (this.channels.length === 0) throw new RootkeepError("PAGE_UNACCEPTED", { facts: { rule: "no channel is configured" } });
    const message = composeMessage(newId("notice"), { ...notice, time: new Date().toISOString() }, this.origin);
    const signal = AbortSignal.timeout(this.deadlineMs);
    const late = new Promise<never>((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(new RootkeepError("PAGE_UNACCEPTED")), { once: true });
    });
    const accepted = Promise.any(this.channels.map((channel) => this.#on(channel, message, notice, signal)));
    try {
      return AcceptedPage.mint(subjectId, await Promise.race([accepted, late]));
    } catch (cause) {
      throw new RootkeepError("PAGE_UNACCEPTED", { facts: { rule: "no channel accepted the page" }, cause });
    }
  }

  /**
   * Sends `notice` on every channel, to everybody whom it names, and waits for all of them: for what whole rooms and people should know before
   * it is done, and where whoever pages may be whom they should know of.
   * @returns the channels that have accepted it.
   * @throws RootkeepError `PAGE_UNACCEPTED` when none has in time.
   */
  async pageAll(notice: Notice): Promise<readonly Channel["name"][]> {
    const message = composeMessage(newId("notice"), { ...notice, time: new Date().toISOString() }, this.origin);
    const ending = new AbortController();
    const { signal } = ending;
    const late = new Promise<false>((resolve) => {
      signal.addEventListener("abort", () => resolve(false), { once: true });
    });
    // Not AbortSignal.timeout, which keeps no program running that has nothing else to wait for.
    const timer = setTimeout(() => ending.abort(), this.deadlineMs);
    const accepted = new Set<Channel["name"]>();
    await Promise.all(
      this.channels.map(async (channel) => {
        const sent = this.#toAll(channel, message, notice, signal, () => accepted.add(channel.name));
        await Promise.race([sent.catch(no), late]);
      }),
    );
    clearTimeout(timer);
    if (accepted.size === 0) throw new RootkeepError("PAGE_UNACCEPTED", { reason: "no channel accepted the page" });
    return [...accepted];
  }

  async #toAll(channel: Channel, message: Message, { audience }: Notice, signal: AbortSignal, onTaken: () => unknown): Promise<void> {
    if (!channel.isPersonal) {
      await channel.send(message, null, signal);
      onTaken();
      return;
    }
    for (const person of await this.recipients.resolve(audience)) {
      if (signal.aborted) return;
      const address = await this.recipients.addressOf(person);
      if (address !== null && (await channel.send(message, address, signal).then(yes, no))) onTaken();
    }
  }

  async #on(channel: Channel, message: Message, { audience }: Notice, signal: AbortSignal): Promise<string> {
    if (!channel.isPersonal) {
      await channel.send(message, null, signal);
      return channel.name;
    }
    for (const person of await this.recipients.resolve(audience)) {
      const address = await this.recipients.addressOf(person);
      const isTaken = address !== null && (await channel.send(message, address, signal).then(yes, no));
      if (isTaken) return channel.name;
    }
    throw new RootkeepError("PAGE_UNACCEPTED");
  }
}

const yes = (): boolean => true;
const no = (): boolean => false;
