import { isId } from "../kernel/ids.js";
import { canonicalJson, type JsonObject, type JsonValue, parseCanonical } from "./canonical-json.js";
import { isEntryTime, isHash, isObject, isOrigin } from "./entry-form.js";
import type { TipProof } from "./stream-heads.js";
import { entriesPath, parseEntriesPath } from "./tlog/tile-path.js";
import { HASH_BYTES } from "./tlog/tree.js";

/** Format label of an account export's manifest (docs/spec/account-export.md). */
export const ACCOUNT_EXPORT_FORMAT = "rootkeep-account-export/1";

/** Files of an account export beside its bundles. */
export const ACCOUNT_FILES = {
  manifest: "manifest.json",
  keys: "log.vkey",
  checkpoint: "checkpoint",
  heartbeat: "heartbeat.json",
  heartbeatProof: "heartbeat.tlog-proof",
  heads: "head-path.json",
  proofs: "proofs.ndjson",
  guide: "VERIFY.md",
} as const;

/** The two folders of bundles: the account's entries, and the global acts. */
export const ACCOUNT_FOLDERS = ["entries", "global"] as const;
export type AccountFolder = (typeof ACCOUNT_FOLDERS)[number];

/** Bytes beyond which the file with the two heads is not read: two proofs of 63 hashes at most. */
export const HEADS_BYTES_MAX = 16_384;
/** Bytes beyond which a line of proofs is not read. */
export const PROOF_LINE_BYTES_MAX = 4_096;
const HASHES_MAX = 63;

/** What an account export says of itself. */
export interface AccountManifest {
  readonly format: typeof ACCOUNT_EXPORT_FORMAT;
  /** Origin of the log. */
  readonly origin: string;
  /** Our id of the account. */
  readonly account: string;
  /** Place of the heartbeat that the export ends at. */
  readonly heartbeat: number;
  /** Entries of the account. */
  readonly entries: number;
  /** Global acts. */
  readonly acts: number;
  /** Entries that the enclosed checkpoint covers. */
  readonly size: number;
  /** When the export was made, in the form of an entry's time. */
  readonly created: string;
  /** Program and version that made it. */
  readonly tool: string;
}

/** The two heads of the export, proven in one tree. */
export interface ExportedHeads {
  /** Leaves of the tree. */
  readonly streams: number;
  readonly account: TipProof;
  readonly global: TipProof;
}

/** The inclusion proof of entry `seq` under the enclosed checkpoint. */
export interface EntryProof {
  readonly seq: number;
  readonly hashes: readonly Buffer[];
}

const MANIFEST_KEYS = "account,acts,created,entries,format,heartbeat,origin,size,tool";

/** Path of bundle `n` of a folder, `<folder>/<N>[.p/<W>]`, numbered as C2SP tlog-tiles does. @throws Error as `entriesPath`. */
export function accountBundlePath(folder: AccountFolder, n: number, width: number): string {
  return entriesPath(n, width).replace(/^tile\/entries/, folder);
}

/** What `path` names, if it is exactly what {@link accountBundlePath} writes for it, else null. */
export function parseAccountBundlePath(
  path: string,
): { readonly folder: AccountFolder; readonly n: number; readonly width: number } | null {
  const folder = ACCOUNT_FOLDERS.find((name) => path.startsWith(`${name}/`));
  if (folder === undefined) return null;
  const place = parseEntriesPath(`tile/entries${path.slice(folder.length)}`);
  return place === null ? null : { folder, ...place };
}

/** True if `bytes` are a manifest that calls itself one of an account export; whether it is in good form is another question. */
export function isAccountManifest(bytes: Buffer): boolean {
  try {
    const format: unknown = (JSON.parse(bytes.toString("utf8")) as { format?: unknown } | null)?.format;
    return typeof format === "string" && format.startsWith("rootkeep-account-export/");
  } catch {
    return false;
  }
}

/**
 * The bytes of manifest.json: canonical JSON and a line feed.
 * @throws Error when it breaks a rule of [AC-10].
 */
export function accountManifestBytes(manifest: AccountManifest): Buffer {
  const bytes = line({ ...manifest });
  parseAccountManifest(bytes);
  return bytes;
}

