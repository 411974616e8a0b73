import type { ChainStep } from "../audit/chain-verifier.js";
import { entryExtras } from "../audit/entry.js";
import { isObject } from "../audit/entry-form.js";
import type { ExportManifest } from "../audit/export-format.js";
import type { ReportBuilder } from "./report.js";
import { knowsMore, type Trust } from "./trust.js";

/** Compares an export, entry by entry, with what its reader knows from elsewhere. */
export class TrustCheck {
  /** Leaf hashes that entries must have, by seq. */
  readonly #expected = new Map<number, Set<string>>();
  #matched = 0;
  #foundings = 0;

  constructor(
    private readonly trust: Trust,
    private readonly manifest: ExportManifest,
    private readonly report: ReportBuilder,
  ) {
    if (trust.genesis !== undefined) this.#expect(0, trust.genesis);
    for (const { size, leaf } of trust.head ?? []) this.#expect(size - 1, leaf);
    if (trust.origin !== manifest.origin) this.report.tampered("trust", "the export is of another log than the trust file", manifest.from);
  }

  add({ seq, leaf, entry }: ChainStep): void {
    for (const expected of this.#expected.get(seq) ?? []) {
      if (expected === leaf) this.#matched += 1;
      else this.report.tampered("trust", `entry ${String(seq)} has another hash than the trust file says`, seq);
    }
    if (entry?.action === "people.founded") this.#checkFounding(seq, entryExtras(entry).details?.["custodians"]);
  }

  finish(): void {
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
    if (knowsMore(trust) && this.#matched === 0 && this.#foundings === 0) {
      // The reader asked for a check that could not be made; silence would pass for success.
      this.report.incomplete("trust", "nothing in the trust file lies in the range of the export");
    }
    const facts = `${String(this.#matched)} known hashes and ${String(this.#foundings)} foundings`;
    this.report.note("trust", "ok", `origin and ${facts} are as the trust file says`);
  }

  #expect(seq: number, leaf: string): void {
    this.#expected.set(seq, (this.#expected.get(seq) ?? new Set()).add(leaf));
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
