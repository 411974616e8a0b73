import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { BUNDLE_WIDTH, decodeBundle } from "../../src/audit/bundle.js";
import { entriesPath } from "../../src/audit/tlog/tile-path.js";
import { formatVerifierKey, newVerifierKey } from "../../src/audit/tlog/verifier-key.js";
import { exportLog } from "../../src/cli/export-log.js";
import type { PgConnection } from "../../src/database/connection.js";
import { DATABASE_ROLES, type DatabaseRole } from "../../src/database/roles.js";
import { Secret } from "../../src/kernel/secret.js";
import { createLogKey } from "../../src/keys/log-keys.service.js";
import { createRootKey } from "../../src/keys/root-keys.service.js";
import { runVerify } from "../../src/verify/main.js";
import type { Report } from "../../src/verify/report.js";
import { type Crew, found, importAccounts, type Member, newAccount } from "../support/crew.js";
import { removeHome, superuserOf } from "../support/program.js";
import { LOG_ORIGIN, Vault } from "../support/vault.js";
import { KilledService, randomOf, VICTIMS } from "./killed-service.js";
import { Callers, CallersBook, gatherCallers, type OpenableAccount } from "./opening-callers.js";
import { endingsOf, type ReceivedPlaintext, violationsOf, type WholeLog } from "./opening-verdict.js";
import { awsIdOf, Closing, sweeperOf } from "./scene.js";
import { IS_FULL, tally, times } from "./tally.js";

/** Plaintexts that callers are to receive. */
const OPENINGS = times(10, 1_000);
/** One import's most: what is killed on the way may be burnt, and its account opens no more. */
const ACCOUNTS = times(60, 2_000);
const MORE_PEOPLE = times(0, 5);
const PAUSE_MS = IS_FULL ? ([1_000, 7_000] as const) : ([800, 2_000] as const);
const PATIENCE_MS = times(120_000, 20 * 60_000);
/** Chooses moments and victims; a run that went wrong names its own. */
const SEED = Number(process.env["ROOTKEEP_FAULTS_SEED"] ?? randomInt(2 ** 32));

