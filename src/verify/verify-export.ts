import { isAccountManifest } from "../audit/account-export-format.js";
import { BUNDLE_BYTES_MAX, BUNDLE_WIDTH, BundleError, bundleEntries } from "../audit/bundle.js";
import { CHAIN_CHECKS, type ChainFinding, type ChainStep, ChainVerifier } from "../audit/chain-verifier.js";
import { entryWarnings } from "../audit/entry.js";
import { EXPORT_FILES, type ExportManifest, MANIFEST_BYTES_MAX, parseManifest } from "../audit/export-format.js";
import { tileAt } from "../audit/tlog/tile.js";
import { entriesPath, TILE_WIDTH, tilePath } from "../audit/tlog/tile-path.js";
import { HASH_BYTES } from "../audit/tlog/tree.js";
import { CheckpointCheck } from "./checkpoint-check.js";
import { DisclosureCheck } from "./disclosure-check.js";
import { EpochCheck } from "./epoch-check.js";
import type { ExportSource } from "./export-source.js";
import { HeartbeatCheck } from "./heartbeat-check.js";
import { bundleWidth, checkLayout, type Layout } from "./layout.js";
import { EXPORT_CHECKS, FINDINGS_MAX, MISSING_MAX, type Report, ReportBuilder } from "./report.js";
import { TILE_BYTES, TreeCheck } from "./tree-check.js";
import { knowsMore, type Trust } from "./trust.js";
import { TrustCheck } from "./trust-check.js";

/** A leaf hash in hex. */
const LEAF_DIGITS = 2 * HASH_BYTES;
/** Accounts and openings that are kept in mind: about half a gigabyte. */
const HELD_MAX = 3_000_000;

export interface VerifyOptions {
  /** What is known from elsewhere; without it only consistency is checked. */
  readonly trust?: Trust;
  /** Place up to which the reader knows the log from an earlier visit; an export that begins later is not all of it. 0 unless told. */
  readonly from?: number;
  /** Called after each bundle with the entries done and the entries there are. */
  readonly onProgress?: (done: number, total: number) => void;
}

const OK_MESSAGES: Readonly<Record<(typeof CHAIN_CHECKS)[number], string>> = {
  canonical: "every entry is in its one canonical form",
  form: "every entry keeps the rules of its version",
  origin: "every entry is of this log, and of the epoch that had begun",
  gaps: "no entry is missing, moved or there twice",
  chain: "every entry carries the hash of the one before it",
  time: "time never runs backwards",
  streams: "every account's own chain is whole",
  ids: "no derived event id stands twice",
};

/**
 * Checks an export with nothing but its files and what the reader knows. Reads one bundle at a time; memory grows with accounts and
 * openings, not with the log.
 * @returns the report; an export that cannot be read is reported as incomplete, not thrown.
 */
export async function verifyExport(source: ExportSource, options: VerifyOptions = {}): Promise<Report> {
  const report = new ReportBuilder(EXPORT_CHECKS);
  const manifest = await readManifest(source, report);
  if (manifest === null) return report.build({ origin: null, from: null, to: null, entries: 0 }, "");
  // An export says itself where it begins: the reader must have asked for that, or what was before is kept back.
  if (manifest.from > (options.from ?? 0))
    report.incomplete(
      "manifest",
      `entries 0 to ${String(manifest.from - 1)} are not here; if you have checked them, say --from ${String(manifest.from)}`,
    );
  const run = new ExportRun(source, manifest, report, options);
  try {
    await run.read(await checkLayout(source, manifest, report));
  } catch (error) {
    // The operating system's text names the file and the fault; contents never stand in it.
    report.incomplete("layout", `a file cannot be read: ${error instanceof Error ? error.message : "unknown"}`);
  }
  const { origin, from, to } = manifest;
  const beginning = from === 0 ? "" : `from entry ${String(from)} on `;
  return report.build({ origin, from, to, entries: run.entries }, beginning + statementFor(options.trust, source.isServed));
}

/** What an intact export proves. Without knowledge from elsewhere that is little, and the report must not sound like more. */
function statementFor(trust: Trust | undefined, isServed: boolean): string {
  const key = isServed ? "a key that came from where the log came from" : "the key in the export";
  if (trust === undefined) return `consistent in itself and with ${key}; origin not checked`;
  if (!knowsMore(trust)) return "consistent in itself; of its origin only the name was checked";
  return "consistent in itself and with the trust file";
}

async function readManifest(source: ExportSource, report: ReportBuilder): Promise<ExportManifest | null> {
  try {
    const bytes = await source.read(EXPORT_FILES.manifest, MANIFEST_BYTES_MAX);
    if (bytes === null) throw new Error("is missing");
    // It is not the export's business to choose what it is checked for.
    if (isAccountManifest(bytes)) throw new Error("is of one account's export: say of which account you expect it, --account acc_…");
    const manifest = parseManifest(bytes);
    report.note("manifest", "ok", `made ${manifest.created} by ${manifest.tool}, over a tree of ${String(manifest.size)} entries`);
    return manifest;
  } catch (error) {
    report.incomplete("manifest", `${EXPORT_FILES.manifest} ${error instanceof Error ? error.message : "cannot be read"}`);
    return null;
  }
}

