// The main job from end to end, on the real service with its embedded database, over real HTTP: `npm run demo [-- --keep DIR]`.
// Prints one line for each step that held. Exit status 0 only if all did.
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { RefusedError, renderRefusal } from "../../src/cli/failure.js";
import { checkIn, importAccounts, obtainGrant, open, readCsv, refuseRequests } from "./acts.js";
import { gather } from "./cast.js";
import { assertStopped, exportAndVerify, searchMarks, tamper } from "./evidence.js";
import { check, DemoFailure, ok } from "./say.js";
import { Service } from "./service.js";

const CSV = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..", "docs", "examples", "accounts.csv");
/** A standalone account of the requester's customer, and one of another customer. */
const OURS = "123456789012";
const FOREIGN = "111122223333";

async function story(service: Service, directory: string): Promise<{ secrets: readonly string[] }> {
  const rows = await readCsv(CSV);
  const cast = await gather(service.address, service.invitations);
  const accounts = await importAccounts(cast, CSV, rows);
  const [ours, foreign] = [accounts.get(OURS)?.text("id"), accounts.get(FOREIGN)?.text("id")];
  const row = rows.find(({ aws_account_id: id }) => id === OURS);
  if (ours === undefined || foreign === undefined || row === undefined) throw new DemoFailure("the example file lacks the demo's accounts");
  await refuseRequests(cast, ours, foreign);
  const grantId = await obtainGrant(cast, ours);
  const receipts = await open(cast, grantId, row);
  await checkIn(cast, grantId, ours);
  const manifest = await exportAndVerify(cast.finn, join(directory, "export"), join(directory, "trust.json"), receipts);
  await tamper(join(directory, "export"), manifest);
  const people = Object.values(cast).flatMap((person) => person.secrets);
  return { secrets: [...rows.flatMap(({ password, mfa_seed: seed }) => [password, seed]), ...people] };
}

async function run(directory: string, stopping: AbortSignal): Promise<void> {
  const startedAt = performance.now();
  const service = await Service.start(directory);
  const interrupted = new Promise<never>((_, reject) => stopping.addEventListener("abort", () => reject(new DemoFailure("interrupted"))));
  try {
    ok(`the service listens on ${service.address}, on an embedded PostgreSQL`);
    const { secrets } = await Promise.race([story(service, directory), interrupted]);
    await service.stop();
    await assertStopped(directory, service.processId);
    await searchMarks(secrets, service.output, join(directory, "export"), directory);
    ok(`everything held, in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
  } finally {
    await service.kill();
  }
}

async function place(keep: string | undefined): Promise<string> {
  if (keep === undefined) return await mkdtemp(join(tmpdir(), "rootkeep-demo-"));
  const directory = resolve(keep);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  if ((await readdir(directory)).length > 0) throw new DemoFailure(`${directory} is not empty`);
  return directory;
}

/** What went wrong, without a secret in it. */
function tell(error: unknown): string {
  if (error instanceof RefusedError) return `the service refused:\n${renderRefusal(error.refusal)}`;
  return error instanceof DemoFailure ? error.message : String(error instanceof Error ? error.stack : error);
}

async function main(): Promise<number> {
  const stopping = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stopping.abort());
  let directory: string | undefined;
  let keep: string | undefined;
  try {
    keep = parseArgs({ options: { keep: { type: "string" } } }).values.keep;
    directory = await place(keep);
    await run(directory, stopping.signal);
    if (keep !== undefined) {
      check("the kept directory is there", (await readdir(directory)).includes("export"));
      ok(`kept in ${keep}: the data directory, and in ${join(keep, "export")} the export`);
    }
    return 0;
  } catch (error) {
    console.log(`FAILED  ${tell(error)}`);
    return 1;
  } finally {
    if (directory !== undefined && keep === undefined) await rm(directory, { recursive: true, force: true });
  }
}

process.exitCode = await main();
