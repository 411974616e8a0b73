import { dirname } from "node:path";
import { Client } from "pg";
import type { Secret } from "../kernel/secret.js";
import type { PgConnection } from "./connection.js";
import { clientOptions } from "./data-source.service.js";
import {
  type EmbeddedHome,
  type EmbeddedPasswords,
  ensurePasswords,
  openHome,
  removeLeftovers,
  removeRunDirectory,
} from "./embedded-home.adapter.js";
import { isPostgresProcess, pause } from "./embedded-program.adapter.js";
import { contact, superuserConnection } from "./embedded-server.adapter.js";
import { bringUp, endServer } from "./embedded-start.adapter.js";
import { type PostmasterFile, serverArguments } from "./embedded-state.js";
import { redactQueryError } from "./redact-query-error.js";
import {
  createDatabaseStatement,
  DATABASE_ROLES,
  type DatabaseRole,
  databaseStatements,
  passwordStatement,
  roleStatements,
} from "./roles.js";
import { scramVerifier } from "./scram.js";

const LOCK_PATIENCE_MS = 2_000;
const REGAIN_PAUSE_MS = 250;

// "rootkeep" in bytes, read as a number; held by the one program that uses this data directory.
const HOME_LOCK = "8245931988547364208";

/** A PostgreSQL server of our own, and how each role reaches it. */
export interface EmbeddedPostgres {
  readonly connections: Readonly<Record<DatabaseRole, PgConnection>>;
  readonly superuser: PgConnection;
  /** True when the server was running already: an earlier program was killed, and left it. */
  readonly isAdopted: boolean;
  /**
   * Stops the server: fast, which rolls back what is open, then at once if that takes too long. Leaves no process, socket or file but the
   * data. May be called again.
   * @throws Error when the server is there even then.
   */
  stop(): Promise<void>;
}

/** Where the database lives and what its server is told. */
export interface EmbeddedPostgresOptions {
  /** For instance `.rootkeep/postgres`; made with mode 0700. */
  readonly directory: string;
  /** `rootkeep` unless told. */
  readonly database?: string;
  /** Further server settings. They take effect when a server is started, not when one is adopted. */
  readonly settings?: Readonly<Record<string, string>>;
}

/**
 * Starts PostgreSQL on `directory`, or adopts the server that a killed program left running there; then sets up roles and database. It
 * listens on a Unix socket alone. A program that ends without {@link EmbeddedPostgres.stop} leaves the server running.
 * @throws Error in plain words for the operator: another program uses the directory, no binaries for this machine, PostgreSQL's own reason.
 *   What is permanent is not tried again.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { directory, database = "rootkeep", settings = {} } = options;
  serverArguments("", "", settings);
  const home = await openHome(directory);
  const passwords = await ensurePasswords(home);
  const { client, file, isAdopted } = await bringUp(home, passwords.superuser, settings);
  if (!(await takeLock(client))) {
    await client.end().catch(() => undefined);
    throw new Error(`another program uses the database in ${home.directory}`);
  }
  const server = new RunningServer(home, passwords, file, client, database, isAdopted);
  try {
    await removeLeftovers(home, dirname(file.socketDirectory));
    await setUp(client, file, passwords, database);
  } catch (error) {
    await server.stop();
    throw redactQueryError(error);
  }
  server.watch();
  return server;
}

/**
 * The lock is the server's own and belongs to a session: it goes with the program that held it, whatever killed that, and cannot be stale.
 * Two programs that start at once meet the same server, because PostgreSQL lets only one run on a data directory. A killed program's
 * session may take a moment to be noticed.
 */
async function takeLock(client: Client): Promise<boolean> {
  const deadline = performance.now() + LOCK_PATIENCE_MS;
  for (;;) {
    const { rows } = await client.query<{ taken: boolean }>("SELECT pg_catalog.pg_try_advisory_lock($1::bigint) AS taken", [HOME_LOCK]);
    if (rows[0]?.taken === true) return true;
    if (performance.now() > deadline) return false;
    await pause(50);
  }
}

