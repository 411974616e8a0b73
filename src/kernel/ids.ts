import { createHash, randomBytes, randomUUID } from "node:crypto";
import { RootkeepError } from "./errors.js";

/** Prefixes of opaque ids; the prefix says what the id is of, wherever it turns up (design §9). */
export const ID_PREFIXES = {
  account: "acc",
  address: "adr",
  approval: "apv",
  allowlist: "alw",
  authenticator: "aut",
  checklist: "chk",
  dataKey: "dk",
  delivery: "dlv",
  deployment: "dep",
  glass: "gls",
  grant: "grt",
  identity: "idn",
  import: "imp",
  invitation: "inv",
  notice: "ntc",
  person: "per",
  policies: "pol",
  raise: "brk",
  request: "req",
  secret: "sec",
  service: "svc",
  session: "ses",
  ticket: "tkt",
  ticketComment: "tkc",
  ticketUpdate: "tku",
  version: "ver",
} as const;

export type IdKind = keyof typeof ID_PREFIXES;

/** An opaque id: `<prefix>_` and 26 characters of lower-case Crockford base32 that carry 128 random bits. */
export type Id<K extends IdKind = IdKind> = `${(typeof ID_PREFIXES)[K]}_${string}`;

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const SUFFIX = /^[0-7][0-9a-hjkmnp-tv-z]{25}$/;

/** A new random id of `kind`. 128 bits from the system's CSPRNG, as design §6 asks of grants. */
export function newId<K extends IdKind>(kind: K): Id<K> {
  return idOf(kind, randomBytes(16));
}

/** The id of `kind` that the first 16 of `bytes` make: for a thing that is found by what it is about, and must not be there twice. */
export function idOf<K extends IdKind>(kind: K, bytes: Buffer): Id<K> {
  let number = BigInt(`0x${bytes.subarray(0, 16).toString("hex")}`);
  let suffix = "";
  for (let index = 0; index < 26; index++) {
    suffix = `${ALPHABET.charAt(Number(number & 31n))}${suffix}`;
    number >>= 5n;
  }
  return `${ID_PREFIXES[kind]}_${suffix}`;
}

/** True if `value` has the form of an id of `kind`. */
export function isId<K extends IdKind>(kind: K, value: unknown): value is Id<K> {
  if (typeof value !== "string") return false;
  const prefix = `${ID_PREFIXES[kind]}_`;
  return value.startsWith(prefix) && SUFFIX.test(value.slice(prefix.length));
}

/**
 * `value` as an id of `kind`.
 * @throws RootkeepError `NOT_FOUND` when it has another form: nothing by that name can exist.
 */
export function parseId<K extends IdKind>(kind: K, value: string): Id<K> {
  if (!isId(kind, value)) throw new RootkeepError("NOT_FOUND");
  return value;
}

/** A random event id for an audit entry: UUID version 4. */
export function newEventId(): string {
  return randomUUID();
}

/**
 * A derived event id: UUID version 8 (RFC 9562 §5.8) over SHA-256 of the injective encoding `bytes`. Two events with the same
 * derivation get the same id, and the log takes an id only once; that is how it forbids a second opening (design §7).
 */
export function deriveEventId(bytes: Buffer): string {
  const digest = createHash("sha256").update(bytes).digest().subarray(0, 16);
  digest.writeUInt8((digest.readUInt8(6) & 0x0f) | 0x80, 6);
  digest.writeUInt8((digest.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = digest.toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
