// The log of a service that really ran (founded, people, an opening, two full tiles), its export over HTTP, what people elsewhere keep of it,
// and hands that own the database and have copied the log's key. The service is stopped: whoever wants to hide something waits for that.
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AuditLog } from "../../src/audit/audit-log.service.js";
import { leafHash } from "../../src/audit/chain.js";
import { CheckpointRepository } from "../../src/audit/checkpoint.repository.js";
import { createGuard } from "../../src/audit/create-guard.service.js";
import { draftEntry, personActor } from "../../src/audit/draft.js";
import type { EntryDraft } from "../../src/audit/entry.js";
import { connectLog } from "../../src/audit/log-connection.service.js";
import { LogGuard } from "../../src/audit/log-guard.service.js";
import { parseCheckpoint } from "../../src/audit/tlog/checkpoint.js";
import { parseNote } from "../../src/audit/tlog/note.js";
import { formatVerifierKey, newVerifierKey } from "../../src/audit/tlog/verifier-key.js";
import { exportLog } from "../../src/cli/export-log.js";
import { type ErrorCode, isRootkeepError } from "../../src/kernel/errors.js";
import { createLogKey } from "../../src/keys/log-keys.service.js";
import { type DoctorCheck, databaseChecks } from "../../src/operator.js";
import { runVerify } from "../../src/verify/main.js";
import type { Report } from "../../src/verify/report.js";
import { castParts, importAccounts, newAccount, obtainGrant } from "./crew.js";
import { DatabaseExport } from "./database-export.js";
import { DatabaseOwner } from "./database-owner.js";
import { LOG_TABLES } from "./log-forger.js";
import { appendAsReplica } from "./other-replica.js";
import { withClient } from "./postgres.js";
import { type RestApp, startRestApp } from "./rest-app.js";
import { writeFiles } from "./sample-log.js";
import { noteOf } from "./signed-export.js";
import { type NoteSigner, noteSigner } from "./tlog-keys.js";

/** Accounts of the entries that the scene appends by itself. */
const STREAMS = ["acc_0123456789abcdefghjkmnpqrs", "acc_1123456789abcdefghjkmnpqrs", "acc_2123456789abcdefghjkmnpqrs"];
const PARTS = 12;
const ENTRIES_PER_PART = 50;

/** What a reader has from elsewhere: the trust file, and files beside it that it names. */
export interface Elsewhere {
  readonly trust: object;
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
}

/** Everything that somebody else keeps of the log, each by itself enough. */
export interface Kept {
  /** The receipt of the opening, as its holder got it, and the place of the entry that it proves. */
  readonly receipt: Buffer;
  readonly opened: { readonly seq: number };
  /** The newest note of the log. */
  readonly note: Buffer;
  /** Every note of the log, as a bucket holds them, by their path in an export. */
  readonly bucket: Readonly<Record<string, string>>;
  readonly head: { readonly size: number; readonly leaf: string };
}

export class AttackedLog {
  readonly witnesses = [1, 2, 3].map((n) => noteSigner(`witness.example/w${String(n)}`, "cosignature", Buffer.alloc(32, 20 + n)));

  private constructor(
    private readonly app: RestApp,
    private readonly folder: string,
    /** Past every trigger and check. */
    readonly owner: DatabaseOwner,
    /** Signs as the log does: the key file was copied. */
    readonly thief: NoteSigner,
    readonly entries: readonly Buffer[],
    readonly leaves: readonly Buffer[],
    /** Sizes that were signed, in order; the last is the log's. */
    readonly signed: readonly number[],
    /** From this seq on there are the scene's own entries, in accounts' chains that have begun, and no heartbeat that sums up what was before. */
    readonly own: number,
    readonly kept: Kept,
  ) {}

