import { type AccountFolder, type AccountManifest, accountBundlePath } from "../audit/account-export-format.js";
import { BUNDLE_BYTES_MAX, BUNDLE_WIDTH, BundleError, bundleEntries } from "../audit/bundle.js";
import { leafHash } from "../audit/chain.js";
import { type Entry, entryExtras, entryWarnings, parseCanonicalEntry, parseEntry } from "../audit/entry.js";
import { ZERO_HASH_HEX } from "../audit/entry-form.js";
import { isEarlierEpoch } from "../audit/epoch.js";
import { isGlobalAct } from "../audit/global-acts.js";
import { type StreamTip } from "../audit/stream-heads.js";
import { CompactRange } from "../audit/tlog/tree.js";
import type { AccountCheck } from "./account-checks.js";
import type { ExportSource } from "./export-source.js";
import { MISSING_MAX, type ReportBuilder } from "./report.js";

/** An entry that was read, as far as the other checks need it. */
export interface WalkedEntry {
  readonly seq: number;
  readonly leaf: Buffer;
  readonly entry: Entry;
}

/** What a folder of bundles is compared with. Null where it could not be read, or did not hold. */
export interface WalkBounds {
  /** The head that all entries together must lead to. */
  readonly tip: StreamTip | null;
  /** Entries stand before this place: as many as the heads count. */
  readonly asOf: number | null;
}

/**
 * One pass over a folder of bundles: the account's entries, or the global acts. Each entry is in form, of this log, and behind the one before
 * it; all of them together lead to the head.
 */
export class AccountWalk {
  /** Entries that were read. */
  count = 0;
  #lastSeq = -1;
  /** Of an account: hash of its last entry. */
  #lastLeaf = ZERO_HASH_HEX;
  /** Of the global acts: the tree over them. */
  readonly #range = new CompactRange();

  constructor(
    private readonly source: ExportSource,
    private readonly manifest: AccountManifest,
    private readonly report: ReportBuilder<AccountCheck>,
    private readonly folder: AccountFolder,
    private readonly bounds: WalkBounds,
  ) {}

  /** Reads the folder. @param take is given every entry that could be read. */
  async read(take: (walked: WalkedEntry) => void): Promise<void> {
    const total = this.folder === "entries" ? this.manifest.entries : this.manifest.acts;
    let missing = 0;
    // A manifest can ask for any number of bundles: behind so many that are missing in a row no other is looked for.
    for (let n = 0; n * BUNDLE_WIDTH < total && missing < MISSING_MAX; n++) {
      const width = Math.min(BUNDLE_WIDTH, total - n * BUNDLE_WIDTH);
      const bundle = await this.source.read(accountBundlePath(this.folder, n, width), BUNDLE_BYTES_MAX);
      missing = bundle === null ? missing + 1 : 0;
      if (bundle === null) this.report.tampered("bundles", `bundle ${String(n)} of ${this.folder} is missing`);
      else this.#readBundle(bundle, width, take);
    }
    this.#checkEnd();
  }

  #readBundle(bundle: Buffer, width: number, take: (walked: WalkedEntry) => void): void {
    let count = 0;
    try {
      for (const bytes of bundleEntries(bundle)) {
        count += 1;
        const walked = this.#add(bytes);
        if (walked !== null) take(walked);
      }
    } catch (error) {
      if (!(error instanceof BundleError)) throw error;
      this.report.tampered("bundles", `${this.folder}: ${error.message}`);
    }
    if (count !== width) this.report.tampered("bundles", `a bundle of ${this.folder} holds ${String(count)} entries, not ${String(width)}`);
  }

  #add(bytes: Buffer): WalkedEntry | null {
    const leaf = leafHash(bytes);
    const number = this.count;
    this.count += 1;
    const entry = this.#parse(bytes, number);
    if (entry !== null) {
      const { report, manifest } = this;
      if (entry.log !== manifest.origin && !isEarlierEpoch(entry.log, manifest.origin))
        report.tampered("origin", "an entry is of another log", entry.seq);
      const check = this.folder === "entries" ? "chain" : "acts";
      if (entry.seq <= this.#lastSeq) report.tampered(check, "entries stand out of the order of the log", entry.seq);
      if (this.bounds.asOf !== null && entry.seq >= this.bounds.asOf)
        report.tampered(check, "an entry is later than the heartbeat counts", entry.seq);
      this.#lastSeq = entry.seq;
      if (this.folder === "entries") this.#checkPlace(entry, number);
      else if (!isGlobalAct({ ...entry, stream: entry["stream"] })) report.tampered("acts", "an entry is no global act", entry.seq);
      for (const text of entryWarnings(entry)) report.warn(text, `first in entry ${String(entry.seq)}`);
    }
    this.#lastLeaf = leaf.toString("hex");
    this.#range.append(leaf);
    return entry === null ? null : { seq: entry.seq, leaf, entry };
  }

  #parse(bytes: Buffer, number: number): Entry | null {
    let check: AccountCheck = "canonical";
    try {
      parseCanonicalEntry(bytes);
      check = "form";
      return parseEntry(bytes);
    } catch (error) {
      const rule = error instanceof Error ? error.message : "cannot be read";
      this.report.tampered(check, `entry number ${String(number)} of ${this.folder} ${rule}`);
      return null;
    }
  }

  /** Of the account's own chain: nobody else's entry, none missing, each joined to the one before it. */
  #checkPlace(entry: Entry, number: number): void {
    const { report, manifest } = this;
    const { stream } = entryExtras(entry);
    if (stream?.id !== manifest.account) report.tampered("account", "an entry is not of this account", entry.seq);
    else if (stream.sseq !== number)
      report.tampered(
        "chain",
        `entry number ${String(number)} of the account is missing: number ${String(stream.sseq)} stands there`,
        entry.seq,
      );
    else if (stream.sprev !== this.#lastLeaf)
      report.tampered("chain", `an entry does not follow number ${String(number - 1)} of the account`, entry.seq);
  }

  #checkEnd(): void {
    const { tip } = this.bounds;
    if (tip === null) return;
    const [check, what]: readonly [AccountCheck, string] = this.folder === "entries" ? ["end", "the account"] : ["acts", "the log"];
    const said = `${what} had ${String(tip.size)} of them at the heartbeat`;
    if (this.count !== tip.size) this.report.tampered(check, `there are ${String(this.count)} in ${this.folder}, but ${said}`);
    else if (this.folder === "entries" && this.#lastLeaf !== tip.leaf.toString("hex"))
      this.report.tampered(check, "the last entry is not the head that the heartbeat vouches for", this.#lastSeq);
    else if (this.folder === "global" && !this.#range.root().equals(tip.leaf))
      this.report.tampered(check, "the global acts are not those that the heartbeat vouches for");
  }
}
