import type { JsonObject, JsonValue } from "./canonical-json.js";
import { isCommitment, isCommittedField } from "./commitment.js";

/** How the act ended, or that it is about to begin. */
export const OUTCOMES = ["intent", "allowed", "denied", "error", "committed", "unknown"] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** Who acted. `anonymous` has no id; `system` may have one; persons and services always do. */
export const ACTOR_TYPES = ["person", "service", "system", "anonymous"] as const;
export type ActorType = (typeof ACTOR_TYPES)[number];

/** `prev` of the first entry and `sprev` of a stream's first entry, in the entry's own form. */
export const ZERO_HASH_HEX = "0".repeat(64);

/** The keys of version 1. Others are let pass with a warning [AE-16], so that a verifier of today reads a log of tomorrow. */
export const ENTRY_KEYS: ReadonlySet<string> = new Set([
  "v",
  "log",
  "seq",
  "prev",
  "id",
  "time",
  "action",
  "outcome",
  "actor",
  "target",
  "request",
  "details",
  "stream",
  "sseq",
  "sprev",
  "rows",
]);

const ORIGIN = /^[a-z0-9][a-z0-9.-]{0,99}(?:\/[A-Za-z0-9._-]{1,64}){1,8}$/;
/** The frame of a UUID of version 4, 7 or 8; its hex digits are looked at by {@link isHex}. */
const EVENT_ID = /^.{8}-.{4}-[478].{3}-[89ab].{3}-.{12}$/;
const TIME = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{6}Z$/;
const ACTION = /^(?=.{3,64}$)[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)+$/;
const OPAQUE_ID = /^[!-~]{1,200}$/;
const TARGET_TYPE = /^[a-z][a-z0-9_-]{0,39}$/;
const STREAM = /^[a-z][a-z0-9]{1,7}_[0-9a-z]{26}$/;
const ROW = /^[a-z][a-z0-9_]{0,62}\/[!-~]{1,200}$/;
/** 1 for the code of a lower-case hex digit. */
const HEX_DIGITS = Uint8Array.from({ length: 128 }, (_, code) => ("0123456789abcdef".includes(String.fromCharCode(code)) ? 1 : 0));
const DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** The origin that was found good last: all entries of a log have one, and comparing it is quicker than the pattern. */
let lastOrigin: string | null = null;

/** True if `text` can be a log's origin: a URL without scheme whose last element is the log's epoch [AE-5]. */
export function isOrigin(text: unknown): text is string {
  if (typeof text !== "string") return false;
  if (text === lastOrigin) return true;
  if (!ORIGIN.test(text)) return false;
  lastOrigin = text;
  return true;
}

/** True for 64 lower-case hex digits. */
export function isHash(text: unknown): text is string {
  return typeof text === "string" && text.length === 64 && isHex(text, 0, 64);
}

/**
 * True if `text` holds nothing but lower-case hex digits from `from` up to `to`. An entry has 160 of them, at random digit or letter: a
 * branch for each, in a loop or in a regular expression, is guessed wrong every other time and takes three times as long as the sum.
 */
function isHex(text: string, from: number, to: number): boolean {
  let good = 1;
  for (let index = from; index < to; index++) good &= HEX_DIGITS[text.charCodeAt(index)] ?? 0;
  return good === 1;
}

/** True for a UUID of version 4, 7 or 8 in lower case [AE-6]. */
function isEventId(text: unknown): boolean {
  if (typeof text !== "string" || !EVENT_ID.test(text)) return false;
  return isHex(text, 0, 8) && isHex(text, 9, 13) && isHex(text, 14, 18) && isHex(text, 19, 23) && isHex(text, 24, 36);
}

/** True for a time of 27 characters, `YYYY-MM-DDThh:mm:ss.ffffffZ`, on a day that the calendar has [AE-7]. Leap seconds have no form. */
export function isEntryTime(text: unknown): text is string {
  if (typeof text !== "string" || !TIME.test(text)) return false;
  const day = Number(text.slice(8, 10));
  if (day <= 28) return true;
  const month = Number(text.slice(5, 7));
  if (day > (DAYS[month - 1] ?? 0)) return false;
  const year = Number(text.slice(0, 4));
  return month !== 2 || (year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0));
}

