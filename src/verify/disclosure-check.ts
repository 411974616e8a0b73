import type { ChainStep } from "../audit/chain-verifier.js";
import { verifyCommitment } from "../audit/commitment.js";
import { entryExtras } from "../audit/entry.js";
import { parseOpeningLine, type SeqOpening } from "../audit/export-format.js";
import type { ReportBuilder } from "./report.js";

/**
 * Checks the openings beside the entries that they open. Both come in the order of seq, so one line is held at a time, however long the
 * files are; a line out of order is a finding [AX-8].
 */
export class DisclosureCheck {
  #current: SeqOpening | undefined;
  #last: { readonly seq: number; readonly field: string } | undefined;
  #line = 0;
  #opened = 0;
  #isEnded = false;

  constructor(
    private readonly lines: AsyncIterator<Uint8Array>,
    private readonly report: ReportBuilder,
  ) {}

  async add(step: ChainStep): Promise<void> {
    // Nearly all entries have no opening; those must not cost a turn of the event loop, see `wants`.
    while (this.wants(step.seq)) {
      if (this.#current === undefined) await this.#advance(step.seq);
      else if (this.#current.seq === step.seq) this.#check(step, this.#current);
      else this.#failCurrent("opens no entry of the export", step.seq);
    }
  }

  /** True if a line for entry `seq`, or an earlier one, may be waiting. */
  wants(seq: number): boolean {
    if (this.#isEnded) return false;
    return this.#current === undefined || this.#current.seq <= seq;
  }

  /** @param to seq behind the last entry. */
  async finish(to: number): Promise<void> {
    // What is left opens entries that are not there.
    while (this.wants(Number.MAX_SAFE_INTEGER)) {
      if (this.#current === undefined) await this.#advance(to);
      else this.#failCurrent("opens no entry of the export", Math.min(this.#current.seq, to));
    }
    this.report.note("disclosures", "ok", `${String(this.#opened)} openings match their commitments`);
  }

  async #advance(seq: number): Promise<void> {
    const next = await this.lines.next();
    if (next.done === true) {
      this.#isEnded = true;
      this.#current = undefined;
      return;
    }
    this.#line += 1;
    try {
      const opening = parseOpeningLine(next.value);
      const last = this.#last;
      if (last !== undefined && (opening.seq < last.seq || (opening.seq === last.seq && opening.field <= last.field))) {
        throw new Error("stands out of order, or twice");
      }
      this.#last = opening;
      this.#current = opening;
      if (opening.seq < seq) this.#failCurrent("opens no entry of the export", seq);
    } catch (error) {
      // The line itself is not repeated: it is personal data.
      const rule = error instanceof Error ? error.message : "is no opening";
      this.report.tampered("disclosures", `line ${String(this.#line)} of the openings ${rule}`, seq);
      this.#current = undefined;
    }
  }

  #check({ seq, entry }: ChainStep, opening: SeqOpening): void {
    const commitment = entry === null ? undefined : entryExtras(entry).commitments[opening.field];
    if (commitment === undefined) this.#failCurrent("opens a field that its entry does not commit to", seq);
    else if (!verifyCommitment(commitment, opening)) this.#failCurrent("does not match its commitment", seq);
    else this.#opened += 1;
    this.#current = undefined;
  }

  #failCurrent(message: string, seq: number): void {
    this.report.tampered("disclosures", `line ${String(this.#line)} of the openings ${message}`, seq);
    this.#current = undefined;
  }
}