/** One pass over tiles and bundles, side by side. */
class ExportRun {
  entries = 0;
  readonly #chain: ChainVerifier;
  readonly #trust: TrustCheck | undefined;
  readonly #checkpoints: CheckpointCheck;
  readonly #tree: TreeCheck;
  readonly #epochs: EpochCheck;
  readonly #heartbeats: HeartbeatCheck;
  #disclosures: DisclosureCheck | undefined;
  /** Places in a row at which neither tile nor bundle was. */
  #missing = 0;

  constructor(
    private readonly source: ExportSource,
    private readonly manifest: ExportManifest,
    private readonly report: ReportBuilder,
    private readonly options: VerifyOptions,
  ) {
    this.#chain = new ChainVerifier(manifest.origin, { from: manifest.from });
    this.#trust = options.trust === undefined ? undefined : new TrustCheck(options.trust, manifest, report);
    this.#checkpoints = new CheckpointCheck(source, manifest, report, options.trust);
    this.#epochs = new EpochCheck(this.#checkpoints, report);
    this.#heartbeats = new HeartbeatCheck(manifest, report, this.#chain);
    this.#tree = new TreeCheck(source, manifest, report, this.#checkpoints);
  }

  async read(layout: Layout): Promise<void> {
    const { manifest, report } = this;
    await this.#openDisclosures();
    await this.#checkpoints.open(layout);
    let [nextTile, nextBundle] = [this.#fetchTile(0), this.#fetchBundle(0)];
    for (let n = 0; n * TILE_WIDTH < manifest.size; n++) {
      const [tile, bundle] = [await nextTile, await nextBundle];
      // One ahead, so that the disk and the hashing do not wait for each other.
      [nextTile, nextBundle] = [this.#fetchTile(n + 1), this.#fetchBundle(n + 1)];
      if (this.#isPastHope(n, tile === null && bundle === null)) break;
      const leaves = this.#isInRange(n) ? await this.#readBundle(n, bundle, layout.oddBundles.get(n), tile) : null;
      await this.#readTile(n, tile, leaves);
      this.options.onProgress?.(this.entries, manifest.to - manifest.from);
    }
    this.#report(this.#chain.finish(manifest.head));
    this.#checkEnd();
    this.#heartbeats.finish();
    await this.#tree.finish();
    await this.#checkpoints.finish(this.#tree.size);
    this.#epochs.finish();
    await this.#disclosures?.finish(manifest.to);
    this.#trust?.finish(this.#checkpoints.receipts);
    if (this.#trust === undefined)
      report.note("trust", "skipped", "no trust file: whoever rewrote and signed all of it anew would not be noticed");
    for (const check of CHAIN_CHECKS) report.note(check, "ok", OK_MESSAGES[check]);
    report.note("bundles", "ok", "every bundle is whole");
    report.note("end", "ok", "the last entry is the head that the manifest names");
    report.note("leaves", "ok", "every entry has the hash that the tree holds for it");
  }

  async #openDisclosures(): Promise<void> {
    const lines = await this.source.openingLines();
    if (lines !== null && !this.manifest.disclosures)
      this.report.tampered("disclosures", "there are openings that the manifest does not name");
    if (lines === null && this.manifest.disclosures) this.report.tampered("disclosures", "the openings are missing");
    if (lines === null) this.report.note("disclosures", "not-present", "personal data is committed to, not opened");
    else this.#disclosures = new DisclosureCheck(lines, this.report);
  }

  /** A manifest can ask for any number of files, and somebody who serves them can go on sending false ones: at some point enough is known. */
  #isPastHope(n: number, isMissing: boolean): boolean {
    this.#missing = isMissing ? this.#missing + 1 : 0;
    if (this.#missing > MISSING_MAX) {
      this.report.tampered("bundles", `nothing is there any more; what follows was not looked for`, (n - MISSING_MAX) * TILE_WIDTH);
      return true;
    }
    if (this.#chain.held > HELD_MAX)
      throw new Error(`there are more than ${String(HELD_MAX)} accounts and openings, more than this verifier keeps in mind`);
    return this.source.isServed && this.report.findings > FINDINGS_MAX;
  }

  #isInRange(n: number): boolean {
    return n >= this.manifest.from / BUNDLE_WIDTH && n * BUNDLE_WIDTH < this.manifest.to;
  }

  /** @returns the leaf hashes of the bundle's entries; null where it is not whole. */
  async #readBundle(n: number, right: Buffer | null, oddPath: string | undefined, tile: Buffer | null): Promise<Buffer | null> {
    const { manifest, report } = this;
    const width = bundleWidth(n, manifest);
    const first = n * BUNDLE_WIDTH;
    if (right !== null && oddPath !== undefined) report.tampered("layout", `bundle ${String(n)} is there twice`, first);
    const bytes = right ?? (oddPath === undefined ? null : await this.source.read(oddPath, BUNDLE_BYTES_MAX));
    if (bytes === null) {
      report.tampered("bundles", `bundle ${String(n)} is missing`, first);
      return null;
    }
    const leaves = await this.#readEntries(bytes, first, tile?.toString("hex") ?? "");
    const count = leaves.length / HASH_BYTES;
    if (count === width) return leaves;
    const message = `bundle ${String(n)} holds ${String(count)} entries, not ${String(width)}`;
    report.tampered("bundles", message, first + Math.min(count, width));
    return null;
  }

  /**
   * @param said leaf hashes of the tile, in hex; less than there are entries where the tile is not whole.
   * @returns the leaf hashes that the entries have.
   */
  async #readEntries(bundle: Buffer, first: number, said: string): Promise<Buffer> {
    let leaves = "";
    let seq = first;
    try {
      for (const entry of bundleEntries(bundle)) {
        const step = this.#add(entry);
        // The entry's place in the bundle, not the one that it claims: tiles know no other.
        const expected = said.substring(leaves.length, leaves.length + LEAF_DIGITS);
        if (expected !== step.leaf && expected !== "")
          this.report.tampered("leaves", `entry ${String(seq)} has another hash than the tree holds for it`, seq);
        leaves += step.leaf;
        seq += 1;
        // Few entries have openings; for the others there is nothing to wait for.
        if (this.#disclosures?.wants(step.seq) === true) await this.#disclosures.add(step);
      }
    } catch (error) {
      if (!(error instanceof BundleError)) throw error;
      this.report.tampered("bundles", error.message, seq);
    }
    return Buffer.from(leaves, "hex");
  }

  /** @param leaves what stands in for a tile that is missing, so that one lost file does not hide everything behind it. */
  async #readTile(n: number, tile: Buffer | null, leaves: Buffer | null): Promise<void> {
    const { manifest, report } = this;
    const first = n * TILE_WIDTH;
    const bytes = Math.min(TILE_WIDTH, manifest.size - first) * HASH_BYTES;
    const isWhole = tile?.length === bytes;
    if (!isWhole) report.tampered("tree", `hash tile ${String(n)} ${tile === null ? "is missing" : "has not its width"}`, first);
    const hashes = isWhole ? tile : leaves;
    // Behind a gap nothing can be built any more.
    if (hashes?.length !== bytes || this.#tree.size !== first) return;
    await this.#tree.add(hashes);
    this.#trust?.addTile(n, hashes);
  }

  #fetchBundle(n: number): Promise<Buffer | null> {
    return this.#isInRange(n) ? this.#fetch(entriesPath(n, bundleWidth(n, this.manifest)), BUNDLE_BYTES_MAX) : Promise.resolve(null);
  }

