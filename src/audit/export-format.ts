import { BUNDLE_WIDTH } from "./bundle.js";
import { canonicalJson, type JsonObject, parseCanonical } from "./canonical-json.js";
import { isCommittedField, type Opening, SALT_BYTES } from "./commitment.js";
import { isEntryTime, isHash, isOrigin } from "./entry-form.js";

/** Format label of the manifest; another format has another label. */
export const EXPORT_FORMAT = "rootkeep-audit-export/1";

/** Files of an export beside tiles, bundles and older checkpoints (docs/spec/audit-export.md). */
export const EXPORT_FILES = {
  manifest: "manifest.json",
  keys: "log.vkey",
  checkpoint: "checkpoint",
  disclosures: "pii.ndjson",
  guide: "VERIFY.md",
} as const;

/** Folder of notes that were fetched from those who keep our checkpoints; put there by the reader, never by the writer. */
export const ANCHORS_FOLDER = "anchors";

/** Bytes beyond which a manifest is not read. */
export const MANIFEST_BYTES_MAX = 16_384;
/** Bytes beyond which a line of openings is not read. */
export const OPENING_LINE_BYTES_MAX = 65_536;

/** Bytes beyond which a file `log.vkey` is not read. */
export const KEYS_BYTES_MAX = 65_536;
/** Bytes beyond which a signed note is not read. */
export const NOTE_FILE_BYTES_MAX = 65_536;

/** Path of the checkpoint of `size` entries. */
export function checkpointPath(size: number): string {
  return `checkpoints/${String(size)}.note`;
}

/** The size that `path` names, if it is exactly what {@link checkpointPath} writes for it, else null. */
export function parseCheckpointPath(path: string): number | null {
  const size = Number(/^checkpoints\/([1-9]\d{0,15})\.note$/.exec(path)?.[1] ?? "NaN");
  return Number.isSafeInteger(size) ? size : null;
}

/** What an export says of itself: a claim, to be compared with what it holds and with what its reader knows from elsewhere. */
export interface ExportManifest {
  readonly format: typeof EXPORT_FORMAT;
  /** Origin of the log. */
  readonly origin: string;
  /** Seq of the first entry, a multiple of 256. */
  readonly from: number;
  /** Seq behind the last entry: the same as `size`, because an export ends at its checkpoint [AX-11]. */
  readonly to: number;
  /** Entries that the newest enclosed checkpoint covers. */
  readonly size: number;
  /** Leaf hash of entry `to − 1`, hex. */
  readonly head: string;
  /** When the export was made, in the form of an entry's time. */
  readonly created: string;
  /** Program and version that made it. */
  readonly tool: string;
  /** Whether openings of commitments are enclosed. */
  readonly disclosures: boolean;
}

/** One line of the openings, of the entry `seq`. */
export interface SeqOpening extends Opening {
  readonly seq: number;
}

const MANIFEST_KEYS = ["created", "disclosures", "format", "from", "head", "origin", "size", "to", "tool"];

/**
 * The bytes of manifest.json: canonical JSON and a line feed.
 * @throws Error when the manifest breaks a rule of docs/spec/audit-export.md.
 */
export function manifestBytes(manifest: ExportManifest): Buffer {
  const bytes = Buffer.from(`${canonicalJson({ ...manifest })}\n`, "utf8");
  parseManifest(bytes);
  return bytes;
}

/**
 * The manifest that `bytes` are.
 * @throws Error naming the rule that is broken [AX-3].
 */
export function parseManifest(bytes: Buffer): ExportManifest {
  const isEnded = bytes.at(-1) === 0x0a;
  const manifest = parseCanonical(isEnded ? bytes.subarray(0, -1) : bytes);
  if (manifest["format"] !== EXPORT_FORMAT) throw new Error("is of an unknown format");
  if (Object.keys(manifest).sort().join() !== MANIFEST_KEYS.join()) throw new Error("has other members than its format asks for");
  const { origin, head, created, tool, disclosures } = manifest;
  if (!isOrigin(origin)) throw new Error("has no origin");
  if (!isHash(head)) throw new Error("has no head");
  if (!isEntryTime(created)) throw new Error("has no time");
  if (typeof tool !== "string" || !/^[!-~ ]{1,100}$/.test(tool)) throw new Error("names no tool");
  if (typeof disclosures !== "boolean") throw new Error("does not say whether it discloses");
  return { format: EXPORT_FORMAT, origin, ...parseRange(manifest), head, created, tool, disclosures };
}

function parseRange({ from, to, size }: JsonObject): Pick<ExportManifest, "from" | "to" | "size"> {
  if (!isCount(from) || from % BUNDLE_WIDTH !== 0) throw new Error("begins elsewhere than at a multiple of 256");
  if (!isCount(to) || to <= from) throw new Error("holds no entry");
  // Whoever may end an export before its checkpoint may keep back the last entries, and nothing in it would contradict him.
  if (size !== to) throw new Error("does not end at its checkpoint");
  return { from, to, size: to };
}

/** One opening as a line of pii.ndjson. Lines stand in the order of seq, then field. */
export function openingLine(opening: SeqOpening): string {
  const { seq, field, salt, value } = opening;
  return `${canonicalJson({ field, salt: salt.toString("base64url"), seq, value })}\n`;
}

/**
 * The opening that a line (without its line feed) is.
 * @throws Error naming the rule that is broken, never the value.
 */
export function parseOpeningLine(line: Uint8Array): SeqOpening {
  const opening: JsonObject = parseCanonical(line);
  if (Object.keys(opening).sort().join() !== "field,salt,seq,value") throw new Error("has other members than an opening");
  const { seq, field, salt, value } = opening;
  if (!isCount(seq) || typeof field !== "string" || !isCommittedField(field) || typeof value !== "string") throw new Error("is no opening");
  const bytes = Buffer.from(typeof salt === "string" ? salt : "", "base64url");
  if (bytes.length !== SALT_BYTES || bytes.toString("base64url") !== salt) throw new Error("has no salt");
  return { seq, field, salt: bytes, value };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
