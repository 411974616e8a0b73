import type { ChainStep, ChainVerifier } from "../audit/chain-verifier.js";
import { type Entry, entryExtras } from "../audit/entry.js";
import type { ExportManifest } from "../audit/export-format.js";
import { isGlobalAct } from "../audit/global-acts.js";
import { HEARTBEAT_LAG_MAX, heartbeatId, heartbeatIdBeside, readHeartbeat } from "../audit/heartbeat.js";
import { HeadsReplay } from "./heads-replay.js";
import { type ReportBuilder, spanOf } from "./report.js";
import { NO_STREAM, WaitingEntries } from "./waiting-entries.js";

/** Longer than this no log should be without a heartbeat: they come every ten minutes [AC-8]. */
const SILENCE_MS = 20 * 60_000;

interface KnownHeartbeat {
  readonly seq: number;
  readonly id: string;
  readonly time: string;
}

/**
 * Computes from the entries alone what every heartbeat states, so that a service that counts an account's entries wrongly is found by
 * whoever has the whole log. A heartbeat states the heads of a size before its own place; so moves wait until a heartbeat can no longer be about
 * less. Memory grows with the number of accounts.
 */
export class HeartbeatCheck {
  readonly #heads = new HeadsReplay();
  /** Entries that the heads do not have yet. */
  readonly #waiting = new WaitingEntries();
  #next = 0;
  /** The heartbeat that was read last. */
  #last: KnownHeartbeat | undefined;
  #count = 0;
  /** Time of the entry that was read last. */
  #time = "";
  #silence: { readonly milliseconds: number; readonly seq: number } = { milliseconds: 0, seq: 0 };

  /**
   * @param chain knows the derived ids so far.
   * @param lagMax entries between what a heartbeat states and its own place.
   */
  constructor(
    private readonly manifest: Pick<ExportManifest, "from">,
    private readonly report: ReportBuilder,
    private readonly chain: Pick<ChainVerifier, "hasTaken">,
    private readonly lagMax = HEARTBEAT_LAG_MAX,
  ) {}

  /** Takes the next entry. */
  add({ seq, leaf, entry }: ChainStep): void {
    // What began before the export is not known; what stands there again was counted where it stood first.
    if (this.manifest.from > 0 || seq < this.#next) return;
    this.#next = seq + 1;
    if (entry === null) return;
    this.#time = entry.time;
    const stream = entry["stream"] as string | undefined;
    if (stream === undefined && entry.action === "log.heartbeat" && entry.outcome === "committed") this.#check(seq, entry);
    this.#waiting.add(seq, stream ?? (isGlobalAct({ action: entry.action, outcome: entry.outcome }) ? null : NO_STREAM), leaf);
    this.#moveTo(seq - this.lagMax);
  }

  finish(): void {
    if (this.manifest.from > 0) this.report.note("heartbeats", "skipped", "the export does not begin with the log's first entry");
    else if (this.#count === 0) this.report.note("heartbeats", "not-present", "there is no heartbeat");
    else {
      this.#measure(this.#time, this.#next - 1);
      const { milliseconds, seq } = this.#silence;
      // A service that was stopped for a night leaves the same trace as one that held its log back: the reader is told, and knows.
      const silence =
        milliseconds > SILENCE_MS ? `; the longest time without one was ${spanOf(milliseconds)}, up to entry ${String(seq)}` : "";
      this.report.note("heartbeats", "ok", `${String(this.#count)} heartbeats state the heads that the entries have${silence}`);
    }
  }

  #check(seq: number, entry: Entry): void {
    const what = `heartbeat ${String(seq)}`;
    const last = this.#last;
    this.#measure(entry.time, seq);
    this.#last = { seq, id: entry.id, time: entry.time };
    this.#count += 1;
    const heartbeat = readHeartbeat({ ...entry, details: entryExtras(entry).details });
    if (heartbeat === null || entry.actor.type !== "system") {
      this.#fail(seq, `${what} has not its form`);
      return;
    }
    const { asOf, streams, streamsRoot } = heartbeat;
    if (!this.#follows(entry, last?.id ?? null, asOf)) this.#fail(seq, `${what} does not follow the one before it`);
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
    for (let next = this.#waiting.takeBefore(asOf); next !== undefined; next = this.#waiting.takeBefore(asOf)) {
      if (next.stream === null) this.#heads.act(next.leaf);
      else if (next.stream !== NO_STREAM) this.#heads.extend(next.stream, next.leaf);
    }
  }

  /** Whether the id is the one that follows `before`, or, where another entry has taken that, the one beside it [AC-8]. */
  #follows(entry: Entry, before: string | null, asOf: number): boolean {
    const { id, log } = entry;
    const expected = heartbeatId(log, before);
    if (id === expected) return true;
    const leaf = this.#waiting.leafAt(asOf - 1);
    if (leaf === undefined || entryExtras(entry).details?.["beside"] !== leaf || !this.chain.hasTaken(expected)) return false;
    return id === heartbeatIdBeside(log, before, leaf);
  }

  #measure(time: string, seq: number): void {
    const milliseconds = this.#last === undefined ? 0 : Date.parse(time) - Date.parse(this.#last.time);
    if (milliseconds > this.#silence.milliseconds) this.#silence = { milliseconds, seq };
  }

  #fail(seq: number, message: string): void {
    this.report.tampered("heartbeats", message, seq);
  }
}