  #fetchTile(n: number): Promise<Buffer | null> {
    const tile = tileAt(0, n, this.manifest.size);
    return tile === null ? Promise.resolve(null) : this.#fetch(tilePath(tile), TILE_BYTES);
  }

  #fetch(path: string, bytesMax: number): Promise<Buffer | null> {
    const bytes = this.source.read(path, bytesMax);
    // Whoever waits for it hears of a fault; until then nobody does.
    bytes.catch(() => undefined);
    return bytes;
  }

  #add(bytes: Buffer): ChainStep {
    const step = this.#chain.add(bytes);
    this.entries += 1;
    this.#report(step.findings);
    this.#heartbeats.add(step);
    this.#trust?.add(step);
    this.#epochs.add(step);
    if (step.entry !== null) for (const text of entryWarnings(step.entry)) this.report.warn(text, `first in entry ${String(step.seq)}`);
    return step;
  }

  #report(findings: readonly ChainFinding[]): void {
    for (const { check, message, seq } of findings) this.report.tampered(check, message, seq);
  }

  /** Without this a cut tail would look like a shorter, whole log. */
  #checkEnd(): void {
    const { manifest, report } = this;
    const next = this.#chain.next;
    if (next < manifest.to) {
      const missing = `entries ${String(next)} to ${String(manifest.to - 1)} are missing`;
      report.tampered("end", missing, next);
    } else if (this.#chain.lastLeaf !== manifest.head) {
      report.tampered("end", "the last entry has another hash than the manifest's head", manifest.to - 1);
    }
    // Whoever signs under a new name must say in the log itself why.
    if (this.#chain.epoch !== undefined && this.#chain.epoch !== manifest.origin)
      report.tampered("origin", "the last entry is of an earlier epoch than the checkpoint", manifest.to - 1);
  }
}
