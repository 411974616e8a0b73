// The log of the engine in memory: entries in their order, and what of them the engine decides by. No bytes, no chain.
import type { AuditLog } from "../../../src/audit/audit-log.service.js";
import type { EntryDraft } from "../../../src/audit/entry.js";
import { OpeningWindow } from "../../../src/audit/opening-window.js";
import { PasswordReaders } from "../../../src/audit/password-readers.js";
import type { AuditReceipt } from "../../../src/audit/receipt.js";
import type { DraftEntry, LogHead, LogPort, SentEntry } from "../../../src/database/log.port.js";
import { RootkeepError } from "../../../src/kernel/errors.js";
import type { LoggedEntry } from "./engine.js";

const LEAF = Buffer.alloc(32);

export class MemoryLog {
  readonly entries: LoggedEntry[] = [];
  isWritable = true;
  readonly #ids = new Set<string>();
  readonly #newest = new Map<string, number>();
  readonly #rows = new Map<string, number>();
  readonly #openings = new OpeningWindow();
  readonly #readers = new PasswordReaders();

  constructor(private readonly nowMs: () => number) {}

  knownSize(): number {
    return this.entries.length;
  }

  get #head(): LogHead {
    const now = new Date(this.nowMs()).toISOString();
    return { size: this.entries.length, lastLeaf: LEAF, lastTime: now, now, origin: "model" };
  }

  /** In the place of the log that the runner appends to. */
  get asPort(): LogPort<EntryDraft, AuditReceipt> {
    return {
      lockHead: () => (this.isWritable ? Promise.resolve(this.#head) : Promise.reject(new RootkeepError("AUDIT_UNAVAILABLE"))),
      readHead: () => Promise.resolve(this.#head),
      catchUp: () => Promise.resolve(),
      newestSeq: (key) => this.#newest.get(key),
      rowCount: (table) => this.#rows.get(table) ?? 0,
      knownSize: () => this.entries.length,
      append: (_client, _head, drafts) => Promise.resolve(drafts.map((draft) => this.#append(draft))),
      receipts: (_drafts, sent) => sent.map(receiptOf),
      settle: () => Promise.resolve(true),
      reportRefusedRow: (row, reason) => Promise.reject(new Error(`row ${row} was refused: ${reason}`)),
    };
  }

  /** In the place of the log that services ask and tell. */
  get asAuditLog(): AuditLog {
    const record = async (draft: EntryDraft): Promise<AuditReceipt> => {
      if (!this.isWritable) throw new RootkeepError("AUDIT_UNAVAILABLE");
      return Promise.resolve(receiptOf(this.#append(draft)));
    };
    const openingsSince = (sinceMs: number, person: string) => this.#openings.countSince(sinceMs, person);
    const passwordReaders = (account: string, version: string | null) => this.#readers.of(account, version);
    return {
      record,
      openingsSince,
      passwordReaders,
      newestSeq: (key: string) => this.#newest.get(key),
      confirm: () => Promise.resolve(),
      isAheadOfClock: false,
      epochStarts: [],
    } as unknown as AuditLog;
  }

  #append(draft: EntryDraft & DraftEntry): SentEntry {
    // As the table's own uniqueness does it: an opening's id is derived, and is taken once.
    if (this.#ids.has(draft.id)) throw new RootkeepError("ALREADY_RELEASED");
    const seq = this.entries.length;
    const entry = { ...draft, seq, time: new Date(this.nowMs()).toISOString() };
    this.#ids.add(draft.id);
    this.entries.push(entry);
    this.#openings.take(entry);
    this.#readers.take(entry);
    for (const row of draft.rows ?? []) {
      const table = row.slice(0, row.indexOf("/"));
      if (!this.#newest.has(row)) this.#rows.set(table, (this.#rows.get(table) ?? 0) + 1);
      this.#newest.set(row, seq);
    }
    return { seq, eventId: draft.id, leafHash: LEAF };
  }
}

function receiptOf({ seq, eventId }: SentEntry): AuditReceipt {
  return { facts: { seq, eventId, leafHash: LEAF.toString("hex"), action: "", outcome: "", subjectId: "" } } as AuditReceipt;
}
