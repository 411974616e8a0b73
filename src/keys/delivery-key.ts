import { createHash, createPublicKey, diffieHellman, generateKeyPairSync } from "node:crypto";
import { RootkeepError } from "../kernel/errors.js";

/** Public key of a client to which one value is delivered (docs/spec/delivery.md), checked and reduced to the members that count. */
export interface DeliveryKey {
  readonly jwk:
    | { readonly kty: "EC"; readonly crv: "P-256"; readonly x: string; readonly y: string }
    | { readonly kty: "OKP"; readonly crv: "X25519"; readonly x: string };
  /** RFC 7638, SHA-256, base64url: what the second factor confirms and the intent's entry names. */
  readonly thumbprint: string;
}

/** Members beside the key itself that say what it is for; a browser's export brings `ext` and `key_ops`. */
const MARKS: Readonly<Record<string, (value: unknown) => boolean>> = {
  use: (value) => value === "enc",
  alg: (value) => value === "ECDH-ES",
  ext: (value) => typeof value === "boolean",
  // A public key of ECDH has no operation of its own (Web Cryptography, "ECDH", export of a key).
  key_ops: (value) => Array.isArray(value) && value.length === 0,
};
const X25519 = { kty: "OKP", crv: "X25519" } as const;
const TYPES: readonly { readonly kty: string; readonly crv: string; readonly members: readonly string[] }[] = [
  { kty: "EC", crv: "P-256", members: ["kty", "crv", "x", "y"] },
  { ...X25519, members: ["kty", "crv", "x"] },
];

type Refusal = (member: string, rule: string) => never;

const COORDINATE_BYTES = 32;

/**
 * The key of a client's JWK. Whatever is wrong with it is said before a grant is claimed or a second factor is used up.
 * @param field name of the member of the form, for the error.
 * @throws RootkeepError `MALFORMED`, naming member and rule, never a value [DL-2] [DL-3] [DL-4].
 */
export function parseDeliveryKey(jwk: Readonly<Record<string, unknown>>, field: string): DeliveryKey {
  const refuse: Refusal = (member, rule) => {
    throw new RootkeepError("MALFORMED", { fields: [{ field: member === "" ? field : `${field}.${member}`, rule }] });
  };
  // A client that sends its private key has told it to everybody on the way: it must learn of that, not get a value.
  if (Object.hasOwn(jwk, "d")) refuse("d", "is a private key; send the public part alone");
  const type = TYPES.find(({ kty, crv }) => jwk["kty"] === kty && jwk["crv"] === crv) ?? refuse("crv", "is P-256 or X25519");
  for (const [member, value] of Object.entries(jwk)) {
    if (!type.members.includes(member)) requireMark(member, value, refuse);
  }
  const coordinate = (name: string): string => {
    const value = jwk[name];
    return isCoordinate(value) ? value : refuse(name, "is 32 bytes in base64url without padding");
  };
  const key: DeliveryKey["jwk"] =
    type.kty === "EC" ? { kty: "EC", crv: "P-256", x: coordinate("x"), y: coordinate("y") } : { ...X25519, x: coordinate("x") };
  if (!agrees(key)) refuse("", "is a point of its curve, and none of low order");
  return Object.freeze({ jwk: Object.freeze(key), thumbprint: thumbprintOf(key) });
}

function requireMark(member: string, value: unknown, refuse: Refusal): void {
  const isGood = Object.hasOwn(MARKS, member) ? MARKS[member] : undefined;
  if (isGood === undefined) refuse("", "has only kty, crv, x, y, use, alg, key_ops and ext");
  else if (!isGood(value)) refuse(member, "says that the key is for something else than ECDH-ES");
}

/** One text for one value: two spellings of a key would have two thumbprints. */
function isCoordinate(text: unknown): text is string {
  if (typeof text !== "string" || text.length !== 43) return false;
  const bytes = Buffer.from(text, "base64url");
  return bytes.length === COORDINATE_BYTES && bytes.toString("base64url") === text;
}

/**
 * True if a secret can be agreed on with `key`. OpenSSL refuses a point that is not on P-256 as it reads it, and an X25519 point of low
 * order as it derives: all those give the same secret with any key, so that anybody could open what is enclosed for one.
 */
function agrees(key: DeliveryKey["jwk"]): boolean {
  try {
    const publicKey = createPublicKey({ key, format: "jwk" });
    const { privateKey } = key.kty === "EC" ? generateKeyPairSync("ec", { namedCurve: "P-256" }) : generateKeyPairSync("x25519");
    diffieHellman({ privateKey, publicKey }).fill(0);
    return true;
  } catch {
    return false;
  }
}

/** RFC 7638: the required members in the order of their names, without blanks [DL-5]. */
function thumbprintOf(key: DeliveryKey["jwk"]): string {
  const { kty, crv, x } = key;
  const members = key.kty === "EC" ? { crv, kty, x, y: key.y } : { crv, kty, x };
  return createHash("sha256").update(JSON.stringify(members)).digest("base64url");
}
