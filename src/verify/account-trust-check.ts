import type { AccountManifest } from "../audit/account-export-format.js";
import { entryExtras } from "../audit/entry.js";
import { isObject } from "../audit/entry-form.js";
import { isEarlierEpoch } from "../audit/epoch.js";
import type { Checkpoint } from "../audit/tlog/checkpoint.js";
import { verifyInclusion } from "../audit/tlog/proof.js";
import { TlogError } from "../audit/tlog/tlog-error.js";
import type { AccountCheck } from "./account-checks.js";
import type { WalkedEntry } from "./account-walk.js";
import { type LogNotes, type OpenedNote, originOf } from "./log-notes.js";
import type { ReportBuilder } from "./report.js";
import { knowsMore, knowsSigners, otherLog, type Receipt, type Trust } from "./trust.js";

/** Compares an account export with what its reader knows from elsewhere: hashes of entries, receipts, who founded the deployment. */
export class AccountTrustCheck {
  /** Leaf hashes that entries must have, by place. */
  readonly #leaves = new Map<number, string>();
  /** Receipts that open, by the place of the entry that they prove. */
  readonly #receipts = new Map<number, { readonly receipt: Receipt; readonly note: OpenedNote }[]>();
  #matched = 0;
  #foundings = 0;

  constructor(
    private readonly trust: Trust,
    private readonly manifest: AccountManifest,
    private readonly report: ReportBuilder<AccountCheck>,
  ) {
    if (trust.genesis !== undefined) this.#leaves.set(0, trust.genesis);
    for (const { size, leaf } of trust.head ?? []) this.#leaves.set(size - 1, leaf);
    if (trust.origin !== manifest.origin) report.tampered("trust", otherLog(trust.origin, manifest.origin));
  }

  /** Opens the receipts. @param checkpoint of the export, which none of them may contradict. */
  open(notes: LogNotes, checkpoint: OpenedNote): void {
    for (const receipt of this.trust.receipts ?? []) {
      const note = this.#opened(notes, receipt);
      if (note === null) continue;
      this.#compare(receipt, note.checkpoint, checkpoint.checkpoint);
      const seq = receipt.proof?.index;
      if (seq !== undefined) this.#receipts.set(seq, [...(this.#receipts.get(seq) ?? []), { receipt, note }]);
    }
  }

  /** Takes an entry of the export. */
  add({ seq, leaf, entry }: WalkedEntry): void {
    const known = this.#leaves.get(seq);
    if (known === leaf.toString("hex")) this.#matched += 1;
    else if (known !== undefined) this.report.tampered("trust", `entry ${String(seq)} has another hash than the trust file says`, seq);
    for (const { receipt, note } of this.#receipts.get(seq) ?? []) this.#checkReceipt(receipt, note, seq, leaf);
    this.#receipts.delete(seq);
    if (entry.action === "people.founded") this.#checkFounding(seq, entryExtras(entry).details?.["custodians"]);
  }

  finish(): void {
    const { manifest, trust } = this;
    const known = Math.max(0, ...(trust.head ?? []).map(({ size }) => size));
    if (known > manifest.size) this.report.tampered("trust", older("the trust file", known));
    // It is the first of the global acts: who is to be known by it must be shown it.
    if (trust.foundingFingerprints !== undefined && this.#foundings === 0) this.report.tampered("trust", "no founding is in the export");
    // The reader asked for a check that could not be made; silence would pass for success.
    if (knowsMore(trust) && !knowsSigners(trust) && this.#matched === 0)
      this.report.incomplete("trust", "nothing in the trust file is of an entry of the export, and no key is in it");
    // Somebody who gets receipts for one account only is to hear that one of them is of an entry that was kept back.
    for (const [seq, [first]] of this.#receipts)
      if (first !== undefined) this.report.warn(`receipt ${first.receipt.name} is of an entry that is not here`, `entry ${String(seq)}`);
    this.report.note("trust", "ok", `origin and ${String(this.#matched)} known entries are as the trust file says`);
  }

  #compare({ name, proof }: Receipt, seen: Checkpoint, here: Checkpoint): void {
    if (seen.size > here.size) this.report.tampered("trust", older(`receipt ${name}`, seen.size));
    else if (seen.size < here.size) {
      // Between two trees a consistency proof would have to lead, and the export holds none.
      if (proof === null) this.report.warn(`receipt ${name} is a checkpoint alone, and is held against the whole log only`, "trust");
    } else if (seen.root.equals(here.root)) this.#matched += 1;
    else this.report.tampered("trust", `the log has signed two roots of ${String(seen.size)} entries (receipt ${name}): it was forked`);
  }

  #opened(notes: LogNotes, receipt: Receipt): OpenedNote | null {
    try {
      const note = notes.open(receipt.note);
      const { origin } = note.checkpoint;
      if (origin === this.manifest.origin || isEarlierEpoch(origin, this.manifest.origin)) return note;
      this.report.tampered("trust", `receipt ${receipt.name} is of another log`);
    } catch (error) {
      if (!(error instanceof TlogError)) throw error;
      const origin = originOf(receipt.note);
      if (origin !== null && isEarlierEpoch(origin, this.manifest.origin) && notes.keyOf(origin) === undefined)
        this.report.incomplete("trust", `receipt ${receipt.name} is of an earlier epoch, and no key of ${origin} is known`);
      else this.report.tampered("trust", `receipt ${receipt.name}: ${error.message}`);
    }
    return null;
  }

  #checkReceipt({ name, proof }: Receipt, { checkpoint }: OpenedNote, seq: number, leaf: Buffer): void {
    try {
      verifyInclusion(seq, checkpoint.size, leaf, proof?.hashes ?? [], checkpoint.root);
      this.#matched += 1;
    } catch (error) {
      if (!(error instanceof TlogError)) throw error;
      this.report.tampered("trust", `entry ${String(seq)} is not the one of receipt ${name}`, seq);
    }
  }

  #checkFounding(seq: number, custodians: unknown): void {
    const known = this.trust.foundingFingerprints;
    if (known === undefined) return;
    this.#foundings += 1;
    const list: readonly unknown[] = Array.isArray(custodians) ? custodians : [];
    const said = new Set(list.map((custodian) => (isObject(custodian) ? custodian["fingerprint"] : undefined)));
    if (said.size === new Set(known).size && known.every((fingerprint) => said.has(fingerprint))) this.#matched += 1;
    else this.report.tampered("trust", `the founding in entry ${String(seq)} names other keys than the trust file`, seq);
  }
}

function older(who: string, size: number): string {
  return `${who} knows ${String(size)} entries: the log was cut, or the export is older`;
}
