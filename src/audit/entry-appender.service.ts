import type { ClientBase } from "pg";
import type { LogHead, SentEntry } from "../database/log.port.js";
import { sqlState, violatedConstraint } from "../database/sql-error.js";
import { RootkeepError } from "../kernel/errors.js";
import { AuditRepository, type StreamHead } from "./audit.repository.js";
import { ZERO_HASH } from "./chain.js";
import { type BuiltEntry, buildEntry, type EntryDraft } from "./entry.js";

/** Heads of the accounts' own chains, by account id; an account without entries has none. */
export type StreamHeads = ReadonlyMap<string, StreamHead>;

const NO_HEADS: StreamHeads = new Map();

/**
 * Gives `drafts` their places behind `head`, which must have been read under the audit lock, and sends them as the last statement of
 * the transaction. The database checks every place again (migrations, `audit.append`).
 * @throws RootkeepError `ALREADY_RELEASED` when an event id is in the log already; `AUDIT_UNAVAILABLE` for anything else.
 */
export async function appendEntries(client: ClientBase, head: LogHead, drafts: readonly EntryDraft[]): Promise<readonly BuiltEntry[]> {
  const built = placeEntries(head, drafts, await streamHeadsOf(client, drafts));
  await sendEntries(client, head.size, built);
  return built;
}

/** Heads of the chains that `drafts` belong to. Read them under the audit lock. */
export async function streamHeadsOf(client: ClientBase, drafts: readonly EntryDraft[]): Promise<StreamHeads> {
  const streams = new Set<string>();
  for (const { stream } of drafts) if (stream !== undefined) streams.add(stream);
  return streams.size === 0 ? NO_HEADS : await AuditRepository.streamHeads(client, [...streams]);
}

/**
 * Makes the entries, one behind the other.
 * @throws Error when a draft breaks a rule of docs/spec/audit-entry.md.
 */
export function placeEntries(head: LogHead, drafts: readonly EntryDraft[], streamHeads: StreamHeads): BuiltEntry[] {
  const chains = new Map(streamHeads);
  // The log's time never runs backwards, even where the clock does.
  const time = head.now < head.lastTime ? head.lastTime : head.now;
  let prev = head.lastLeaf;
  return drafts.map((draft, index) => {
    const { stream } = draft;
    const chain = stream === undefined ? undefined : (chains.get(stream) ?? { size: 0, lastLeaf: ZERO_HASH });
    const entry = buildEntry(draft, {
      log: head.origin,
      seq: head.size + index,
      prev,
      time,
      ...(chain === undefined ? {} : { sseq: chain.size, sprev: chain.lastLeaf }),
    });
    prev = entry.leafHash;
    if (stream !== undefined && chain !== undefined) chains.set(stream, { size: chain.size + 1, lastLeaf: entry.leafHash });
    return entry;
  });
}

/** Sends entries that have their places. @throws RootkeepError as {@link appendEntries}. */
export async function sendEntries(client: ClientBase, first: number, built: readonly BuiltEntry[]): Promise<void> {
  try {
    await AuditRepository.append(client, first, built);
  } catch (cause) {
    if (sqlState(cause) === "23505" && violatedConstraint(cause) === "entry_event_id_uq") {
      throw new RootkeepError("ALREADY_RELEASED", { reason: "event id is in the log" });
    }
    if (sqlState(cause) === "40001") throw cause;
    throw new RootkeepError("AUDIT_UNAVAILABLE", { reason: `append ${sqlState(cause) ?? "connection"}`, cause });
  }
}

/** What a caller hears of entries that were sent. */
export function sentEntries(first: number, built: readonly BuiltEntry[]): SentEntry[] {
  return built.map((entry, index) => ({ seq: first + index, eventId: entry.id, leafHash: entry.leafHash }));
}
