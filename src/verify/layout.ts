import { BUNDLE_WIDTH } from "../audit/bundle.js";
import { ANCHORS_FOLDER, EXPORT_FILES, type ExportManifest, parseCheckpointPath } from "../audit/export-format.js";
import { tileAt } from "../audit/tlog/tile.js";
import { parseEntriesPath, parseTilePath } from "../audit/tlog/tile-path.js";
import type { ExportSource } from "./export-source.js";
import type { ReportBuilder } from "./report.js";

/** What files an export holds beside those that its manifest asks for by name. */
export interface Layout {
  /** Bundles of another width than the manifest asks for, by number. */
  readonly oddBundles: ReadonlyMap<number, string>;
  /** Sizes of the checkpoints under `checkpoints/`, in order. */
  readonly checkpoints: AsyncIterator<number>;
  /** Paths of notes under `anchors/`, in order. */
  readonly anchors: readonly string[];
}

const OURS: ReadonlySet<string> = new Set(Object.values(EXPORT_FILES));

/**
 * Walks through the files. Each must be one that the manifest asks for: a second bundle of the same entries, or a second tile, could show
 * another reader another log.
 */
export async function checkLayout(source: ExportSource, manifest: ExportManifest, report: ReportBuilder): Promise<Layout> {
  const oddBundles = new Map<number, string>();
  const checkpoints: number[] = [];
  const anchors: string[] = [];
  if (source.isServed) report.note("layout", "skipped", "what is served cannot be listed: only what is asked for was read");
  else report.note("layout", "ok", "the files are those that the manifest asks for");
  for await (const { path, isFile } of source.paths()) {
    const size = parseCheckpointPath(path);
    if (!isFile) report.tampered("layout", "there is something else than files and directories");
    else if (path.startsWith("tile/entries/")) checkBundlePath(path, manifest, report, oddBundles);
    else if (path.startsWith("tile/")) checkTilePath(path, manifest, report);
    else if (size !== null) checkpoints.push(size);
    else if (path.startsWith(`${ANCHORS_FOLDER}/`) && path.endsWith(".note")) anchors.push(path);
    else if (!OURS.has(path)) report.warn("there are files of another kind", "layout");
  }
  checkpoints.sort((one, other) => one - other);
  return { oddBundles, checkpoints: sizesOf(checkpoints, source), anchors: anchors.sort() };
}

async function* sizesOf(listed: readonly number[], source: ExportSource): AsyncGenerator<number, void, void> {
  yield* listed;
  yield* source.checkpointSizes();
}

function checkBundlePath(path: string, manifest: ExportManifest, report: ReportBuilder, odd: Map<number, string>): void {
  const bundle = parseEntriesPath(path);
  const isInRange = bundle !== null && bundle.n >= manifest.from / BUNDLE_WIDTH && bundle.n * BUNDLE_WIDTH < manifest.to;
  if (!isInRange) report.tampered("layout", "there is a bundle that the manifest does not ask for");
  else if (bundle.width !== bundleWidth(bundle.n, manifest)) odd.set(bundle.n, path);
}

function checkTilePath(path: string, { size }: ExportManifest, report: ReportBuilder): void {
  const tile = parseTilePath(path);
  if (tile === null || tileAt(tile.level, tile.n, size)?.width !== tile.width)
    report.tampered("layout", "there is a hash tile that the manifest does not ask for");
}

/** Entries that bundle `n` has in an export that ends at `to`; 0 or less when it lies behind. */
export function bundleWidth(n: number, { to }: ExportManifest): number {
  return Math.min(BUNDLE_WIDTH, to - n * BUNDLE_WIDTH);
}