async function setUp(client: Client, file: PostmasterFile, passwords: EmbeddedPasswords, database: string): Promise<void> {
  for (const statement of roleStatements()) await client.query(statement);
  for (const role of DATABASE_ROLES) {
    await client.query(passwords.roles[role].expose((password) => passwordStatement(role, scramVerifier(password))));
  }
  // The roles have no business in the server's own databases.
  await client.query("REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC");
  const { rowCount } = await client.query("SELECT FROM pg_catalog.pg_database WHERE datname = $1", [database]);
  if (rowCount === 0) await client.query(createDatabaseStatement(database));
  const inside = new Client(clientOptions(superuserConnection(file, passwords.superuser, database), "rootkeep-launcher"));
  inside.on("error", () => undefined);
  try {
    await inside.connect();
    for (const statement of databaseStatements(database)) await inside.query(statement);
  } finally {
    await inside.end().catch(() => undefined);
  }
}

/** What pg's client can do and its types do not tell. */
type Referable = Client & { ref(): void; unref(): void };

class RunningServer implements EmbeddedPostgres {
  readonly connections: Readonly<Record<DatabaseRole, PgConnection>>;
  readonly superuser: PgConnection;
  // The session that holds the lock; undefined while it is lost.
  #holder: Client | undefined;
  #stopping: Promise<void> | undefined;
  readonly #home: EmbeddedHome;
  readonly #password: Secret<string>;
  readonly #runDirectory: string;
  #pid: number;

  constructor(
    home: EmbeddedHome,
    passwords: EmbeddedPasswords,
    file: PostmasterFile,
    holder: Client,
    database: string,
    readonly isAdopted: boolean,
  ) {
    this.#home = home;
    this.#password = passwords.superuser;
    this.#runDirectory = dirname(file.socketDirectory);
    this.#pid = file.pid;
    this.#holder = holder;
    this.superuser = Object.freeze(superuserConnection(file, passwords.superuser, database));
    const roles = DATABASE_ROLES.map((user) => [user, Object.freeze({ ...this.superuser, user, password: passwords.roles[user] })]);
    this.connections = Object.freeze(Object.fromEntries(roles) as Record<DatabaseRole, PgConnection>);
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** Takes the lock again when its session is lost, as it is when PostgreSQL restarts after the crash of one of its processes. */
  watch(): void {
    const holder = this.#holder;
    holder?.once("end", () => {
      this.#holder = undefined;
      if (this.#stopping === undefined) this.#regainSoon();
    });
    // A held lock is no reason for a program to go on.
    if (holder !== undefined) (holder as Referable).unref();
  }

  #regainSoon(): void {
    const again = (): void => {
      this.#regain().catch(() => undefined);
    };
    setTimeout(again, REGAIN_PAUSE_MS).unref();
  }

  async #regain(): Promise<void> {
    if (this.#stopping !== undefined) return;
    const holder = await this.#lockSession().catch(() => undefined);
    if (holder === undefined) {
      this.#regainSoon();
      return;
    }
    this.#holder = holder;
    this.watch();
  }

  async #lockSession(): Promise<Client | undefined> {
    const met = await contact(this.#home, this.#password);
    if (met.kind !== "open") return undefined;
    const isOurs = dirname(met.file.socketDirectory) === this.#runDirectory && (await takeLock(met.client));
    if (!isOurs) {
      await met.client.end().catch(() => undefined);
      return undefined;
    }
    this.#pid = met.file.pid;
    return met.client;
  }

  async #stop(): Promise<void> {
    // Without the lock the server may be somebody else's by now: stopping it would take it from under him.
    this.#holder ??= await this.#lockSession();
    const holder = this.#holder;
    if (holder === undefined) {
      if (!(await isPostgresProcess(this.#pid))) await removeRunDirectory(this.#home, this.#runDirectory);
      return;
    }
    (holder as Referable).ref();
    // The session is ended last: whoever took the lock before the server is down would lose it at once.
    const isDown = await endServer(this.#pid);
    await holder.end().catch(() => undefined);
    if (!isDown) throw new Error(`PostgreSQL (process ${this.#pid}) does not stop`);
    await removeRunDirectory(this.#home, this.#runDirectory);
  }
}
