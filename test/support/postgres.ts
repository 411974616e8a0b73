// A real PostgreSQL for tests. `createTestDatabase` is all that most files need:
//
//   const database = await createTestDatabase({ migrations: MIGRATIONS });   // in before()
//   await database.drop();                                                   // in after()
//
// The test run starts one server for all files (`startSharedServer`, environment variable ROOTKEEP_TEST_PG); a file that is run by itself
// starts its own, which goes when the file's process has nothing left to do.
import { createHash, randomBytes } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Client } from "pg";
import type { PgConnection } from "../../src/database/connection.js";
import { clientOptions } from "../../src/database/data-source.service.js";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../src/database/embedded-postgres.adapter.js";
import { runMigrations } from "../../src/database/migrate.service.js";
import type { MigrationClass } from "../../src/database/migration-list.js";
import {
  createDatabaseStatement,
  DATABASE_ROLES,
  type DatabaseRole,
  databaseStatements,
  quoteIdentifier,
} from "../../src/database/roles.js";
import { Secret } from "../../src/kernel/secret.js";

/** A running server: how the superuser and each role reach it. `database` of the superuser's is the server's own, `postgres`. */
export interface TestServer {
  readonly superuser: PgConnection;
  readonly connections: Readonly<Record<DatabaseRole, PgConnection>>;
}

/** A database of one test file's own. */
export interface TestDatabase extends TestServer {
  readonly name: string;
  /** Closes whatever is still connected and drops it. */
  drop(): Promise<void>;
}

const VARIABLE = "ROOTKEEP_TEST_PG";
let ownServer: Promise<TestServer> | undefined;

/** The server of this test run, started now if there is none. */
export async function withServer(): Promise<TestServer> {
  const shared = process.env[VARIABLE];
  if (shared !== undefined && shared !== "") return readFacts(shared);
  ownServer ??= startOwnServer();
  return await ownServer;
}

/** Starts the server that all files of a run share. `env` names it to the test processes. */
export async function startSharedServer(): Promise<{ readonly env: Readonly<Record<string, string>>; stop(): Promise<void> }> {
  const { server, stop } = await startInTemporaryDirectory();
  return { env: { [VARIABLE]: writeFacts(server) }, stop };
}

/**
 * A database with `migrations` applied. They run once per server and list; each further database is a copy of that template.
 * Without `migrations` it is an empty one, with the roles' grants.
 */
export async function createTestDatabase(options: { readonly migrations?: readonly MigrationClass[] } = {}): Promise<TestDatabase> {
  const server = await withServer();
  const name = `test_${randomBytes(8).toString("hex")}`;
  const template = await ensureTemplate(server, options.migrations ?? []);
  await withClient(server.superuser, async (client) => {
    await client.query(`CREATE DATABASE ${quoteIdentifier(name)} OWNER rootkeep_migrate TEMPLATE ${quoteIdentifier(template)}`);
  });
  const inside = at(server, name);
  // PostgreSQL copies a template's content and not its grants.
  await withClient(inside.superuser, (client) => runAll(client, databaseStatements(name)));
  const drop = (): Promise<void> =>
    withClient(server.superuser, async (client) => {
      await client.query(`DROP DATABASE IF EXISTS ${quoteIdentifier(name)} WITH (FORCE)`);
    });
  return { name, ...inside, drop };
}

/** Runs `use` with a connection that is closed afterwards. */
export async function withClient<T>(connection: PgConnection, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client(clientOptions(connection, "rootkeep-test"));
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

async function ensureTemplate(server: TestServer, migrations: readonly MigrationClass[]): Promise<string> {
  // A class prints as its source, so a changed statement makes another template.
  const digest = createHash("sha256").update(migrations.map(String).join("\n")).digest("hex");
  const name = `template_${digest.slice(0, 16)}`;
  await withClient(server.superuser, async (client) => {
    // Test files run side by side: one makes the template, the others wait for it.
    await client.query("SELECT pg_advisory_lock(hashtextextended($1, 0))", [name]);
    const { rows } = await client.query("SELECT datistemplate FROM pg_database WHERE datname = $1", [name]);
    const found = rows[0] as { datistemplate: boolean } | undefined;
    if (found?.datistemplate === true) return;
    if (found !== undefined) await client.query(`DROP DATABASE ${quoteIdentifier(name)} WITH (FORCE)`);
    await client.query(createDatabaseStatement(name));
    const inside = at(server, name);
    await withClient(inside.superuser, (other) => runAll(other, databaseStatements(name)));
    await runMigrations(inside.connections.rootkeep_migrate, migrations);
    await client.query(`ALTER DATABASE ${quoteIdentifier(name)} WITH ALLOW_CONNECTIONS false IS_TEMPLATE true`);
  });
  return name;
}

async function runAll(client: Client, statements: readonly string[]): Promise<void> {
  for (const statement of statements) await client.query(statement);
}

function at(server: TestServer, database: string): TestServer {
  const connections = DATABASE_ROLES.map((role) => [role, { ...server.connections[role], database }]);
  return {
    superuser: { ...server.superuser, database },
    connections: Object.fromEntries(connections) as Record<DatabaseRole, PgConnection>,
  };
}

async function startInTemporaryDirectory(): Promise<{ server: TestServer; directory: string; stop(): Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), "rootkeep-test-"));
  let server: EmbeddedPostgres;
  try {
    server = await startEmbeddedPostgres({ directory: join(directory, "postgres") });
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
  const stop = async (): Promise<void> => {
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  };
  const { superuser, connections } = server;
  return { server: { superuser: { ...superuser, database: "postgres" }, connections }, directory, stop };
}

async function startOwnServer(): Promise<TestServer> {
  const { server, directory, stop } = await startInTemporaryDirectory();
  let isStopped = false;
  // Not an after() hook: called from within a test that would belong to this test alone.
  process.once("beforeExit", () => {
    isStopped = true;
    void stop();
  });
  process.once("exit", () => {
    if (isStopped) return;
    // The process is torn down with tests still open; nothing can be awaited any more.
    try {
      process.kill(Number.parseInt(readFileSync(join(directory, "postgres", "pgdata", "postmaster.pid"), "utf8"), 10), "SIGQUIT");
    } catch {
      // It is gone already.
    }
    // The server may be writing its last lines still.
    for (const path of [dirname(server.superuser.host), directory])
      rmSync(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  });
  return server;
}

function writeFacts({ superuser, connections }: TestServer): string {
  const passwords = Object.fromEntries(DATABASE_ROLES.map((role) => [role, reveal(connections[role])]));
  return JSON.stringify({ host: superuser.host, port: superuser.port, superuser: superuser.user, password: reveal(superuser), passwords });
}

function readFacts(text: string): TestServer {
  const facts = JSON.parse(text) as { host: string; port: number; superuser: string; password: string; passwords: Record<string, string> };
  const { host, port } = facts;
  const connect = (user: string, password: string, database: string): PgConnection => {
    return { host, port, database, user, password: Secret.of(password) };
  };
  const connections = DATABASE_ROLES.map((role) => [role, connect(role, facts.passwords[role] ?? "", "rootkeep")]);
  return {
    superuser: connect(facts.superuser, facts.password, "postgres"),
    connections: Object.fromEntries(connections) as Record<DatabaseRole, PgConnection>,
  };
}

function reveal(connection: PgConnection): string {
  return connection.password?.expose((password) => password) ?? "";
}
