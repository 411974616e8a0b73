import { canonicalBytes, type JsonValue, parseCanonical } from "../canonical-json.js";
import { isHash, isObject, isOrigin } from "../entry-form.js";

const FORMAT = "rootkeep-stream-cursor/1";
/** Distances double, so that a log of 2^53 entries needs no more. */
const MARKS_MAX = 64;

/** A place that a sink has acknowledged: all entries before `next`, of which the last has this hash. */
export interface CursorMark {
  readonly next: number;
  /** 64 hex digits. */
  readonly leaf: string;
}

/**
 * How far a sink has come. It decides nothing: whoever loses it sends entries twice. Older marks tell, when the log is no longer the one
 * that was sent, where both still agree.
 */
export interface StreamCursor {
  /** Origin of the log; empty before the first entry. */
  readonly log: string;
  /** Newest first. */
  readonly marks: readonly CursorMark[];
}

export const STREAM_START: StreamCursor = Object.freeze({ log: "", marks: [] });

/** Seq of the entry to send next. */
export function nextOf({ marks }: StreamCursor): number {
  return marks[0]?.next ?? 0;
}

/**
 * `cursor` behind `mark`. Of the older marks those stay whose distances about double: one of each power of two, the oldest, which grows
 * into the next one.
 */
export function advanced(cursor: StreamCursor, log: string, mark: CursorMark): StreamCursor {
  const kept: CursorMark[] = [];
  let lastPower = Infinity;
  for (const older of [...cursor.marks].reverse()) {
    const power = Math.floor(Math.log2(mark.next - older.next));
    if (power < lastPower) kept.push(older);
    lastPower = Math.min(power, lastPower);
  }
  return { log, marks: [mark, ...kept.reverse()] };
}

/** `cursor` back at `mark`, which is one of its own, or at the beginning. */
export function rewound(cursor: StreamCursor, mark: CursorMark | undefined): StreamCursor {
  return mark === undefined ? STREAM_START : { log: cursor.log, marks: cursor.marks.filter(({ next }) => next <= mark.next) };
}

/** The bytes that are kept of `cursor`: canonical JSON and a line feed. */
export function cursorBytes({ log, marks }: StreamCursor): Buffer {
  const value = { format: FORMAT, log, marks: marks.map(({ next, leaf }) => ({ next, leaf })) };
  return Buffer.concat([canonicalBytes(value), Buffer.from("\n")]);
}

/**
 * The cursor that `bytes` are.
 * @throws Error when they are none.
 */
export function parseCursor(bytes: Buffer): StreamCursor {
  const { format, log, marks } = parseCanonical(bytes.at(-1) === 0x0a ? bytes.subarray(0, -1) : bytes);
  if (format !== FORMAT) throw new Error("cursor: has another format");
  if (!Array.isArray(marks) || marks.length > MARKS_MAX) throw new Error("cursor: has no marks");
  const isAtStart = log === "" && marks.length === 0;
  if (!isAtStart && !isOrigin(log)) throw new Error("cursor: has no origin");
  let newer = Infinity;
  const read = (marks as readonly JsonValue[]).map((mark): CursorMark => {
    const { next, leaf } = isObject(mark) ? mark : {};
    if (typeof next !== "number" || next < 1 || next >= newer || !isHash(leaf)) throw new Error("cursor: has a mark out of place");
    newer = next;
    return { next, leaf };
  });
  return isAtStart ? STREAM_START : { log, marks: read };
}
