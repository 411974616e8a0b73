import { isAscii, isUtf8 } from "node:buffer";

/** What RK-JCS-1 can say (docs/spec/canonical-json.md): no fraction, no `-0`, no number beyond ±(2^53 − 1). */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;

/** A plain object of the profile. */
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

const DIGIT_ZERO = 48;
const DIGIT_NINE = 57;

/** Nesting beyond this is refused [CJ-9]: a reader that recurses must not run out of stack on a hostile entry. */
export const CANONICAL_DEPTH_MAX = 32;

/**
 * `value` as RK-JCS-1 text: RFC 8785 without fractions. The writer throws on everything that JSON cannot say exactly; a writer that
 * drops or coerces would let two different values share their bytes, and a signature over bytes would then cover either.
 * @throws Error naming the rule, never the value.
 */
export function canonicalJson(value: unknown): string {
  return write(value, 1);
}

/**
 * `value` as RK-JCS-1 bytes, UTF-8.
 * @throws Error naming the rule, never the value.
 */
export function canonicalBytes(value: unknown): Buffer {
  return Buffer.from(canonicalJson(value), "utf8");
}

/**
 * The object that `bytes` say, if they are its one canonical form: valid UTF-8, and equal to what {@link canonicalJson} writes of it. Two
 * byte strings that parse to the same object are therefore never both accepted; duplicate keys, spaces, other escapes all fail here.
 * @throws Error naming the rule, never the content: `JSON.parse` would quote it.
 */
export function parseCanonical(bytes: Uint8Array): JsonObject {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isPlain = isAscii(buffer);
  if (!isPlain && !isUtf8(buffer)) throw new Error("is not valid UTF-8");
  // For ASCII the two say the same, and this one only copies.
  const text = buffer.toString(isPlain ? "latin1" : "utf8");
  const value = parseAny(text);
  if (value === null || typeof value !== "object" || Array.isArray(value)) throw new Error("is not a JSON object");
  if (!isPlainlyCanonical(text, value) && canonicalJson(value) !== text) throw new Error("is not in canonical form");
  return value as JsonObject;
}

function parseAny(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("is not JSON");
  }
}

/**
 * The quick way, for nearly every entry: says yes only if `text`, from which `value` was parsed, is surely the canonical text. Otherwise
 * nothing is said, and the slow way decides.
 *
 * Each part of a text is at least as long as {@link plainLength} says, and as long only if it is in canonical form: an escape, a blank and a
 * key that stands twice make it longer, and so does any other way to write a number, but for the exponents that {@link numberLength} leaves
 * to the slow way. So the whole is canonical if its length is that sum and its keys are in order.
 */
function isPlainlyCanonical(text: string, value: unknown): boolean {
  return plainLength(value, 1) === text.length;
}

/** Characters that `value` takes in canonical form if no string of it needs an escape; NaN, which equals no length, leaves it open. */
function plainLength(value: unknown, depth: number): number {
  if (typeof value === "string") return value.length + 2;
  if (typeof value === "number") return numberLength(value);
  if (typeof value !== "object" || value === null) return value === false ? 5 : 4;
  if (depth > CANONICAL_DEPTH_MAX) return Number.NaN;
  if (!Array.isArray(value)) return objectLength(value as Record<string, unknown>, depth);
  let length = Math.max(2, value.length + 1);
  for (const item of value as readonly unknown[]) length += plainLength(item, depth + 1);
  return length;
}

/** An exponent makes a number longer, unless it stands for two zeros or more (`1e2`). `-0` is not of the profile. */
function numberLength(value: number): number {
  if (!Number.isSafeInteger(value) || (value % 100 === 0 && !Object.is(value, 0))) return Number.NaN;
  return String(value).length;
}

function objectLength(value: Readonly<Record<string, unknown>>, depth: number): number {
  let length = 1;
  let last = "";
  let lastFirst = -1;
  // `in` walks V8's cached key list without making an array. It lists keys as they stand in the text, but those that are array indexes
  // first, and so a key that begins with a digit is left to the slow way. A key of a polluted prototype makes the length wrong.
  for (const key in value) {
    // Nearly always the first characters settle the order; comparing whole keys is a call each. The empty key has none: NaN.
    const first = key.charCodeAt(0);
    const isInOrder = first > lastFirst || length === 1 || key > last;
    if (!isInOrder || (first >= DIGIT_ZERO && first <= DIGIT_NINE)) return Number.NaN;
    const member = value[key];
    // Two quotes, colon, and the comma or brace behind the value. Most members are texts, and theirs is no call.
    length += key.length + 4 + (typeof member === "string" ? member.length + 2 : plainLength(member, depth + 1));
    last = key;
    lastFirst = first;
  }
  return Math.max(2, length);
}

function write(value: unknown, depth: number): string {
  switch (typeof value) {
    case "string":
      return writeText(value);
    case "number":
      if (!Number.isSafeInteger(value) || Object.is(value, -0)) throw new Error("canonical JSON: a number is not a safe integer");
      return String(value);
    case "boolean":
      return value ? "true" : "false";
    case "object":
      if (value === null) return "null";
      if (depth > CANONICAL_DEPTH_MAX) throw new Error("canonical JSON: nested too deeply, or in a circle");
      return Array.isArray(value) ? writeArray(value, depth) : writeObject(value, depth);
    default:
      throw new Error(`canonical JSON: ${typeof value} has no form`);
  }
}

/** Printable ASCII that needs no escape: what nearly all texts of entries are, and what needs no further look. */
const PLAIN = /^[ !#-[\]-~]*$/;

function writeText(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`;
  // RFC 8785 §3.2.2.2 asks for an error on a lone surrogate; V8 would write an escape, UTF-8 would write U+FFFD.
  if (!text.isWellFormed()) throw new Error("canonical JSON: text is not well-formed Unicode");
  if (text.includes("\0")) throw new Error("canonical JSON: text holds U+0000");
  return JSON.stringify(text);
}

function writeArray(array: readonly unknown[], depth: number): string {
  if (Object.getPrototypeOf(array) !== Array.prototype) throw new Error("canonical JSON: not a plain array");
  // A hole is a missing own key, an extra property is one too many; `length` itself is the one that is added.
  if (Reflect.ownKeys(array).length !== array.length + 1) throw new Error("canonical JSON: an array has holes or properties");
  return `[${array.map((item) => write(item, depth + 1)).join(",")}]`;
}

function writeObject(value: object, depth: number): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw new Error("canonical JSON: not a plain object");
  const keys = Object.keys(value);
  if (Reflect.ownKeys(value).length !== keys.length) throw new Error("canonical JSON: an object has hidden or symbol keys");
  // By UTF-16 code units (RFC 8785 §3.2.3), which is how JavaScript compares strings; code points order differently beyond U+FFFF.
  if (!isAscending(keys)) keys.sort();
  let text = "";
  for (const key of keys) {
    text += `${text === "" ? "" : ","}${writeText(key)}:${write((value as Record<string, unknown>)[key], depth + 1)}`;
  }
  return `{${text}}`;
}

function isAscending(keys: readonly string[]): boolean {
  for (let index = 1; index < keys.length; index++) if ((keys[index - 1] ?? "") > (keys[index] ?? "")) return false;
  return true;
}