/** The rule of docs/spec/audit-entry.md that `entry` breaks, as constant text, or null if it keeps them all. */
export function brokenRule(entry: JsonObject): string | null {
  return brokenPlace(entry) ?? brokenAct(entry) ?? brokenStream(entry) ?? brokenRows(entry["rows"]);
}

function brokenPlace(entry: JsonObject): string | null {
  if (entry["v"] !== 1) return "v is not a known version [AE-2]";
  if (!isOrigin(entry["log"])) return "log is not an origin [AE-5]";
  if (!isCount(entry["seq"])) return "seq is not a count [AE-4]";
  if (!isHash(entry["prev"])) return "prev is not a hash [AE-4]";
  if ((entry["seq"] === 0) !== (entry["prev"] === ZERO_HASH_HEX)) return "prev is zero at another place than the first [AE-4]";
  if (!isEventId(entry["id"])) return "id is not a UUID of version 4, 7 or 8 [AE-6]";
  return isEntryTime(entry["time"]) ? null : "time has not its form [AE-7]";
}

function brokenAct(entry: JsonObject): string | null {
  if (typeof entry["action"] !== "string" || !ACTION.test(entry["action"])) return "action is not a dotted name [AE-8]";
  if (!(OUTCOMES as readonly unknown[]).includes(entry["outcome"])) return "outcome is unknown [AE-9]";
  if (!isActor(entry["actor"])) return "actor has not its form [AE-10]";
  return brokenContent(entry);
}

function brokenContent({ target, request, details }: JsonObject): string | null {
  if (target !== undefined && !isTarget(target)) return "target has not its form [AE-11]";
  if (request !== undefined && !isObject(request)) return "request is not an object [AE-12]";
  if (details === undefined) return null;
  if (!isObject(details)) return "details is not an object [AE-12]";
  return hasGoodCommitments(details["commitments"]) ? null : "commitments have not their form [AE-14]";
}

function brokenStream(entry: JsonObject): string | null {
  const { stream, sseq, sprev } = entry;
  if (stream === undefined && sseq === undefined && sprev === undefined) return null;
  if (!matches(STREAM, stream) || !isCount(sseq) || !isHash(sprev)) return "stream, sseq and sprev do not stand together [AE-13]";
  return (sseq === 0) === (sprev === ZERO_HASH_HEX) ? null : "sprev is zero at another place than the first [AE-13]";
}

function brokenRows(rows: JsonValue | undefined): string | null {
  if (rows === undefined) return null;
  if (!Array.isArray(rows) || rows.length === 0) return "rows is not a list of rows [AE-15]";
  let last = "";
  for (const row of rows as readonly JsonValue[]) {
    if (typeof row !== "string" || !ROW.test(row)) return "rows holds something else than table/key [AE-15]";
    if (row <= last) return "rows are not sorted, or one stands twice [AE-15]";
    last = row;
  }
  return null;
}

function isActor(actor: JsonValue | undefined): boolean {
  if (!isObject(actor) || !(ACTOR_TYPES as readonly unknown[]).includes(actor["type"])) return false;
  const id = actor["id"];
  if (actor["type"] === "anonymous") return id === undefined;
  if (actor["type"] === "system" && id === undefined) return true;
  return matches(OPAQUE_ID, id);
}

function isTarget(target: JsonValue): boolean {
  return isObject(target) && matches(TARGET_TYPE, target["type"]) && matches(OPAQUE_ID, target["id"]);
}

function hasGoodCommitments(commitments: JsonValue | undefined): boolean {
  if (commitments === undefined) return true;
  return isObject(commitments) && Object.entries(commitments).every(([field, text]) => isCommittedField(field) && isCommitment(text));
}

/** True for a JSON object: neither null nor a list. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: JsonValue | undefined): boolean {
  return typeof value === "number" && value >= 0;
}

function matches(pattern: RegExp, value: JsonValue | undefined): boolean {
  return typeof value === "string" && pattern.test(value);
}
