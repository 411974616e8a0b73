import { NOTE_BYTES_MAX, parseNote } from "./note.js";
import { openWitnessed, type Policy, type WitnessedCheckpoint } from "./policy.js";
import { verifyInclusion } from "./proof.js";
import { decodeText, parseBase64, parseDecimal, parseHash } from "./text-fields.js";
import { TlogError } from "./tlog-error.js";

const FIRST_LINE = "c2sp.org/tlog-proof@v1";
/** Hashes of the longest proof there is: a tree has at most 2^63 leaves. */
export const PROOF_HASHES_MAX = 63;

/** What a `.tlog-proof` file says (C2SP tlog-proof): with an entry beside it, that the entry is in a log, for whoever trusts the log's keys. */
export interface TlogProof {
  /** Further bytes that nothing vouches for; null when there are none. */
  readonly extra: Buffer | null;
  /** Place of the entry. */
  readonly index: number;
  /** Inclusion proof, from the leaf's sibling upwards. */
  readonly hashes: readonly Buffer[];
  /** The signed checkpoint, byte for byte. */
  readonly note: Buffer;
}

/**
 * The bytes of the file.
 * @throws TlogError when {@link parseTlogProof} would not take them.
 */
export function formatTlogProof({ extra, index, hashes, note }: TlogProof): Buffer {
  const lines = [
    FIRST_LINE,
    ...(extra === null ? [] : [`extra ${extra.toString("base64")}`]),
    `index ${index}`,
    ...hashes.map((hash) => hash.toString("base64")),
  ];
  const bytes = Buffer.concat([Buffer.from(`${lines.join("\n")}\n\n`, "utf8"), note]);
  parseTlogProof(bytes);
  return bytes;
}

/**
 * The proof that a file is. Nothing of it is proven before {@link verifyTlogProof}.
 * @throws TlogError when it is malformed.
 */
export function parseTlogProof(bytes: Uint8Array): TlogProof {
  const content = decodeText(bytes, 2 * NOTE_BYTES_MAX, "a proof");
  const end = content.indexOf("\n\n");
  if (end < 0) throw new TlogError("a proof has no empty line before its checkpoint");
  const [first, ...lines] = content.slice(0, end).split("\n");
  if (first !== FIRST_LINE) throw new TlogError("a proof is of an unknown format");
  const extra = lines[0]?.startsWith("extra ") === true ? parseBase64((lines.shift() ?? "").slice("extra ".length), "extra data") : null;
  const indexLine = lines.shift() ?? "";
  if (!indexLine.startsWith("index ")) throw new TlogError("a proof has no index");
  const index = parseDecimal(indexLine.slice("index ".length), "a proof's index");
  if (lines.length > PROOF_HASHES_MAX) throw new TlogError("a proof has more than 63 hashes");
  const hashes = lines.map((line) => parseHash(line, "a line of a proof"));
  const note = Buffer.from(content.slice(end + 2), "utf8");
  parseNote(note);
  return { extra, index, hashes, note };
}

/**
 * Checks that the entry is in a log that the policy knows.
 * @param leafHash of the entry, 32 bytes, made from the entry's own bytes.
 * @returns the checkpoint that it was proven with.
 * @throws TlogError when the checkpoint does not keep the policy or the proof does not lead from the leaf to its root.
 */
export function verifyTlogProof({ index, hashes, note }: TlogProof, leafHash: Uint8Array, policy: Policy): WitnessedCheckpoint {
  const opened = openWitnessed(note, policy);
  verifyInclusion(index, opened.checkpoint.size, leafHash, hashes, opened.checkpoint.root);
  return opened;
}