  static async open(): Promise<AttackedLog> {
    const folder = await mkdtemp(join(tmpdir(), "rootkeep-attacked-"));
    const app = await startRestApp();
    const crew = await app.found();
    await castParts(crew);
    const [accountId = ""] = await importAccounts(crew.ada, [newAccount("111122223333")]);
    const { answer } = await crew.ada.open(await obtainGrant(crew, accountId));
    const own = (await crew.cyd.client.get("/v1/audit/head")).count("size");
    for (let part = 0; part < PARTS; part++) {
      await appendAsReplica(app.database, ENTRIES_PER_PART, (index) => refusedOpening(part * ENTRIES_PER_PART + index));
      await newestSigned(app, own + (part + 1) * ENTRIES_PER_PART);
    }
    await exportLog(crew.cyd.client, {
      ...{ directory: join(folder, "export"), from: 0, hasDisclosures: true, tool: "rootkeep test", created: new Date() },
      onProgress: () => undefined,
    });
    const opening = { receipt: Buffer.from(answer.text("receipt"), "utf8"), opened: { seq: answer.count("intentSeq") } };
    await app.stop();
    return await AttackedLog.#over(app, folder, own + STREAMS.length, opening);
  }

  static async #over(app: RestApp, folder: string, own: number, opening: Pick<Kept, "receipt" | "opened">): Promise<AttackedLog> {
    const key = createLogKey(app.config.logKey);
    const verifierKey = newVerifierKey(app.config.logOrigin, "ed25519", await key.publicKey());
    const owner = await DatabaseOwner.take(app.database);
    await owner.run("ALTER TABLE audit.entry DROP CONSTRAINT entry_leaf_ok; CREATE SCHEMA attack");
    const entries = (await owner.rows<{ entry: Buffer }>("SELECT entry FROM audit.entry ORDER BY seq")).map(({ entry }) => entry);
    const leaves = entries.map((entry) => leafHash(entry));
    const signed = await owner.rows<{ size: string; note: string }>("SELECT size, note FROM audit.checkpoint ORDER BY size");
    const head = { size: entries.length, leaf: leaves.at(-1)?.toString("hex") ?? "" };
    const bucket = Object.fromEntries(signed.map(({ size, note }) => [`anchors/bucket/${size.padStart(20, "0")}.note`, note]));
    const kept = { ...opening, note: Buffer.from(signed.at(-1)?.note ?? ""), bucket, head };
    const sizes = signed.map(({ size }) => Number(size));
    const thief = { key: verifierKey, sign: (message: Uint8Array) => key.sign(message) };
    const log = new AttackedLog(app, folder, owner, thief, entries, leaves, sizes, own, kept);
    await log.#cosign();
    for (const table of LOG_TABLES) await owner.run(`CREATE TABLE attack.${table} AS TABLE audit.${table}`);
    return log;
  }

  get size(): number {
    return this.entries.length;
  }

  /** The export that the running service gave; to be copied, not changed. */
  get exported(): string {
    return join(this.folder, "export");
  }

  /** A trust file that knows the log's key. */
  get withKey(): Elsewhere {
    return { trust: { origin: this.thief.key.name, keys: [formatVerifierKey(this.thief.key)] } };
  }

  /** The largest size up to `seq` that was signed: whatever changed behind it, the checkpoint after it is the first to know. */
  vouched(seq: number): number {
    return this.signed.filter((size) => size <= seq).at(-1) ?? 0;
  }

  /** The log's tables as the service left them. */
  async putBack(): Promise<void> {
    for (const table of LOG_TABLES.toReversed()) await this.owner.run(`DELETE FROM audit.${table}`);
    for (const table of LOG_TABLES) {
      // What the table makes of a line itself cannot be put in.
      const columns = await this.owner.rows<{ name: string }>(
        "SELECT column_name AS name FROM information_schema.columns WHERE table_schema = 'audit' AND table_name = $1 AND is_generated = 'NEVER'",
        [table],
      );
      const names = columns.map(({ name }) => name).join(", ");
      await this.owner.run(`INSERT INTO audit.${table} (${names}) SELECT ${names} FROM attack.${table}`);
    }
  }

  /** What the verifier says of what the tables hold now. `bend` changes the files that were made of them. */
  async verifyDatabase(elsewhere?: Elsewhere, bend?: (directory: string) => Promise<void>, key = this.thief.key): Promise<Report> {
    return await this.#inFolder(async (folder) => {
      const directory = join(folder, "export");
      await withClient(this.app.database.connections.rootkeep_auditor, async (client) =>
        (await DatabaseExport.open(client, key)).write(directory),
      );
      await bend?.(directory);
      return await verifyDirectory(directory, folder, elsewhere);
    });
  }

  /** What the verifier says of the service's own export, bent. */
  async verifyExport(bend: (directory: string) => Promise<void>, elsewhere?: Elsewhere): Promise<Report> {
    return await this.#inFolder(async (folder) => {
      const directory = join(folder, "export");
      await cp(this.exported, directory, { recursive: true });
      await bend(directory);
      return await verifyDirectory(directory, folder, elsewhere);
    });
  }

  /** How a start over the tables as they are is refused; null where it is not. The guard is the one that the service left. */
  async start(): Promise<ErrorCode | null> {
    const { config, database } = this.app;
    const nothing = (): void => undefined;
    const alarms = { chainBroken: nothing, rolledBack: nothing, clockRefused: nothing, rowRefused: nothing, appendFailed: nothing };
    const connect = () => connectLog(database.connections.rootkeep_service);
    const log = new AuditLog(connect, alarms);
    const options = { connect, origin: config.logOrigin, verifierKey: this.thief.key, guard: createGuard(config.guard) };
    const guard = new LogGuard(log, options);
    try {
      await log.open(config.logOrigin, config.deployment);
      await guard.start();
      return log.isRolledBack ? "ROLLBACK_DETECTED" : null;
    } catch (error) {
      if (isRootkeepError(error)) return error.code;
      throw error;
    } finally {
      await guard.stop();
      await log.close();
    }
  }

  /** What `rootkeep doctor` says of the database. */
  async doctor(): Promise<readonly DoctorCheck[]> {
    return await databaseChecks(this.app.database.connections.rootkeep_service);
  }

  async close(): Promise<void> {
    await this.owner.close();
    await this.app.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Three witnesses have cosigned the newest checkpoint; the signer's role writes down what they answered. */
  async #cosign(): Promise<void> {
    const note = await noteOf(this.leaves, this.size, { log: this.thief, witnesses: this.witnesses });
    const lines = note
      .toString()
      .split("\n")
      .filter((line) => line.includes(" witness.example/"));
    await withClient(this.app.database.connections.rootkeep_signer, async (client) => {
      await CheckpointRepository.insertCosignatures(
        client,
        this.thief.key.name,
        this.size,
        lines.map((line) => `${line}\n`),
      );
    });
  }

  async #inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
    const folder = await mkdtemp(join(tmpdir(), "rootkeep-verified-"));
    try {
      return await use(folder);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
}