// real: the program, its signer and guard, PostgreSQL, SIGKILL, HTTP; double: the sweeper's clock, an hour ahead.
describe(`openings while service and database are killed at random, seed ${String(SEED)} [L1, L4]`, () => {
  const closing = new Closing();
  const book = new CallersBook();
  let service: KilledService;
  let parent = "";
  let directory = "";
  let crew: Crew;
  let members: readonly Member[] = [];
  let accounts: OpenableAccount[] = [];
  let log: WholeLog;

  before(async () => {
    parent = await mkdtemp(join(tmpdir(), "rootkeep-openings-"));
    closing.add(() => rm(parent, { recursive: true, force: true }));
    directory = join(parent, "data");
    closing.add(() => removeHome(directory));
    const environment = { ROOTKEEP_LOG_ORIGIN: LOG_ORIGIN, ROOTKEEP_DEPLOYMENT: "test" };
    service = await KilledService.start({ directory, environment }, randomOf(SEED));
    closing.add(() => service.kill());
    const program = await service.running();
    crew = await found(program.address, await program.invitations());
    members = await gatherCallers(crew, MORE_PEOPLE);
    accounts = await importedAccounts(crew);
  });
  after(() => closing.close());

  it("goes on giving out passwords, each start taking up what the kill before has left", async () => {
    const deadline = performance.now() + PATIENCE_MS;
    let hasFailed = false;
    const isDone = (): boolean => book.received.length >= OPENINGS && service.killed >= VICTIMS.length;
    const isOver = (): boolean => hasFailed || isDone() || performance.now() > deadline;
    const running = [new Callers(service, members, book).work(accounts, isOver), service.torment(isOver, PAUSE_MS)];
    const ends = running.map((work) => work.finally(() => (hasFailed ||= !isOver())));
    await Promise.allSettled(ends);
    await Promise.all(ends);
    assert.ok(isDone(), `${String(book.received.length)} of ${String(OPENINGS)} opened, ${String(service.killed)} kills`);
  });

  it("has committed an entry, and given a valid receipt, for every plaintext that somebody received", async () => {
    await service.restart();
    await sweep(directory);
    log = await exportedLog();
    const { received, tried, refused, lost } = book;
    const named = (what: string, counts: Readonly<Record<string, number>>) =>
      Object.fromEntries(Object.entries(counts).map(([name, count]) => [`${what} ${name}`, count]));
    const kills = named("killed", service.kills);
    const ends = named("intents", endingsOf(log.entries));
    const counts = { "openings tried": tried, ...kills, ...ends, ...named("refused", refused), "answers lost": lost };
    tally("openings under random kills", { tried: service.killed, calls: tried, opened: received.length, counts });
    assert.deepEqual(violationsOf(log, received), []);
  });

  it("would tell of a plaintext whose entry, outcome or receipt is missing, and of an opening too many", () => {
    const { received } = book;
    const [first] = received;
    const other = received.at(-1);
    assert.ok(first !== undefined && other !== undefined && first !== other);
    const instead = (changed: Partial<ReceivedPlaintext>) => [{ ...first, ...changed }, ...received.slice(1)];
    const withEntries = (entries: readonly Buffer[]): WholeLog => ({ ...log, entries });
    const without = (seq: number): WholeLog => withEntries(log.entries.filter((_, index) => index !== seq));
    const [genesis = Buffer.alloc(0), ...later] = log.entries;
    const intent = log.entries[first.intentSeq] ?? genesis;
    const denied = log.entries.map((bytes, seq) =>
      seq === first.outcomeSeq ? Buffer.from(bytes.toString("utf8").replace('"outcome":"allowed"', '"outcome":"denied"')) : bytes,
    );
    const cases: readonly [RegExp, WholeLog, readonly ReceivedPlaintext[]][] = [
      [/is not the password that was imported/, log, instead({ text: "another" })],
      [/has no intent at/, without(first.intentSeq), received],
      [/the chain breaks at/, without(first.intentSeq), received],
      [/the intent at \d+ has 0 outcomes/, without(first.outcomeSeq), received],
      [/the outcome of \S+ has no intent/, without(first.intentSeq), received],
      [/the intent at \d+ ended denied/, withEntries(denied), received],
      [/a grant is opened a second time at/, withEntries([...log.entries, intent]), received],
      [/has no outcome at/, log, instead({ outcomeSeq: other.outcomeSeq })],
      [/came with headers of another entry/, log, instead({ header: other.header })],
      [/has no valid receipt: there is none/, log, instead({ proof: null })],
      [/has no valid receipt: it is of another entry/, log, instead({ proof: other.proof })],
      [/has no valid receipt: no entry to prove/, withEntries(log.entries.slice(0, first.intentSeq)), received],
      [/has no valid receipt: its checkpoint is not on the log's tree/, withEntries([intent, ...later]), received],
      [/has no intent at/, log, instead({ grantId: other.grantId })],
      [/two plaintexts came out of one opening/, log, [...received, first]],
      [/a grant gave out two plaintexts/, log, [...received, first]],
    ];
    for (const [expected, seen, got] of cases) {
      const violations = violationsOf(seen, got);
      assert.ok(
        violations.some((violation) => expected.test(violation)),
        `${String(expected)}: ${violations.slice(0, 5).join("; ")}`,
      );
    }
  });

  it("exports a log that verifies offline against the log's key and every receipt", async () => {
    const receipts = book.received.map(({ intentSeq }) => `opening-${String(intentSeq)}.tlog-proof`);
    for (const [index, name] of receipts.entries()) await writeFile(join(parent, name), book.received[index]?.proof ?? "");
    const head = book.received.flatMap(({ header }) => (header === null ? [] : { size: header.seq + 1, leaf: header.leaf }));
    const trust = join(parent, "trust.json");
    await writeFile(trust, JSON.stringify({ origin: LOG_ORIGIN, keys: [formatVerifierKey(log.key)], head, receipts }));
    let text = "";
    await runVerify(
      [join(parent, "export"), "--trust", trust, "--json", "--quiet"],
      { write: (part) => (text += part) },
      { write: () => undefined },
    );
    const { exitCode, checks } = JSON.parse(text) as Report;
    assert.equal(exitCode, 0, JSON.stringify(checks));
    assert.equal(checks.find(({ check }) => check === "trust")?.status, "ok");
  });

  /** The whole log, as its auditor exports it, and the key, as its owner has it. */
  async function exportedLog(): Promise<WholeLog> {
    const { cyd } = crew;
    cyd.moveTo((await service.running()).address);
    await cyd.signIn();
    const options = { directory: join(parent, "export"), from: 0, hasDisclosures: true, tool: "test", created: new Date() };
    const { to, uncovered } = await exportLog(cyd.client, { ...options, onProgress: () => undefined });
    assert.equal(uncovered, 0);
    const entries: Buffer[] = [];
    for (let seq = 0; seq < to; seq += BUNDLE_WIDTH) {
      const path = entriesPath(seq / BUNDLE_WIDTH, Math.min(BUNDLE_WIDTH, to - seq));
      entries.push(...decodeBundle(await readFile(join(options.directory, path))));
    }
    const key = createLogKey(`file:${join(directory, "log-key.json")}`);
    return { entries, key: newVerifierKey(LOG_ORIGIN, "ed25519", await key.publicKey()) };
  }
});

/** Imports so many accounts. */
async function importedAccounts({ ada }: Crew): Promise<OpenableAccount[]> {
  const accounts = Array.from({ length: ACCOUNTS }, (_, index) => newAccount(awsIdOf(index)));
  const ids = await importAccounts(ada, accounts);
  return accounts.map((account, index) => ({ ...account, id: ids[index] ?? "" }));
}

/** Sweeps as another replica over the same database does: what a minute has not yet closed is closed now. */
async function sweep(directory: string): Promise<void> {
  const superuser = await superuserOf(directory);
  const passwords = JSON.parse(await readFile(join(directory, "postgres", "passwords.json"), "utf8")) as Record<DatabaseRole, string>;
  const as = (user: DatabaseRole): PgConnection => ({ ...superuser, user, password: Secret.of(passwords[user]) });
  const connections = Object.fromEntries(DATABASE_ROLES.map((role) => [role, as(role)])) as Record<DatabaseRole, PgConnection>;
  const database = { name: superuser.database, superuser, connections, drop: () => Promise.resolve() };
  const replica = await Vault.open({ database, rootKey: createRootKey(`file:${join(directory, "root-key.json")}`) });
  try {
    await sweeperOf(replica).sweep();
    assert.deepEqual(replica.log.openIntents(), []);
    assert.deepEqual(replica.alarms, []);
  } finally {
    await replica.drop();
  }
}
