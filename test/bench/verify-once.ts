// Verifies the export in the directory of its argument and prints what it took, as one line of JSON. A process of its own, so that its
// memory is the verifier's alone. Then it takes the time of what no verifier can do without: reading, parsing and hashing the same bytes.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { bundleEntries } from "../../src/audit/bundle.js";
import { leafHash } from "../../src/audit/chain.js";
import { ExportDirectory } from "../../src/verify/export-directory.js";
import { verifyExport } from "../../src/verify/verify-export.js";
import type { VerifyRun } from "./verify.js";

const directory = process.argv[2] ?? "";
const startedAt = performance.now();
const { exitCode } = await verifyExport(new ExportDirectory(directory));
const seconds = (performance.now() - startedAt) / 1000;
const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
const run: VerifyRun = {
  exitCode,
  seconds,
  cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
  rssMaxMiB: Math.round(maxRSS / 1024),
  floorSeconds: await floor(join(directory, "tile", "entries")),
};
console.log(JSON.stringify(run));

async function floor(folder: string): Promise<number> {
  const beganAt = performance.now();
  for (const path of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!path.isFile()) continue;
    for (const entry of bundleEntries(await readFile(join(path.parentPath, path.name)))) {
      JSON.parse(entry.toString("utf8"));
      leafHash(entry);
    }
  }
  return (performance.now() - beganAt) / 1000;
}