/** The manifest that `bytes` are. @throws Error naming the rule that is broken [AC-10]. */
export function parseAccountManifest(bytes: Buffer): AccountManifest {
  const manifest = parseLine(bytes);
  if (manifest["format"] !== ACCOUNT_EXPORT_FORMAT) throw new Error("is of an unknown format");
  if (Object.keys(manifest).sort().join() !== MANIFEST_KEYS) throw new Error("has other members than its format asks for");
  const { origin, account, created, tool } = manifest;
  if (!isOrigin(origin)) throw new Error("has no origin");
  if (!isId("account", account)) throw new Error("names no account");
  if (!isEntryTime(created)) throw new Error("has no time");
  if (typeof tool !== "string" || !/^[!-~ ]{1,100}$/.test(tool)) throw new Error("names no tool");
  return { format: ACCOUNT_EXPORT_FORMAT, origin, account, ...parseCounts(manifest), created, tool };
}

function parseCounts({ heartbeat, entries, acts, size }: JsonObject): Pick<AccountManifest, "heartbeat" | "entries" | "acts" | "size"> {
  if (!isCount(entries) || entries < 1 || !isCount(acts)) throw new Error("does not say how many entries there are");
  if (!isCount(heartbeat) || !isCount(size) || size <= heartbeat) throw new Error("has a heartbeat that no checkpoint covers");
  return { heartbeat, entries, acts, size };
}

/** The bytes of head-path.json. */
export function headsBytes({ streams, account, global }: ExportedHeads): Buffer {
  return line({ streams, account: tipJson(account), global: tipJson(global) });
}

/** The heads that `bytes` are. @throws Error naming the rule that is broken [AC-12]. */
export function parseHeads(bytes: Buffer): ExportedHeads {
  const heads = parseLine(bytes);
  if (Object.keys(heads).sort().join() !== "account,global,streams") throw new Error("has other members than two heads and their number");
  if (!isCount(heads["streams"])) throw new Error("does not say how many heads there are");
  return { streams: heads["streams"], account: parseTip(heads["account"]), global: parseTip(heads["global"]) };
}

/** One proof as a line of proofs.ndjson, with its line feed. Lines stand in the order of seq. */
export function proofLine({ seq, hashes }: EntryProof): string {
  return `${canonicalJson({ hashes: hashes.map(hashText), seq })}\n`;
}

/** The proof that a line (without its line feed) is. @throws Error naming the rule that is broken [AC-13]. */
export function parseProofLine(bytes: Uint8Array): EntryProof {
  const proof = parseCanonical(bytes);
  if (Object.keys(proof).sort().join() !== "hashes,seq" || !isCount(proof["seq"])) throw new Error("is no proof of an entry");
  return { seq: proof["seq"], hashes: parseHashes(proof["hashes"]) };
}

function tipJson({ tip: { stream, size, leaf }, index, hashes }: TipProof): JsonObject {
  return { stream, size, leaf: leaf.toString("hex"), index, hashes: hashes.map(hashText) };
}

function parseTip(value: JsonValue | undefined): TipProof {
  if (!isObject(value) || Object.keys(value).sort().join() !== "hashes,index,leaf,size,stream") throw new Error("holds no head");
  const { stream, size, leaf, index, hashes } = value;
  if (typeof stream !== "string" || !isCount(size) || !isHash(leaf) || !isCount(index)) throw new Error("holds no head");
  return { tip: { stream, size, leaf: Buffer.from(leaf, "hex") }, index, hashes: parseHashes(hashes) };
}

function parseHashes(value: JsonValue | undefined): readonly Buffer[] {
  if (!Array.isArray(value) || value.length > HASHES_MAX) throw new Error("holds no list of hashes");
  return (value as readonly JsonValue[]).map((text) => {
    const hash = Buffer.from(typeof text === "string" ? text : "", "base64");
    if (hash.length !== HASH_BYTES || hashText(hash) !== text) throw new Error("holds what is no hash");
    return hash;
  });
}

function hashText(hash: Buffer): string {
  return hash.toString("base64");
}

function line(value: JsonObject): Buffer {
  return Buffer.from(`${canonicalJson(value)}\n`, "utf8");
}

function parseLine(bytes: Buffer): JsonObject {
  return parseCanonical(bytes.at(-1) === 0x0a ? bytes.subarray(0, -1) : bytes);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
