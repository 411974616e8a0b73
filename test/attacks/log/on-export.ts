// Attacks on the files of an export, on their way from the service to its reader.
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { decodeBundle, encodeBundle } from "../../../src/audit/bundle.js";
import { canonicalJson, type JsonObject } from "../../../src/audit/canonical-json.js";
import { entriesPath, parseEntriesPath, parseTilePath } from "../../../src/audit/tlog/tile-path.js";
import type { AttackedLog } from "../../support/attacked-log.js";
import { writeFiles } from "../../support/sample-log.js";
import type { Attack } from "./on-signatures.js";
import { type Findings, incomplete, passed, unnamed } from "./verdict.js";

type Change = (bytes: Buffer) => Buffer;

const edit =
  (path: string, change: Change) =>
  async (directory: string): Promise<void> =>
    writeFile(join(directory, path), change(await readFile(join(directory, path))));

const flipped =
  (bit: number): Change =>
  (bytes) => {
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    return bytes;
  };

/** Files of the export below `folder`, by their path in it. */
async function files(log: AttackedLog, folder: string): Promise<readonly string[]> {
  const found = await readdir(join(log.exported, folder), { recursive: true, withFileTypes: true });
  return found
    .filter((file) => file.isFile())
    .map((file) => join(file.parentPath, file.name).slice(log.exported.length + 1))
    .sort();
}

/** What the tree says of a hash that is not right: the entry under it, or the first of those under it. */
function underBit(path: string, bit: number): Findings {
  const tile = parseTilePath(path);
  if (tile === null) throw new Error(path);
  const hash = tile.n * 256 + (bit >> 8);
  return tile.level === 0 ? { leaves: hash } : { tree: hash * 256 ** tile.level };
}

/** What may happen to a bundle: its name, the change, and where the verifier finds it, counted from the bundle's first entry. */
const BUNDLE_CHANGES: readonly {
  readonly name: string;
  readonly change: (entries: readonly Buffer[]) => Buffer;
  readonly finds: (count: number) => Findings;
}[] = [
  { name: "cut within an entry", change: (entries) => encodeBundle(entries).subarray(0, -5), finds: (count) => ({ bundles: count - 1 }) },
  { name: "cut between entries", change: (entries) => encodeBundle(entries.slice(0, -7)), finds: (count) => ({ bundles: count - 7 }) },
  { name: "reversed", change: (entries) => encodeBundle(entries.toReversed()), finds: () => ({ gaps: 0 }) },
  {
    name: "its first two reordered",
    change: ([a, b, ...rest]) => encodeBundle([b, a, ...rest].flatMap((entry) => entry ?? [])),
    finds: () => ({ gaps: 0 }),
  },
  { name: "one left out", change: (entries) => encodeBundle(entries.toSpliced(3, 1)), finds: () => ({ gaps: 3 }) },
  {
    name: "one doubled",
    change: (entries) => encodeBundle(entries.toSpliced(3, 1, ...entries.slice(3, 4), ...entries.slice(3, 4)).slice(0, 256)),
    finds: () => ({ gaps: 3 }),
  },
  { name: "one empty", change: (entries) => encodeBundle(entries.with(3, Buffer.alloc(0))), finds: () => ({ canonical: 3 }) },
];

