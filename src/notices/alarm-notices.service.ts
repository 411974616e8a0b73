import type { DataSource } from "typeorm";
import { newId } from "../kernel/ids.js";
import type { EventName } from "../telemetry/events.js";
import type { Channel } from "./channel.port.js";
import { composeMessage, type MessageOrigin } from "./message.js";
import { everyone, type Facts, type Notice } from "./notice.js";
import { Outbox } from "./outbox.repository.js";

/** The same fact is told at most this often by one process: who tries a forged row a thousand times is one page, and an hour later another. */
const QUIET_MS = 60 * 60_000;
/** An alarm that names neither row nor entry may be another each time. */
const NAMELESS_QUIET_MS = 60_000;
/** Facts of one event told in a minute; a table full of edited rows is no flood. That there are more is told instead, and the log has them all. */
const TOLD_PER_MINUTE = 10;
const MORE = "more-in-the-log";
const ROOM_TIMEOUT_MS = 15_000;

/**
 * Tells custodians of every event of the operators' log that pages, once for each fact. The rooms are told at once and not by way of the outbox:
 * an alarm may be about the database, whose owner can delete what waits in it. A room that does not take it now gets it from there.
 */
export class AlarmNotices {
  readonly #told = new Map<string, { readonly event: EventName; readonly at: number; readonly quietMs: number }>();

  constructor(
    private readonly dataSource: DataSource,
    private readonly channels: readonly Channel[],
    private readonly origin: MessageOrigin,
    /** Milliseconds that only grow. */
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Never throws, and nobody waits for it. */
  async tell(event: EventName, fields: Readonly<Record<string, unknown>>): Promise<void> {
    const facts = this.#toTell(event, factsOf(event, fields));
    if (facts === null) return;
    const notice: Notice = { topic: "alarm", facts, audience: [everyone("custodian")] };
    const areRoomsTold = await this.#tellRooms(notice);
    // Where the database cannot take it, and no room has, the operators' log has said it.
    await Outbox.post(this.dataSource, { ...notice, areRoomsTold }).catch(() => undefined);
  }

  /** What of `facts` is to be told now, if anything. */
  #toTell(event: EventName, facts: Facts): Facts | null {
    const at = this.now();
    for (const [fact, told] of this.#told) if (at - told.at >= told.quietMs) this.#told.delete(fact);
    if (this.#told.has(JSON.stringify(facts))) return null;
    const recent = [...this.#told.values()].filter((told) => told.event === event && at - told.at < 60_000);
    if (recent.length > TOLD_PER_MINUTE) return null;
    const due: Facts = recent.length < TOLD_PER_MINUTE ? facts : { event, code: MORE };
    const isNamed = due.row !== undefined || due.seq !== undefined;
    this.#told.set(JSON.stringify(due), { event, at, quietMs: isNamed ? QUIET_MS : NAMELESS_QUIET_MS });
    return due;
  }

  /** @returns whether every room has taken it. */
  async #tellRooms(notice: Notice): Promise<boolean> {
    const time = new Date().toISOString();
    const message = composeMessage(newId("notice"), { ...notice, time }, this.origin);
    const rooms = this.channels.filter(({ isPersonal }) => !isPersonal);
    const told = await Promise.allSettled(rooms.map((room) => room.send(message, null, AbortSignal.timeout(ROOM_TIMEOUT_MS))));
    return told.every(({ status }) => status === "fulfilled");
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
