import type { Clock } from "../kernel/clock.js";
import { SYSTEM_CLOCK } from "../kernel/clock.js";
import type { EventName, EventRow, FieldKind, FieldsOf } from "./events.js";
import { EVENTS } from "./events.js";

/** Where lines go: `process.stdout`, a file stream, or a list in a test. */
export interface LineSink {
  write(line: string): unknown;
}

/** Told of an event that wakes somebody. */
export type PageListener = (event: EventName, fields: Readonly<Record<string, unknown>>) => void;

const ID = /^[A-Za-z0-9_-]{1,64}$/;
const SITE = /^[A-Za-z0-9/._:<> -]{1,700}$/;
const SLUG = /^[A-Za-z0-9._-]{1,64}$/;

/** What stands for a value that is not of its field's kind. The line itself is never dropped, and the value is never shown. */
export const REFUSED_VALUE = "[refused]";

/**
 * The operators' log: one JSON line per event of the closed list, on a stream given once. There is no way to log a sentence. The types
 * keep free strings out; the same rules are checked again as a line is written, for values that came through a cast.
 */
export class Log {
  #onPage: PageListener | undefined;

  constructor(
    private readonly sink: LineSink,
    private readonly clock: Clock = SYSTEM_CLOCK,
  ) {}

  /** Has `listener` told of every event that wakes somebody, after its line is written. One listener; it must not throw. */
  watchPages(listener: PageListener): void {
    this.#onPage = listener;
  }

  /** Writes one line. Never throws: a full disk or a closed pipe must not stop an act that is already in the audit log. */
  event<Name extends EventName>(name: Name, fields: FieldsOf<Name>): void {
    const line = formatEvent(name, fields, this.clock.now());
    try {
      this.sink.write(line);
    } catch {
      // Nowhere is left to report to; the health of the log stream is its reader's to watch.
    }
    if ((EVENTS[name] as EventRow).pages === true) this.#onPage?.(name, fields);
  }
}

/** The line of one event, with its line break. Control characters cannot occur: every kind's alphabet excludes them. */
export function formatEvent<Name extends EventName>(name: Name, fields: FieldsOf<Name>, time: Date): string {
  const row: EventRow = EVENTS[name];
  const line: Record<string, unknown> = { time: time.toISOString(), level: row.level, event: name };
  if (row.pages === true) line["page"] = true;
  for (const [field, value] of Object.entries(fields as Readonly<Record<string, unknown>>)) {
    if (value === undefined) continue;
    const kind = Object.hasOwn(row.fields, field) ? row.fields[field] : undefined;
    // A field that the list does not know may have any name, so not even its name is shown.
    if (kind === undefined) line["unknownField"] = REFUSED_VALUE;
    else line[field] = isOfKind(kind, value) ? value : REFUSED_VALUE;
  }
  return `${JSON.stringify(line)}\n`;
}

function isOfKind(kind: FieldKind, value: unknown): boolean {
  if (kind === "number") return typeof value === "number" && Number.isFinite(value);
  if (kind === "boolean") return typeof value === "boolean";
  if (typeof value !== "string") return false;
  if (kind === "id") return ID.test(value);
  if (kind === "slug") return SLUG.test(value);
  if (kind === "site") return SITE.test(value);
  return kind.includes(value);
}
