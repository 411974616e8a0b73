import { canonicalJson, type JsonValue, parseCanonical } from "./canonical-json.js";
import { type DestructionBody, parseDestruction } from "./destruction.js";
import { isObject } from "./entry-form.js";

/** Format label of a certificate: what it says, and the proof that the log has it (docs/spec/destruction-certificate.md). */
export const CERTIFICATE_FORMAT = "rootkeep-destruction-certificate/1";

/** Bytes beyond which a certificate is not read. */
export const CERTIFICATE_BYTES_MAX = 8 * 2 ** 20;
const ENTRIES_MAX = 200;
const KEYS_CHARS_MAX = 65_536;

/** An entry of the log, with the C2SP `.tlog-proof` that it is one. */
export interface ProvenText {
  readonly seq: number;
  readonly bytes: Buffer;
  readonly proof: string;
}

/** A certificate of destruction. */
export interface DestructionCertificate {
  readonly body: DestructionBody;
  /** In the order of the log. */
  readonly entries: readonly ProvenText[];
  /** The log's keys, as `log.vkey` has them. */
  readonly keys: string;
}

/** The certificate as one canonical object and a line feed. */
export function certificateText({ body, entries, keys }: DestructionCertificate): string {
  const proven = entries.map(({ seq, bytes, proof }) => ({ seq, entry: bytes.toString("base64"), proof }));
  return `${canonicalJson({ format: CERTIFICATE_FORMAT, body, entries: proven, keys })}\n`;
}

/** The certificate that `bytes` are. @throws Error naming the rule that is broken, never the content. */
export function parseCertificate(bytes: Buffer): DestructionCertificate {
  if (bytes.length > CERTIFICATE_BYTES_MAX) throw new Error("is longer than a certificate may be [DC-1]");
  const certificate = parseCanonical(bytes.at(-1) === 0x0a ? bytes.subarray(0, -1) : bytes);
  if (certificate["format"] !== CERTIFICATE_FORMAT) throw new Error("is of an unknown format [DC-1]");
  if (Object.keys(certificate).sort().join() !== "body,entries,format,keys")
    throw new Error("has other members than its format asks for [DC-1]");
  const { body, entries, keys } = certificate;
  if (typeof keys !== "string" || keys.length > KEYS_CHARS_MAX) throw new Error("has no keys of a log [DC-1]");
  if (!Array.isArray(entries) || entries.length > ENTRIES_MAX) throw new Error("has no list of entries [DC-1]");
  return { body: parseDestruction(body), entries: (entries as readonly JsonValue[]).map(provenOf), keys };
}

function provenOf(value: JsonValue): ProvenText {
  if (!isObject(value) || Object.keys(value).sort().join() !== "entry,proof,seq") throw new Error("has an entry without its proof [DC-1]");
  const { seq, entry, proof } = value;
  const isPlace = Number.isSafeInteger(seq) && (seq as number) >= 0;
  if (!isPlace || typeof entry !== "string" || typeof proof !== "string") throw new Error("has an entry without its proof [DC-1]");
  const bytes = Buffer.from(entry, "base64");
  if (bytes.toString("base64") !== entry) throw new Error("has an entry that is no base64 [DC-1]");
  return { seq: seq as number, bytes, proof };
}
