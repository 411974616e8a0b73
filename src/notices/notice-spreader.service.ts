import type { DataSource, EntityManager } from "typeorm";
import type { Channel } from "./channel.port.js";
import { type AudienceMember, isTopic, TOPICS } from "./notice.js";
import { areRoomsTold, type NewNotice, Outbox, ROOM, UNRESOLVED } from "./outbox.repository.js";
import type { RecipientsPort } from "./recipients.port.js";

/** How long a page waits that no channel would take; then it is looked at again. */
const NO_CHANNEL_SECONDS = 60;
/** Tries to read people's rows; then the rooms are told all the same, and the people's part is given up, for the operator to see. */
const TRIES = 6;
const RETRY_SECONDS = 10;

/**
 * Spreads a notice over channels and people: one delivery for each room, and for each person where a channel is personal. Who is meant is
 * found out here and not in the act, which therefore holds no locks on other people's rows.
 */
export class NoticeSpreader {
  constructor(
    private readonly dataSource: DataSource,
    private readonly channels: readonly Channel[],
    private readonly recipients: RecipientsPort,
  ) {}

  /** @returns whether there was a notice, and so perhaps another. */
  async spreadNext(): Promise<boolean> {
    return await this.dataSource.transaction(async (manager) => {
      const notice = await Outbox.nextNew(manager);
      if (notice === undefined) return false;
      await this.#spread(manager, notice);
      return true;
    });
  }

  async #spread(manager: EntityManager, notice: NewNotice): Promise<void> {
    const { id, topic, audience, attempts } = notice;
    const isUrgent = isTopic(topic) && TOPICS[topic].isPage;
    // Spread over nothing it would be told for good: whoever runs the service once without its channels would have silenced it. Which channels
    // were approved does not matter: where there never was one, nobody has been told either.
    if (isUrgent && this.channels.length === 0) {
      await Outbox.postpone(manager, id, NO_CHANNEL_SECONDS);
      return;
    }
    const rooms = areRoomsTold(notice) ? [] : [ROOM];
    const people = this.channels.some(({ isPersonal }) => isPersonal) ? await this.#peopleOf(audience) : [];
    // What wakes somebody does not wait for people's rows: on a bad day they cannot be read at all.
    if (people === null && !isUrgent && attempts < TRIES) {
      await Outbox.postpone(manager, id, RETRY_SECONDS);
      return;
    }
    const deliveries = this.channels.flatMap(({ name, isPersonal }) =>
      (isPersonal ? (people ?? [UNRESOLVED]) : rooms).map((recipient) => ({ channel: name, recipient })),
    );
    await Outbox.spread(manager, id, deliveries);
  }

  async #peopleOf(audience: string): Promise<readonly string[] | null> {
    try {
      return await this.recipients.resolve(JSON.parse(audience) as AudienceMember[]);
    } catch {
      // Refused rows and a log that was put back have raised their own alarm.
      return null;
    }
  }
}