export const EXPORT_ATTACKS: readonly Attack[] = [
  {
    t: 15,
    name: "a bit of a hash tile is flipped",
    async judge(log, tally, isFull) {
      const tiles = (await files(log, "tile")).filter((path) => parseTilePath(path) !== null);
      for (const path of tiles) {
        const bits = (await readFile(join(log.exported, path))).length * 8;
        for (const bit of isFull ? Array.from({ length: 9 }, (_, index) => Math.floor((index * (bits - 1)) / 8)) : [bits - 3])
          tally.note(`${path}, bit ${String(bit)}`, unnamed(await log.verifyExport(edit(path, flipped(bit))), underBit(path, bit)));
      }
    },
  },
  {
    t: 15,
    name: "a hash tile is missing, cut, or there in another width too",
    async judge(log, tally) {
      for (const path of (await files(log, "tile")).filter((name) => parseTilePath(name) !== null)) {
        const { level = 0, n = 0 } = parseTilePath(path) ?? {};
        const finds = { tree: n * 256 ** (level + 1) };
        tally.note(`${path} missing`, unnamed(await log.verifyExport((directory) => rm(join(directory, path))), finds));
        const cut = await log.verifyExport(edit(path, (bytes) => bytes.subarray(32)));
        tally.note(`${path} cut`, unnamed(cut, level === 0 ? finds : {}));
      }
      const narrow = Buffer.concat(log.leaves.slice(256, 259));
      const report = await log.verifyExport((directory) => writeFiles(directory, { "tile/0/001.p/3": narrow }));
      tally.note(
        "a narrower one beside it",
        report.checks.some(({ check, status }) => check === "layout" && status === "failed")
          ? passedNot(report.exitCode)
          : "layout is well",
      );
    },
  },
  {
    t: 17,
    name: "a bundle is truncated, reordered or doubled",
    async judge(log, tally, isFull) {
      for (const path of (await files(log, "tile/entries")).slice(isFull ? 0 : -1)) {
        const { n = 0, width = 0 } = parseEntriesPath(path) ?? {};
        const first = n * 256;
        for (const { name, change, finds } of BUNDLE_CHANGES) {
          const report = await log.verifyExport(edit(path, (bytes) => change(decodeBundle(bytes))));
          const places = Object.entries(finds(width)).map(([check, at]) => [check, first + at]);
          tally.note(`${path} ${name}`, unnamed(report, Object.fromEntries(places) as Findings));
        }
        tally.note(`${path} missing`, unnamed(await log.verifyExport((directory) => rm(join(directory, path))), { bundles: first }));
      }
    },
  },
  {
    t: 17,
    name: "a bundle repeats another, or stands beside the right ones [AX-6]",
    async judge(log, tally) {
      const three = encodeBundle(log.entries.slice(0, 3));
      const repeat = await log.verifyExport((directory) =>
        writeFiles(directory, { [entriesPath(1, 256)]: encodeBundle(log.entries.slice(0, 256)) }),
      );
      tally.note("repeats another", unnamed(repeat, { gaps: 256 }));
      const beside = await log.verifyExport((directory) => writeFiles(directory, { [entriesPath(1, 3)]: three }));
      tally.note("of another width beside it", unnamed(beside, { layout: 256 }));
      for (const path of [entriesPath(9, 256), entriesPath(7, 3), "tile/entries/0"]) {
        const { exitCode, checks } = await log.verifyExport((directory) => writeFiles(directory, { [path]: three }));
        const isFound = checks.some(({ check, status }) => check === "layout" && status === "failed");
        tally.note(`${path}, which nobody asks for`, isFound ? passedNot(exitCode) : "layout is well");
      }
    },
  },
  {
    t: 21,
    name: "the opening of a commitment is altered",
    async judge(log, tally, isFull) {
      const seqs = (await log.owner.rows<{ seq: string }>("SELECT seq FROM audit.disclosure ORDER BY seq")).map(({ seq }) => Number(seq));
      const other = (seq: number): number => log.entries.findIndex((_, at) => at > seq && !seqs.includes(at));
      const changes: readonly (readonly [string, string, (seq: number) => number])[] = [
        ["another value", "value = value || '.'", (seq) => seq],
        ["another salt", "salt = set_byte(salt, 15, get_byte(salt, 15) # 1)", (seq) => seq],
        ["another field", "field = 'actor.name'", (seq) => seq],
        ["of an entry that commits to nothing", "seq = $2::bigint", other],
      ];
      const own = seqs.filter((seq) => seq >= log.own).slice(0, -1);
      for (const seq of isFull ? own.filter((_, index) => index % 8 === 0) : own.slice(-2, -1)) {
        for (const [name, change, named] of changes) {
          await log.owner.run(`UPDATE audit.disclosure SET ${change} WHERE seq = $1 AND $2::bigint IS NOT NULL`, [seq, other(seq)]);
          tally.note(`${String(seq)}: ${name}`, unnamed(await log.verifyDatabase(), { disclosures: named(seq) }));
          await log.putBack();
        }
        await log.owner.run("DELETE FROM audit.disclosure WHERE seq = $1", [seq]);
        tally.note(`${String(seq)}: erased, which is allowed`, passed(await log.verifyDatabase(log.withKey)));
        await log.putBack();
      }
    },
  },
  {
    t: 21,
    name: "openings are doubled or out of order [AX-8]",
    async judge(log, tally) {
      const lines = (change: (lines: readonly string[]) => readonly string[]) =>
        edit("pii.ndjson", (bytes) => Buffer.from(`${change(bytes.toString("utf8").trimEnd().split("\n")).join("\n")}\n`));
      const doubled = await log.verifyExport(lines(([first = "", ...rest]) => [first, first, ...rest]));
      tally.note("doubled", doubled.exitCode === 1 ? null : passedNot(doubled.exitCode));
      const reversed = await log.verifyExport(lines((all) => all.toReversed()));
      tally.note("reversed", reversed.exitCode === 1 ? null : passedNot(reversed.exitCode));
      const gone = await log.verifyExport((directory) => rm(join(directory, "pii.ndjson")));
      tally.note("gone, where the manifest names them", gone.exitCode === 1 ? null : passedNot(gone.exitCode));
    },
  },
  {
    t: 22,
    name: "an export says that a range was pruned",
    async judge(log, tally) {
      const manifest = (changes: JsonObject) =>
        edit("manifest.json", (bytes) =>
          Buffer.from(`${canonicalJson({ ...(JSON.parse(bytes.toString()) as JsonObject), ...changes })}\n`),
        );
      for (const claim of [{ pruned: 256 }, { minimum: 256 }, { from: 100 }])
        tally.note(JSON.stringify(claim), incomplete(await log.verifyExport(manifest(claim), log.withKey)));
      const first = entriesPath(0, 256);
      const without = async (directory: string): Promise<void> => rm(join(directory, first));
      tally.note("its bundle missing", unnamed(await log.verifyExport(without), { bundles: 0 }));
      tally.note("its bundle empty", unnamed(await log.verifyExport(edit(first, () => Buffer.alloc(0))), { bundles: 0 }));
      // What begins later says so: who asked for the whole log sees that it is not the whole log.
      const range = await log.verifyExport(async (directory) => {
        await without(directory);
        await manifest({ from: 256 })(directory);
      });
      tally.note(
        "its bundle missing and the range shortened",
        range.from === 256 && range.entries === log.size - 256 ? null : "claims the whole log",
      );
    },
  },
];

function passedNot(exitCode: number): string | null {
  return exitCode === 1 ? null : `exit ${String(exitCode)}`;
}
