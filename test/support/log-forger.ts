// Another history: what somebody writes who owns the database and puts every hash right behind the change; with the log's key also every
// signature.
import { canonicalBytes, type JsonObject } from "../../src/audit/canonical-json.js";
import { leafHash } from "../../src/audit/chain.js";
import { TileBuilder } from "../../src/audit/tlog/tile-builder.js";
import { CompactRange } from "../../src/audit/tlog/tree.js";
import type { DatabaseOwner } from "./database-owner.js";
import { noteOf } from "./signed-export.js";
import type { NoteSigner } from "./tlog-keys.js";

/** Tables of the log; each refers at most to those before it. */
export const LOG_TABLES = ["head", "entry", "stream_head", "disclosure", "tile", "checkpoint", "cosignature"] as const;

/** What becomes of an entry: another object, or bytes as they are. */
export type Forge = (entry: Readonly<JsonObject>) => JsonObject | Buffer;

/** `entries` with the one at `seq` forged, and every hash behind it made to fit. */
export function forged(entries: readonly Buffer[], seq: number, forge: Forge): Buffer[] {
  const history = entries.slice(0, seq);
  const streams = new Map<string, string>();
  const parse = (bytes: Buffer): JsonObject => JSON.parse(bytes.toString("utf8")) as JsonObject;
  const note = ({ stream }: JsonObject, bytes: Buffer): void => {
    if (typeof stream === "string") streams.set(stream, leafHash(bytes).toString("hex"));
  };
  for (const bytes of history) note(parse(bytes), bytes);
  for (let at = seq; at < entries.length; at++) {
    const old = parse(entries[at] ?? Buffer.alloc(0));
    const sprev = typeof old["stream"] === "string" ? streams.get(old["stream"]) : undefined;
    const prev = leafHash(history.at(-1) ?? Buffer.alloc(0)).toString("hex");
    const joined: JsonObject = { ...old, prev, ...(sprev === undefined ? {} : { sprev }) };
    const made = at === seq ? forge(joined) : joined;
    const bytes = Buffer.isBuffer(made) ? made : canonicalBytes(made);
    history.push(bytes);
    note(old, bytes);
  }
  return history;
}

/** Puts `history` in the place of the log from entry `from` on: entries, their hashes and copies, head, heads of the accounts' chains. */
export async function writeHistory(owner: DatabaseOwner, history: readonly Buffer[], from: number): Promise<void> {
  await owner.run(`DELETE FROM audit.entry WHERE seq >= ${String(from)}`);
  await owner.run(
    `INSERT INTO audit.entry (seq, event_id, entry, leaf_hash, action, outcome, actor_id, target_id, time)
     SELECT $1 + i - 1, (r->>'id')::uuid, e, sha256('\\x00'::bytea || e), r->>'action', r->>'outcome', r->'actor'->>'id', r->'target'->>'id', r->>'time'
     FROM unnest($2::bytea[]) WITH ORDINALITY AS u(e, i), LATERAL (SELECT convert_from(e, 'UTF8')::jsonb AS r) AS parsed`,
    [from, history.slice(from)],
  );
  await owner.run(
    `UPDATE audit.head SET (size, last_leaf, last_time) = (SELECT seq + 1, leaf_hash, time FROM audit.entry ORDER BY seq DESC LIMIT 1)`,
  );
  await owner.run(`DELETE FROM audit.stream_head`);
  await owner.run(
    `INSERT INTO audit.stream_head SELECT DISTINCT ON (r->>'stream') r->>'stream', greatest((r->>'sseq')::bigint + 1, 1), leaf_hash
     FROM audit.entry, LATERAL (SELECT convert_from(entry, 'UTF8')::jsonb AS r) AS parsed WHERE r ? 'stream' ORDER BY r->>'stream', seq DESC`,
  );
}

/** Signs `history` anew at each of `sizes`: full tiles and checkpoints, and no cosignature of anybody. */
export async function writeSignatures(
  owner: DatabaseOwner,
  history: readonly Buffer[],
  sizes: readonly number[],
  signer: NoteSigner,
): Promise<void> {
  const leaves = history.map((entry) => leafHash(entry));
  const tiles = new TileBuilder();
  for (const leaf of leaves) tiles.append(leaf);
  for (const table of ["cosignature", "checkpoint", "tile"]) await owner.run(`DELETE FROM audit.${table}`);
  for (const { level, n, bytes, root } of tiles.takeFull())
    await owner.run("INSERT INTO audit.tile VALUES ($1, $2, $3, $4, $5)", [signer.key.name, level, n, bytes, root]);
  for (const size of sizes) await writeCheckpoint(owner, leaves, size, signer);
}

/** One more checkpoint, over the first `size` of `leaves`. */
export async function writeCheckpoint(owner: DatabaseOwner, leaves: readonly Buffer[], size: number, signer: NoteSigner): Promise<void> {
  const range = new CompactRange();
  for (const leaf of leaves.slice(0, size)) range.append(leaf);
  const note = await noteOf(leaves, size, { log: signer }, range.root());
  await owner.run("DELETE FROM audit.cosignature WHERE size = $1", [size]);
  await owner.run("DELETE FROM audit.checkpoint WHERE size = $1", [size]);
  await owner.run("INSERT INTO audit.checkpoint (origin, size, root, note, frontier) VALUES ($1, $2, $3, $4, $5)", [
    ...[signer.key.name, size, range.root(), note.toString("utf8"), range.frontier()],
  ]);
}