/** The verifier as a command, with the trust file as a file. */
async function verifyDirectory(directory: string, folder: string, elsewhere?: Elsewhere): Promise<Report> {
  if (elsewhere !== undefined) await writeFiles(folder, { ...elsewhere.files, "trust.json": JSON.stringify(elsewhere.trust) });
  const args = elsewhere === undefined ? [] : ["--trust", join(folder, "trust.json")];
  let [out, err] = ["", ""];
  await runVerify([directory, "--json", "--quiet", ...args], { write: (text) => (out += text) }, { write: (text) => (err += text) });
  if (out === "") throw new Error(err);
  return JSON.parse(out) as Report;
}

function refusedOpening(index: number): EntryDraft {
  return draftEntry({
    action: "secret.reveal",
    outcome: "denied",
    actor: personActor("per_0123456789abcdefghjkmnpqrs"),
    details: { code: "NOT_ALLOWLISTED", index },
    stream: STREAMS[index % STREAMS.length] ?? "",
    ...(index % 7 === 0 ? { disclosures: [{ field: "request.reason", value: `INC-${String(index)}: Änderung` }] } : {}),
  });
}

/** Waits until a checkpoint covers `size` entries. */
async function newestSigned({ database, config }: RestApp, size: number): Promise<void> {
  await withClient(database.connections.rootkeep_auditor, async (client) => {
    for (const deadline = performance.now() + 15_000; performance.now() < deadline; ) {
      const newest = await CheckpointRepository.newest(client, config.logOrigin);
      if (newest !== undefined && parseCheckpoint(parseNote(Buffer.from(newest.note)).text).size >= size) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`no checkpoint of ${String(size)} entries`);
  });
}
