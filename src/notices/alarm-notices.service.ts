import type { DataSource } from "typeorm";
import type { EventName } from "../telemetry/events.js";
import type { Channel } from "./channel.port.js";
import { composeMessage, type MessageOrigin } from "./message.js";
import { everyone, type Facts, type Notice } from "./notice.js";
import { Outbox } from "./outbox.repository.js";

/** The same alarm is told at most this often by one process: a table full of edited rows is one alarm. */
const QUIET_MS = 60_000;

/**
 * Tells custodians of every event of the operators' log that pages. Where the database cannot take the notice, which an alarm may be about,
 * the rooms are told directly.
 */
export class AlarmNotices {
  readonly #toldAt = new Map<EventName, number>();

  constructor(
    private readonly dataSource: DataSource,
    private readonly channels: readonly Channel[],
    private readonly origin: MessageOrigin,
  ) {}

  /** Never throws, and nobody waits for it. */
  async tell(event: EventName, fields: Readonly<Record<string, unknown>>): Promise<void> {
    const now = performance.now();
    if (now - (this.#toldAt.get(event) ?? Number.NEGATIVE_INFINITY) < QUIET_MS) return;
    this.#toldAt.set(event, now);
    const notice: Notice = { topic: "alarm", facts: factsOf(event, fields), audience: [everyone("custodian")] };
    await Outbox.post(this.dataSource, notice).catch(() => this.#tellRooms(notice));
  }

  async #tellRooms(notice: Notice): Promise<void> {
    const time = new Date().toISOString();
    const message = composeMessage(`alarm-${time.replaceAll(/[^0-9]/g, "")}`, { ...notice, time }, this.origin);
    const rooms = this.channels.filter(({ isPersonal }) => !isPersonal);
    await Promise.allSettled(rooms.map((room) => room.send(message, null, AbortSignal.timeout(15_000))));
  }
}

function factsOf(event: EventName, { table, id, seq, reason }: Readonly<Record<string, unknown>>): Facts {
  const row = typeof table === "string" ? [table, id].filter((part) => typeof part === "string").join("/") : undefined;
  return {
    event,
    ...(row === undefined ? {} : { row }),
    ...(typeof seq === "number" ? { seq: String(seq) } : {}),
    ...(typeof reason === "string" ? { code: reason } : {}),
  };
}
