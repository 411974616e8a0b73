// A vault whose alarms reach somebody: operators' log, outbox, sender and channel as the application composes them.
import { AlarmNotices } from "../../../src/notices/alarm-notices.service.js";
import type { Message } from "../../../src/notices/message.js";
import type { EventName } from "../../../src/telemetry/events.js";
import { Log } from "../../../src/telemetry/log.service.js";
import { KeepingChannel, type NoticeCrew, noticeCrew } from "../../support/notice-crew.js";
import { Vault, type VaultOptions } from "../../support/vault.js";

const TWO_HOURS_MS = 7_200_000;

export class PagedVault {
  /** Where the pages arrive. */
  readonly room = new KeepingChannel("webhook", false);
  #told: Promise<void>[] = [];
  #seen = 0;
  #hours = 0;

  private constructor(
    readonly vault: Vault,
    private readonly crew: (room: KeepingChannel) => NoticeCrew,
  ) {}

  static async open(options: VaultOptions): Promise<PagedVault> {
    const heard: (readonly [EventName, Readonly<Record<string, unknown>>])[] = [];
    const operators = new Log({ write: () => undefined });
    operators.watchPages((event, fields) => void heard.push([event, fields]));
    const channels: KeepingChannel[] = [];
    const vault = await Vault.open({ channels, ...options, operators });
    const paged = new PagedVault(vault, (room) => noticeCrew(vault, [room]));
    channels.push(paged.room);
    // Every attack is told of as if it were the first in hours: what is told how often is tested elsewhere.
    const now = (): number => paged.#hours * TWO_HOURS_MS;
    const alarms = new AlarmNotices(vault.dataSource, [paged.room], { deployment: "test", publicUrl: null }, now);
    operators.watchPages((event, fields) => void paged.#told.push(alarms.tell(event, fields)));
    for (const [event, fields] of heard) paged.#told.push(alarms.tell(event, fields));
    return paged;
  }

  /** Alarms that have arrived since the last call. */
  async pages(): Promise<readonly Message[]> {
    await this.vault.forged.settled();
    await Promise.all(this.#told.splice(0));
    await this.crew(this.room).turn();
    const all = this.room.taken.slice(this.#seen).map(({ message }) => message);
    this.#seen = this.room.taken.length;
    this.#hours += 1;
    return all.filter(({ topic }) => topic === "alarm");
  }
}
