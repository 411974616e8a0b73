import { Client, type ClientBase } from "pg";
import { byteaArray } from "../database/binary-array.js";
import type { LogHead } from "../database/log.port.js";
import { RootkeepError } from "../kernel/errors.js";
import type { EntryAction } from "./actions.js";
import type { BuiltEntry } from "./entry.js";

interface HeadRow {
  origin: string;
  size: string;
  last_leaf: Buffer;
  last_time: string;
  now: string;
}

/** Head of an account's own chain. */
export interface StreamHead {
  readonly size: number;
  readonly lastLeaf: Buffer;
}

/** What the database does with an entry of these actions, in the same transaction: functions of its owner, which read the entry themselves. */
const EFFECTS: readonly { readonly action: EntryAction; readonly statement: string }[] = [
  { action: "disclosure.erase", statement: "SELECT audit.erase($1)" },
  { action: "account.destroyed", statement: "SELECT secrets.destroy($1)" },
];

function toHead(rows: readonly HeadRow[]): LogHead {
  const row = rows[0];
  if (row === undefined) throw new Error("audit.head is empty");
  return { origin: row.origin, size: Number(row.size), lastLeaf: row.last_leaf, lastTime: row.last_time, now: row.now };
}

/** The statements of the log. Raw SQL, because each is part of the protocol of docs/spec/audit-entry.md and is read with it. */
export const AuditRepository = {
  async begin(client: ClientBase, origin: string): Promise<void> {
    await client.query("SELECT audit.begin($1)", [origin]);
  },

  /** Takes the audit lock until the end of the transaction, and reads the head under it. */
  async lockHead(client: ClientBase): Promise<LogHead> {
    const { rows } = await client.query<HeadRow>("SELECT origin, size, last_leaf, last_time, now FROM audit.lock_head()");
    return toHead(rows);
  },

  /**
   * Of a primary alone: a standby may not have replayed what was committed yet, and would look like a log that was put back.
   * @throws RootkeepError `UNAVAILABLE` on a standby.
   */
  async readHead(client: ClientBase): Promise<LogHead> {
    const { rows } = await client.query<HeadRow & { is_standby: boolean }>(
      "SELECT origin, size, last_leaf, last_time, '' AS now, pg_catalog.pg_is_in_recovery() AS is_standby FROM audit.head WHERE id = 1",
    );
    if (rows[0]?.is_standby === true) throw new RootkeepError("UNAVAILABLE", { reason: "the database is a standby" });
    return toHead(rows);
  },

  async streamHeads(client: ClientBase, streams: readonly string[]): Promise<Map<string, StreamHead>> {
    const { rows } = await client.query<{ stream: string; size: string; last_leaf: Buffer }>({
      name: "audit-stream-heads",
      text: "SELECT stream, size, last_leaf FROM audit.stream_head WHERE stream = ANY($1)",
      values: [streams],
    });
    return new Map(rows.map((row) => [row.stream, { size: Number(row.size), lastLeaf: row.last_leaf }]));
  },

  /** Entry bytes of `[from, from + limit)`, in order; fewer at the end. One that somebody has emptied, past the column's NOT NULL, is none. */
  async range(client: ClientBase, from: number, limit: number): Promise<Buffer[]> {
    const { rows } = await client.query<{ entry: Buffer }>(
      "SELECT entry FROM audit.entry WHERE seq >= $1 AND seq < $2 AND entry IS NOT NULL ORDER BY seq",
      [from, from + limit],
    );
    return rows.map((row) => row.entry);
  },

  /** Milliseconds, by the database's clock, since entry `seq` was made; undefined where there is none. */
  async ageOf(client: ClientBase, seq: number): Promise<number | undefined> {
    const { rows } = await client.query<{ entry: Buffer; now: string }>(
      "SELECT entry, (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now FROM audit.entry WHERE seq = $1",
      [seq],
    );
    const [row] = rows;
    return row === undefined ? undefined : Number(row.now) - Date.parse((JSON.parse(row.entry.toString("utf8")) as { time: string }).time);
  },

  /** Bytes of the entries at these places, by place; fewer where the database has lost some. */
  async at(client: ClientBase, seqs: readonly number[]): Promise<Map<number, Buffer>> {
    const { rows } = await client.query<{ seq: string; entry: Buffer }>(
      "SELECT seq, entry FROM audit.entry WHERE seq = ANY($1::bigint[])",
      [seqs],
    );
    return new Map(rows.map(({ seq, entry }) => [Number(seq), entry]));
  },

  /** Openings of the commitments of `[from, to)`. */
  async disclosures(client: ClientBase, from: number, to: number): Promise<{ seq: number; field: string; salt: Buffer; value: string }[]> {
    const { rows } = await client.query<{ seq: string; field: string; salt: Buffer; value: string }>(
      'SELECT seq, field, salt, value FROM audit.disclosure WHERE seq >= $1 AND seq < $2 ORDER BY seq, field COLLATE "C"',
      [from, to],
    );
    return rows.map((row) => ({ ...row, seq: Number(row.seq) }));
  },

  /** The openings first: the entries are the last thing that a transaction writes. Without waiting in between, where pg allows it. */
  async append(client: ClientBase, first: number, entries: readonly BuiltEntry[]): Promise<void> {
    const disclosed = entries.flatMap((entry, index) => entry.disclosures.map((opening) => ({ ...opening, seq: first + index })));
    const disclosing =
      disclosed.length === 0
        ? undefined
        : client.query("SELECT audit.disclose($1, $2, $3, $4)", [
            disclosed.map(({ seq }) => seq),
            disclosed.map(({ field }) => field),
            byteaArray(disclosed.map(({ salt }) => salt)),
            disclosed.map(({ value }) => value),
          ]);
    if (!(client instanceof Client && client.pipeline)) await disclosing;
    const appending = client.query({
      name: "audit-append",
      text: "SELECT audit.append($1, $2, $3, $4)",
      values: [
        first,
        entries.map(({ id }) => id),
        byteaArray(entries.map(({ bytes }) => bytes)),
        byteaArray(entries.map(({ leafHash }) => leafHash)),
      ],
    });
    await Promise.all([disclosing, appending]);
    // An entry that tells of an erasure and the erasure itself are one: neither is ever seen without the other.
    for (const [index, { entry }] of entries.entries()) {
      const effect = EFFECTS.find(({ action }) => action === entry["action"]);
      if (effect !== undefined && entry["outcome"] === "committed") await client.query(effect.statement, [first + index]);
    }
  },

  /** Leaf hashes of the entries with these event ids. */
  async leavesOf(client: ClientBase, eventIds: readonly string[]): Promise<Map<string, Buffer>> {
    const { rows } = await client.query<{ event_id: string; leaf_hash: Buffer }>(
      "SELECT event_id, leaf_hash FROM audit.entry WHERE event_id = ANY($1::uuid[])",
      [eventIds],
    );
    return new Map(rows.map((row) => [row.event_id, row.leaf_hash]));
  },

  /** Position of the entry with this event id, or undefined. A search column: for answers, never for decisions. */
  async seqOf(client: ClientBase, eventId: string): Promise<number | undefined> {
    const { rows } = await client.query<{ seq: string }>("SELECT seq FROM audit.entry WHERE event_id = $1", [eventId]);
    return rows[0] === undefined ? undefined : Number(rows[0].seq);
  },
} as const;
