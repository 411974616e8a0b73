import { ACCOUNT_FILES, type EntryProof, PROOF_LINE_BYTES_MAX, parseProofLine } from "../audit/account-export-format.js";
import type { Checkpoint } from "../audit/tlog/checkpoint.js";
import { verifyInclusion } from "../audit/tlog/proof.js";
import { TlogError } from "../audit/tlog/tlog-error.js";
import type { AccountCheck } from "./account-checks.js";
import type { WalkedEntry } from "./account-walk.js";
import type { ReportBuilder } from "./report.js";

const LINE_FEED = 0x0a;

/** Looks for the proof of every entry of an account export that it is in the log. */
export class InclusionCheck {
  /** Leaf hashes of what was read, by place, until their proofs have been seen. */
  readonly #unproven = new Map<number, Buffer>();

  constructor(private readonly report: ReportBuilder<AccountCheck>) {}

  /** Takes an entry of the export. */
  add({ seq, leaf }: WalkedEntry): void {
    this.#unproven.set(seq, leaf);
  }

  /** Checks all proofs [AC-13]. @param file null if there is none. */
  finish(file: Buffer | null, checkpoint: Checkpoint): void {
    if (file === null) {
      this.report.incomplete("inclusion", `${ACCOUNT_FILES.proofs} is missing`);
      return;
    }
    let last = -1;
    for (let start = 0; start < file.length; ) {
      const at = file.indexOf(LINE_FEED, start);
      const end = at < 0 ? file.length : at;
      last = this.#check(file.subarray(start, end), checkpoint, last);
      start = end + 1;
    }
    const [first] = [...this.#unproven.keys()].sort((one, other) => one - other);
    if (first !== undefined) this.report.tampered("inclusion", "an entry has no proof that it is in the log", first);
  }

  /** @returns the place of the proof. */
  #check(line: Buffer, { size, root }: Checkpoint, last: number): number {
    let proof: EntryProof;
    try {
      if (line.length > PROOF_LINE_BYTES_MAX) throw new Error("is too long");
      proof = parseProofLine(line);
      if (proof.seq <= last) throw new Error("stands out of order");
    } catch (error) {
      const rule = error instanceof Error ? error.message : "cannot be read";
      this.report.tampered("inclusion", `a line of ${ACCOUNT_FILES.proofs} ${rule}`);
      return last;
    }
    const leaf = this.#unproven.get(proof.seq);
    this.#unproven.delete(proof.seq);
    try {
      if (leaf === undefined) throw new TlogError("a proof is of an entry that is not here");
      verifyInclusion(proof.seq, size, leaf, proof.hashes, root);
    } catch (error) {
      if (!(error instanceof TlogError)) throw error;
      this.report.tampered("inclusion", `entry ${String(proof.seq)}: ${error.message}`, proof.seq);
    }
    return proof.seq;
  }
}
