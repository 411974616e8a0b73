import { type Entry, entryExtras } from "./entry.js";
import { isObject, isOrigin } from "./entry-form.js";
import { parseCheckpoint } from "./tlog/checkpoint.js";
import { parseNote } from "./tlog/note.js";
import { TlogError } from "./tlog/tlog-error.js";

/** A log's origin, taken apart: its name, and which of its epochs it is, counting from 1. */
export interface Epoch {
  readonly log: string;
  readonly number: number;
}

/** What a `log.reopened` entry says (docs/spec/audit-log.md, "Epochs"). */
export interface Reopening {
  /** Origin of the epoch that ended. */
  readonly previous: string;
  /** The newest checkpoint of earlier epochs that the restored log leads to, as it was signed; null when there was none. */
  readonly signed: string | null;
  /** The newest checkpoint that is known from outside the database, as it was signed; null when the guard was lost. */
  readonly guard: string | null;
  /** Entries of the ended epoch that are gone, or are others than those that were signed; `to` is null when nobody knows. */
  readonly lost: { readonly from: number; readonly to: number | null };
}

const EPOCH = /^(.+)\/([1-9]\d{0,8})$/;

/** The epoch that `origin` names, or null if its last element is no number: such a log cannot be reopened. */
export function epochOf(origin: string): Epoch | null {
  const [, log, number] = EPOCH.exec(origin) ?? [];
  return log === undefined || number === undefined ? null : { log, number: Number(number) };
}

/** Origin of the epoch behind `origins`, which are of one log; null when they are not, or count no epochs. */
export function nextOrigin(origins: readonly string[]): string | null {
  const epochs = origins.map(epochOf);
  const [first] = epochs;
  if (first === undefined || first === null) return null;
  let last = 0;
  for (const epoch of epochs) {
    if (epoch?.log !== first.log) return null;
    last = Math.max(last, epoch.number);
  }
  return `${first.log}/${String(last + 1)}`;
}

/** True if `origin` is that of an earlier epoch of the log that `later` names. */
export function isEarlierEpoch(origin: string, later: string): boolean {
  const [one, other] = [epochOf(origin), epochOf(later)];
  return one !== null && other !== null && one.log === other.log && one.number < other.number;
}

/** The reopening that `entry` tells of; null for any other entry, and for one that does not have its form [AL-16]. */
export function reopeningIn(entry: Entry): Reopening | null {
  if (entry.action !== "log.reopened" || entry.outcome !== "committed") return null;
  const { previous, signed, guard, lost } = entryExtras(entry).details ?? {};
  if (!isOrigin(previous) || !isNote(signed) || !isNote(guard) || !isObject(lost)) return null;
  const { from, to } = lost;
  if (!isPlace(from) || !(to === null || (isPlace(to) && to >= from))) return null;
  return { previous, signed, guard, lost: { from, to } };
}

/**
 * Which entries are lost, by what is known: those from the end of the restored log to the guard's size; where the restored log is not the
 * shorter one, all behind the newest checkpoint that it leads to, for they are others than those that were signed [AL-17].
 * @param seq place of the entry that reopens the log.
 */
export function lostRange(seq: number, signedSize: number, guardSize: number | null): Reopening["lost"] {
  if (guardSize === null) return { from: seq, to: null };
  return { from: guardSize > seq ? seq : Math.min(signedSize, guardSize), to: guardSize };
}

/**
 * True if `entry` may stand behind an entry of the log `origin`: it is of the same epoch, or it is the one that begins a later epoch, and
 * names `origin` as the one that ended [AL-15].
 */
export function joinsEpoch(entry: Entry, origin: string): boolean {
  if (entry.log === origin) return true;
  return reopeningIn(entry)?.previous === origin && isEarlierEpoch(origin, entry.log);
}

/** Entries that the checkpoint in `note` covers; 0 for null. @throws TlogError when it is no checkpoint. */
export function sizeOfNote(note: string | null): number {
  return note === null ? 0 : parseCheckpoint(parseNote(Buffer.from(note, "utf8")).text).size;
}

function isNote(value: unknown): value is string | null {
  if (value === null) return true;
  if (typeof value !== "string") return false;
  try {
    sizeOfNote(value);
    return true;
  } catch (error) {
    if (error instanceof TlogError) return false;
    throw error;
  }
}

function isPlace(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
