// Verifies an export and prints what it took, as one line of JSON: the one in the directory of its argument, or, with a database of the test
// server and a verifier key as arguments, the one that the tables are. A process of its own, so that its memory is the verifier's alone. Then it
// takes the time of what no verifier can do without: reading, parsing and hashing the same bytes; and reading and hashing alone.
import type { Client } from "pg";
import { BUNDLE_BYTES_MAX, bundleEntries } from "../../src/audit/bundle.js";
import { leafHash } from "../../src/audit/chain.js";
import { connectLog } from "../../src/audit/log-connection.service.js";
import { parseVerifierKey } from "../../src/audit/tlog/verifier-key.js";
import { ExportDirectory } from "../../src/verify/export-directory.js";
import type { ExportSource } from "../../src/verify/export-source.js";
import { verifyExport } from "../../src/verify/verify-export.js";
import { DatabaseExport } from "../support/database-export.js";
import { withServer } from "../support/postgres.js";
import type { VerifyRun } from "./verify.js";

const [place = "", key] = process.argv.slice(2);
let client: Client | undefined;
const source = key === undefined ? new ExportDirectory(place) : await openDatabase(place, key);
const startedAt = performance.now();
const { exitCode } = await verifyExport(source);
const seconds = (performance.now() - startedAt) / 1000;
const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
const run: VerifyRun = {
  exitCode,
  seconds,
  cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
  rssMaxMiB: Math.round(maxRSS / 1024),
  floorSeconds: await floor(source, true),
  hashSeconds: await floor(source, false),
};
await client?.end();
console.log(JSON.stringify(run));

async function openDatabase(name: string, verifierKey: string): Promise<ExportSource> {
  const { connections } = await withServer();
  client = await connectLog({ ...connections.rootkeep_auditor, database: name });
  return await DatabaseExport.open(client, parseVerifierKey(verifierKey));
}

/** Seconds for the bundles, one read ahead, every entry hashed, and parsed where `isParsed` says so; nothing checked. */
async function floor(from: ExportSource, isParsed: boolean): Promise<number> {
  const paths: string[] = [];
  for await (const { path } of from.paths()) if (path.startsWith("tile/entries/")) paths.push(path);
  const beganAt = performance.now();
  const fetch = (at: number): Promise<Buffer | null> => {
    const path = paths[at];
    return path === undefined ? Promise.resolve(null) : from.read(path, BUNDLE_BYTES_MAX);
  };
  let next = fetch(0);
  for (const at of paths.keys()) {
    const bundle = await next;
    next = fetch(at + 1);
    for (const entry of bundleEntries(bundle ?? Buffer.alloc(0))) {
      if (isParsed) JSON.parse(entry.toString("utf8"));
      leafHash(entry);
    }
  }
  return (performance.now() - beganAt) / 1000;
}
