import { BUNDLE_WIDTH, BundleError, bundleEntries, entriesPath, parseEntriesPath } from "../audit/bundle.js";
import { CHAIN_CHECKS, type ChainFinding, type ChainStep, ChainVerifier } from "../audit/chain-verifier.js";
import { entryWarnings } from "../audit/entry.js";
import { EXPORT_FILES, type ExportManifest, FUTURE_FILES, parseManifest } from "../audit/export-format.js";
import { DisclosureCheck } from "./disclosure-check.js";
import { type Report, ReportBuilder } from "./report.js";
import { knowsMore, type Trust } from "./trust.js";
import { TrustCheck } from "./trust-check.js";

/** Where the files of an export come from. A file that is not there is null; one that cannot be read throws. */
export interface ExportSource {
  readManifest(): Promise<Buffer | null>;
  readBundle(path: string): Promise<Buffer | null>;
  /** Every file, by its path with slashes; whatever is neither file nor directory has `isFile` false. */
  paths(): AsyncIterable<{ readonly path: string; readonly isFile: boolean }>;
  openingLines(): Promise<AsyncIterator<Uint8Array> | null>;
}

export interface VerifyOptions {
  /** What is known from elsewhere; without it only consistency is checked. */
  readonly trust?: Trust;
  /** Called after each bundle with the entries done and the entries there are. */
  readonly onProgress?: (done: number, total: number) => void;
}

const OK_MESSAGES: Readonly<Record<(typeof CHAIN_CHECKS)[number], string>> = {
  canonical: "every entry is in its one canonical form",
  form: "every entry keeps the rules of its version",
  origin: "every entry is of this log",
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
  const report = new ReportBuilder();
  const manifest = await readManifest(source, report);
  if (manifest === null) return report.build({ origin: null, from: null, to: null, entries: 0 }, "");
  const run = new ExportRun(source, manifest, report, options);
  try {
    await run.read(await checkLayout(source, manifest, report));
  } catch (error) {
    // The operating system's text names the file and the fault; contents never stand in it.
    report.incomplete("layout", `a file cannot be read: ${error instanceof Error ? error.message : "unknown"}`);
  }
  const { origin, from, to } = manifest;
  return report.build({ origin, from, to, entries: run.entries }, statementFor(options.trust));
}

/** What an intact export proves. Without knowledge from elsewhere that is little, and the report must not sound like more. */
function statementFor(trust: Trust | undefined): string {
  if (trust === undefined) return "consistent in itself; origin not checked";
  if (!knowsMore(trust)) return "consistent in itself; of its origin only the name was checked";
  return "consistent in itself and with the trust file";
}

async function readManifest(source: ExportSource, report: ReportBuilder): Promise<ExportManifest | null> {
  try {
    const bytes = await source.readManifest();
    if (bytes === null) throw new Error("is missing");
    const manifest = parseManifest(bytes);
    report.note("manifest", "ok", `made ${manifest.created} by ${manifest.tool}, the log then had ${String(manifest.size)} entries`);
    return manifest;
  } catch (error) {
    report.incomplete("manifest", `${EXPORT_FILES.manifest} ${error instanceof Error ? error.message : "cannot be read"}`);
    return null;
  }
}

/**
 * Every file must be one that the manifest asks for: a second bundle of the same entries could show another reader other entries.
 * @returns the bundles of another width than the manifest asks for, by number.
 */
