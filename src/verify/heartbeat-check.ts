import type { ChainStep } from "../audit/chain-verifier.js";
import { type Entry, entryExtras } from "../audit/entry.js";
import { isHash } from "../audit/entry-form.js";
import type { ExportManifest } from "../audit/export-format.js";
import { isGlobalAct } from "../audit/global-acts.js";
import { HEARTBEAT_LAG_MAX, heartbeatId, heartbeatIdBeside, readHeartbeat } from "../audit/heartbeat.js";
import { HeadsReplay } from "./heads-replay.js";
import type { ReportBuilder } from "./report.js";

/** A head that moved. */
interface Move {
  readonly seq: number;
  /** Null for a global act. */
  readonly stream: string | null;
  readonly leaf: string;
}

/**
 * Computes from the entries alone what every heartbeat states, so that a service that counts an account's entries wrongly is found by
 * whoever has the whole log. A heartbeat states the heads of a size before its own place; so moves wait until a heartbeat can no longer be about
 * less. Memory grows with the number of accounts.
 */
export class HeartbeatCheck {
  readonly #heads = new HeadsReplay();
  /** Moves that the heads do not have yet, in order, from `#from` on. */
  #moves: Move[] = [];
  #from = 0;
  #next = 0;
  /** The heartbeat that was read last. */
  #last: { readonly seq: number; readonly id: string } | undefined;
  #count = 0;

  /** @param lagMax entries between what a heartbeat states and its own place. */
  constructor(
    private readonly manifest: Pick<ExportManifest, "from">,
    private readonly report: ReportBuilder,
    private readonly lagMax = HEARTBEAT_LAG_MAX,
  ) {}

  /** Takes the next entry. */
  add({ seq, leaf, entry }: ChainStep): void {
    // What began before the export is not known; what stands there again was counted where it stood first.
    if (this.manifest.from > 0 || seq < this.#next) return;
    this.#next = seq + 1;
    if (entry === null) return;
    const stream = entry["stream"] as string | undefined;
    if (stream !== undefined) this.#moves.push({ seq, stream, leaf });
    else if (isGlobalAct({ action: entry.action, outcome: entry.outcome })) this.#moves.push({ seq, stream: null, leaf });
    else if (entry.action === "log.heartbeat" && entry.outcome === "committed") this.#check(seq, entry);
    this.#moveTo(seq - this.lagMax);
  }

  finish(): void {
    if (this.manifest.from > 0) this.report.note("heartbeats", "skipped", "the export does not begin with the log's first entry");
    else if (this.#count === 0) this.report.note("heartbeats", "not-present", "there is no heartbeat");
    else this.report.note("heartbeats", "ok", `${String(this.#count)} heartbeats state the heads that the entries have`);
  }

  #check(seq: number, entry: Entry): void {
    const what = `heartbeat ${String(seq)}`;
    const last = this.#last;
    this.#last = { seq, id: entry.id };
    this.#count += 1;
    const heartbeat = readHeartbeat({ ...entry, details: entryExtras(entry).details });
    if (heartbeat === null || entry.actor.type !== "system") {
      this.#fail(seq, `${what} has not its form`);
      return;
    }
    if (!follows(entry, last?.id ?? null)) this.#fail(seq, `${what} does not follow the one before it`);
    const { asOf, streams, streamsRoot } = heartbeat;
    if (asOf <= (last?.seq ?? 0) || asOf < seq - this.lagMax) {
      this.#fail(seq, `${what} states heads of ${String(asOf)} entries, which are of long before`);
      return;
    }
    this.#moveTo(asOf);
    if (streams !== this.#heads.size)
      this.#fail(seq, `${what} counts ${String(streams)} heads, the first ${String(asOf)} entries have ${String(this.#heads.size)}`);
    else if (!streamsRoot.equals(this.#heads.root()))
      this.#fail(seq, `${what} states other heads than the first ${String(asOf)} entries have`);
  }

  #moveTo(asOf: number): void {
    for (let move = this.#moves[this.#from]; move !== undefined && move.seq < asOf; move = this.#moves[this.#from]) {
      if (move.stream === null) this.#heads.act(move.leaf);
      else this.#heads.extend(move.stream, move.leaf);
      this.#from += 1;
    }
    if (this.#from * 2 <= this.#moves.length || this.#from < 1_000) return;
    this.#moves = this.#moves.slice(this.#from);
    this.#from = 0;
  }

  #fail(seq: number, message: string): void {
    this.report.tampered("heartbeats", message, seq);
  }
}

/** By its id, or by the one that it takes where another entry stands under that [AC-8]. */
function follows(entry: Entry, before: string | null): boolean {
  if (entry.id === heartbeatId(entry.log, before)) return true;
  const beside = entryExtras(entry).details?.["beside"];
  return isHash(beside) && entry.id === heartbeatIdBeside(entry.log, before, beside);
}
