import type { ChainStep } from "../audit/chain-verifier.js";
import { entryExtras } from "../audit/entry.js";
import { isObject } from "../audit/entry-form.js";
import type { ExportManifest } from "../audit/export-format.js";
import { parseCheckpoint } from "../audit/tlog/checkpoint.js";
import { parseNote } from "../audit/tlog/note.js";
import { verifyInclusion } from "../audit/tlog/proof.js";
import { TILE_WIDTH } from "../audit/tlog/tile-path.js";
import { TlogError } from "../audit/tlog/tlog-error.js";
import { HASH_BYTES } from "../audit/tlog/tree.js";
import type { ReportBuilder } from "./report.js";
import { knowsMore, knowsSigners, otherLog, type Receipt, type Trust } from "./trust.js";

/** Something that is known of one leaf: its hash, or a receipt that proves it. */
interface KnownLeaf {
  readonly seq: number;
  readonly leaf?: Buffer;
  readonly receipt?: Receipt;
}

/** Compares an export with what its reader knows from elsewhere: hashes of entries, receipts, who founded it. */
export class TrustCheck {
  /** What is known of leaves, by the tile that they stand in. */
  readonly #known = new Map<number, KnownLeaf[]>();
  #matched = 0;
  #foundings = 0;

  constructor(
    private readonly trust: Trust,
    private readonly manifest: ExportManifest,
    private readonly report: ReportBuilder,
  ) {
    if (trust.genesis !== undefined) this.#know(0, { leaf: Buffer.from(trust.genesis, "hex") });
    for (const { size, leaf } of trust.head ?? []) this.#know(size - 1, { leaf: Buffer.from(leaf, "hex") });
    for (const receipt of trust.receipts ?? []) if (receipt.proof !== null) this.#know(receipt.proof.index, { receipt });
    if (trust.origin !== manifest.origin) this.report.tampered("trust", otherLog(trust.origin, manifest.origin), manifest.from);
  }

  /** Takes an entry of the export. */
  add({ seq, entry }: ChainStep): void {
    if (entry?.action === "people.founded") this.#checkFounding(seq, entryExtras(entry).details?.["custodians"]);
  }

  /** Takes lowest tile `n`: what the tree says that its leaves are. */
  addTile(n: number, hashes: Buffer): void {
    for (const { seq, leaf, receipt } of this.#known.get(n) ?? []) {
      const at = (seq % TILE_WIDTH) * HASH_BYTES;
      const found = hashes.subarray(at, at + HASH_BYTES);
      if (found.length !== HASH_BYTES) continue;
      if (receipt !== undefined) this.#checkReceipt(receipt, found);
      else if (leaf?.equals(found) === true) this.#matched += 1;
      else this.report.tampered("trust", `entry ${String(seq)} has another hash than the trust file says`, seq);
    }
  }

  /** @param receipts signed checkpoints of the trust file that lie on the tree. */
  finish(receipts: number): void {
    const { manifest, trust } = this;
    const beyond = (trust.head ?? []).filter(({ size }) => size > manifest.size);
    if (beyond.length > 0) {
      // A cut tail with a corrected manifest looks exactly like this; so does an old export, and the text says so.
      const known = Math.max(...beyond.map(({ size }) => size));
      this.report.tampered(
        "trust",
        `the trust file knows ${String(known)} entries: the log was cut, or the export is older`,
        manifest.size,
      );
    }
    if (manifest.from === 0 && trust.foundingFingerprints !== undefined && this.#foundings === 0) {
      this.report.tampered("trust", "no founding is in the export", 0);
    }
    if (knowsMore(trust) && !knowsSigners(trust) && this.#matched + this.#foundings + receipts === 0) {
      // The reader asked for a check that could not be made; silence would pass for success.
      this.report.incomplete("trust", "nothing in the trust file lies in the range of the export");
    }
    const facts = `${String(this.#matched)} known hashes, ${String(receipts)} receipts and ${String(this.#foundings)} foundings`;
    this.report.note("trust", "ok", `origin, ${facts} are as the trust file says`);
  }

  #know(seq: number, known: Omit<KnownLeaf, "seq">): void {
    const n = Math.floor(seq / TILE_WIDTH);
    this.#known.set(n, [...(this.#known.get(n) ?? []), { seq, ...known }]);
  }

  /** That its root is the tree's, the signed checkpoints are compared for; this is whether it proves the entry that stands there. */
  #checkReceipt({ name, note, proof }: Receipt, leaf: Buffer): void {
    if (proof === null) return;
    try {
      const { size, root } = parseCheckpoint(parseNote(note).text);
      verifyInclusion(proof.index, size, leaf, proof.hashes, root);
    } catch (error) {
      if (!(error instanceof TlogError)) throw error;
      this.report.tampered("trust", `receipt ${name} is not of the entry that stands at ${String(proof.index)}`, proof.index);
    }
  }

  #checkFounding(seq: number, custodians: unknown): void {
    const known = this.trust.foundingFingerprints;
    if (known === undefined) return;
    this.#foundings += 1;
    const list: readonly unknown[] = Array.isArray(custodians) ? custodians : [];
    const said = new Set(list.map((custodian) => (isObject(custodian) ? custodian["fingerprint"] : undefined)));
    if (said.size !== new Set(known).size || !known.every((fingerprint) => said.has(fingerprint))) {
      this.report.tampered("trust", `the founding in entry ${String(seq)} names other keys than the trust file`, seq);
    }
  }
}