async function checkLayout(source: ExportSource, manifest: ExportManifest, report: ReportBuilder): Promise<ReadonlyMap<number, string>> {
  const odd = new Map<number, string>();
  report.note("layout", "ok", "the files are those that the manifest asks for");
  report.note("signatures", "not-present", "the export holds no signed checkpoint");
  report.note("tree", "not-present", "the export holds no hash tiles");
  report.note("anchors", "not-present", "the export holds no anchors");
  const ours: ReadonlySet<string> = new Set(Object.values(EXPORT_FILES));
  for await (const { path, isFile } of source.paths()) {
    const top = path.split("/", 1)[0] ?? path;
    if (!isFile) report.tampered("layout", "there is something else than files and directories", undefined);
    else if (path.startsWith("tile/entries/")) checkBundlePath(path, manifest, report, odd);
    else if (/^tile\/\d{1,2}\//.test(path)) report.note("tree", "skipped", "there are hash tiles, which this version does not read");
    else if (top === "checkpoint" || top === "checkpoints")
      report.note("signatures", "skipped", "there are checkpoints, which this version does not read");
    else if (top === "anchors") report.note("anchors", "skipped", "there are anchors, which this version does not read");
    else if (!ours.has(path) && !(FUTURE_FILES as readonly string[]).includes(top))
      report.warn("there are files of another kind", "layout");
  }
  return odd;
}

function checkBundlePath(path: string, manifest: ExportManifest, report: ReportBuilder, odd: Map<number, string>): void {
  const bundle = parseEntriesPath(path);
  const isInRange = bundle !== null && bundle.n >= manifest.from / BUNDLE_WIDTH && bundle.n * BUNDLE_WIDTH < manifest.to;
  if (!isInRange) report.tampered("layout", "there is a bundle that the manifest does not ask for");
  else if (bundle.width !== widthOf(bundle.n, manifest)) odd.set(bundle.n, path);
}

/** Entries that bundle `n` has in an export that ends at `to`; 0 or less when it lies behind. */
function widthOf(n: number, { to }: ExportManifest): number {
  return Math.min(BUNDLE_WIDTH, to - n * BUNDLE_WIDTH);
}

/** One pass over all bundles. */
class ExportRun {
  entries = 0;
  readonly #chain: ChainVerifier;
  readonly #trust: TrustCheck | undefined;
  #disclosures: DisclosureCheck | undefined;

  constructor(
    private readonly source: ExportSource,
    private readonly manifest: ExportManifest,
    private readonly report: ReportBuilder,
    private readonly options: VerifyOptions,
  ) {
    this.#chain = new ChainVerifier(manifest.origin, { from: manifest.from });
    this.#trust = options.trust === undefined ? undefined : new TrustCheck(options.trust, manifest, report);
  }

  /** @param odd bundles of another width than asked for: read where the right one is missing, so that the first missing entry is named. */
  async read(odd: ReadonlyMap<number, string>): Promise<void> {
    const { manifest, report } = this;
    await this.#openDisclosures();
    let next = this.#fetch(manifest.from / BUNDLE_WIDTH);
    for (let n = manifest.from / BUNDLE_WIDTH; n * BUNDLE_WIDTH < manifest.to; n++) {
      const bytes = await next;
      next = this.#fetch(n + 1);
      await this.#readBundle(n, bytes, odd.get(n));
      this.options.onProgress?.(this.entries, manifest.to - manifest.from);
    }
    this.#report(this.#chain.finish(manifest.head));
    this.#checkEnd();
    await this.#disclosures?.finish(manifest.to);
    this.#trust?.finish();
    if (this.#trust === undefined) report.note("trust", "skipped", "no trust file: whoever rewrote all of the export would not be noticed");
    for (const check of CHAIN_CHECKS) report.note(check, "ok", OK_MESSAGES[check]);
    report.note("bundles", "ok", "every bundle is whole");
    report.note("end", "ok", "the last entry is the head that the manifest names");
  }

  async #openDisclosures(): Promise<void> {
    const lines = await this.source.openingLines();
    if (lines !== null && !this.manifest.disclosures)
      this.report.tampered("disclosures", "there are openings that the manifest does not name");
    if (lines === null && this.manifest.disclosures) this.report.tampered("disclosures", "the openings are missing");
    if (lines === null) this.report.note("disclosures", "not-present", "personal data is committed to, not opened");
    else this.#disclosures = new DisclosureCheck(lines, this.report);
  }

  async #readBundle(n: number, right: Buffer | null, oddPath: string | undefined): Promise<void> {
    const { manifest, report } = this;
    const width = widthOf(n, manifest);
    const first = n * BUNDLE_WIDTH;
    if (right !== null && oddPath !== undefined) report.tampered("layout", `bundle ${String(n)} is there twice`, first);
    const bytes = right ?? (oddPath === undefined ? null : await this.source.readBundle(oddPath));
    if (bytes === null) {
      report.tampered("bundles", `bundle ${String(n)} is missing`, first);
      return;
    }
    let count = 0;
    try {
      for (const entry of bundleEntries(bytes)) {
        count += 1;
        const step = this.#add(entry);
        // Few entries have openings; for the others there is nothing to wait for.
        if (this.#disclosures?.wants(step.seq) === true) await this.#disclosures.add(step);
      }
    } catch (error) {
      if (!(error instanceof BundleError)) throw error;
      report.tampered("bundles", error.message, first + count);
    }
    if (count !== width) {
      const message = `bundle ${String(n)} holds ${String(count)} entries, not ${String(width)}`;
      report.tampered("bundles", message, first + Math.min(count, width));
    }
  }

  /** Begins to read bundle `n`: called one ahead, so that the disk and the hashing do not wait for each other. */
  #fetch(n: number): Promise<Buffer | null> {
    if (n * BUNDLE_WIDTH >= this.manifest.to) return Promise.resolve(null);
    const bytes = this.source.readBundle(entriesPath(n, widthOf(n, this.manifest)));
    // Whoever waits for it hears of a fault; until then nobody does.
    bytes.catch(() => undefined);
    return bytes;
  }

  #add(bytes: Buffer): ChainStep {
    const step = this.#chain.add(bytes);
    this.entries += 1;
    this.#report(step.findings);
    this.#trust?.add(step);
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
  }
}
