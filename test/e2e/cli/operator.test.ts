// real: the command line as a program, PostgreSQL; double: psql (a few lines that read its script).
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Client } from "pg";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../../src/database/embedded-postgres.adapter.js";
import { passwordStatement, quoteIdentifier } from "../../../src/database/roles.js";
import { scramVerifier } from "../../../src/database/scram.js";
import { Secret } from "../../../src/kernel/secret.js";
import { found } from "../../support/crew.js";
import { withClient } from "../../support/postgres.js";
import { databaseUrl } from "../../support/postgres-url.js";
import { Program, removeHome } from "../../support/program.js";
import { runCli } from "../../support/run-cli.js";

interface Check {
  readonly name: string;
  readonly status: string;
  readonly message: string;
}

async function doctor(environment: Readonly<Record<string, string>>): Promise<{ status: number | null; checks: Record<string, Check> }> {
  const { status, stdout, stderr } = await runCli(["doctor", "--json"], { environment });
  assert.match(stdout, /^\{/, stderr);
  const { checks } = JSON.parse(stdout) as { checks: readonly Check[] };
  return { status, checks: Object.fromEntries(checks.map((check) => [check.name, check])) };
}

describe("the doctor", () => {
  let directory = "";
  let environment: Record<string, string>;
  before(async () => {
    directory = join(await mkdtemp(join(tmpdir(), "rootkeep-e2e-")), "data");
    environment = { ROOTKEEP_DATA_DIR: directory };
    const service = await Program.start({ directory });
    try {
      await found(service.address, await service.invitations());
      await service.stop();
    } finally {
      await service.kill();
    }
  });
  after(async () => {
    await removeHome(directory);
    await rm(join(directory, ".."), { recursive: true, force: true });
  });

  /** Does what only the database's owner can, past every trigger. */
  async function edit(sql: string): Promise<void> {
    const server = await startEmbeddedPostgres({ directory: join(directory, "postgres") });
    try {
      await withClient(server.superuser, async (client) => {
        await client.query(`BEGIN; ALTER TABLE audit.entry DISABLE TRIGGER ALL; ${sql}`);
        await client.query(
          "ALTER TABLE audit.entry ENABLE ALWAYS TRIGGER no_mutation; ALTER TABLE audit.entry ENABLE ALWAYS TRIGGER no_truncate; COMMIT",
        );
      });
    } finally {
      await server.stop();
    }
  }

  it("finds nothing where nothing is wrong", async () => {
    const { status, checks } = await doctor(environment);
    assert.equal(status, 0, JSON.stringify(checks));
    assert.match(checks["log"]?.message ?? "", /^[1-9]\d* entries verify$/);
  });

  it("finds a search column that was edited to hide an event, and names the entry", async () => {
    await edit("UPDATE audit.entry SET action = 'session.list' WHERE seq = 1");
    const { status, checks } = await doctor(environment);
    assert.equal(status, 1);
    assert.deepEqual([checks["search columns"]?.status, checks["log"]?.status], ["failed", "ok"]);
    assert.match(checks["search columns"]?.message ?? "", /entry 1$/);
    await edit("UPDATE audit.entry SET action = 'people.founded' WHERE seq = 1");
    assert.equal((await doctor(environment)).status, 0);
  });

  it("finds an entry that was edited, in the middle or at the end, and names it", async () => {
    const last = Number(/^\d+/.exec((await doctor(environment)).checks["log"]?.message ?? "")?.[0]) - 1;
    const write = async (seq: number, outcome: string): Promise<void> => {
      const pattern = `'"outcome":"\\w+"', '"outcome":"' || ${outcome} || '"'`;
      const bytes = `convert_to(regexp_replace(convert_from(entry, 'UTF8'), ${pattern}), 'UTF8')`;
      // The leaf hash is made to fit, as whoever owns the database would; what carries the hash of the entry cannot be.
      await edit(`UPDATE audit.entry SET entry = ${bytes}, leaf_hash = sha256('\\x00'::bytea || ${bytes}) WHERE seq = ${String(seq)}`);
    };
    for (const seq of [last, 1]) {
      await write(seq, "'error'");
      const { status, checks } = await doctor(environment);
      assert.deepEqual([status, checks["log"]?.status], [1, "failed"]);
      assert.match(checks["log"]?.message ?? "", new RegExp(`^entry ${String(seq)}: `));
      // The column beside it still says what it was.
      await write(seq, "outcome");
      assert.equal((await doctor(environment)).status, 0);
    }
  });

  it("says that it cannot look while a service uses the embedded database", async () => {
    const server = await startEmbeddedPostgres({ directory: join(directory, "postgres") });
    try {
      const { status, checks } = await doctor(environment);
      assert.equal(status, 1);
      assert.match(checks["database"]?.message ?? "", /another program uses the database/);
    } finally {
      await server.stop();
    }
  });
});

describe("setting up a database of one's own", () => {
  let parent = "";
  let server: EmbeddedPostgres;
  let environment: Record<string, string>;
  before(async () => {
    parent = await mkdtemp(join(tmpdir(), "rootkeep-e2e-"));
    server = await startEmbeddedPostgres({ directory: join(parent, "postgres") });
    const at = {
      host: server.superuser.host,
      port: server.superuser.port,
      database: "vault",
      password: Secret.of("of-the-operators-choice"),
    };
    environment = {
      ROOTKEEP_DATA_DIR: join(parent, "data"),
      DATABASE_URL: databaseUrl({ ...at, user: "rootkeep_service" }),
      ROOTKEEP_MIGRATE_DATABASE_URL: databaseUrl({ ...at, user: "rootkeep_migrate" }),
      // Of the right form, and never asked: neither command needs a root key.
      ROOTKEEP_ROOT_KEY: "aws-kms:arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-4000-8000-000000000000",
    };
  });
  after(async () => {
    await (server as EmbeddedPostgres | undefined)?.stop();
    await rm(parent, { recursive: true, force: true });
  });

  it("works with the script of `init`, twice, for a superuser", async () => {
    const { status, stdout: script } = await runCli(["init"]);
    assert.equal(status, 0);
    for (let times = 1; times <= 2; times++) await runScript(script);
    await withClient({ ...server.superuser, database: "vault" }, async (client) => {
      const { rows } = await client.query("SELECT pg_get_userbyid(datdba) AS owner FROM pg_database WHERE datname = 'vault'");
      assert.deepEqual(rows, [{ owner: "rootkeep_migrate" }]);
    });
  });

  it("is migrated once by `migrate`, as the owner, and no root key is asked for", async () => {
    const first = await runCli(["migrate", "--json"], { environment });
    assert.equal(first.status, 0, first.stderr);
    assert.ok((JSON.parse(first.stdout) as { applied: string[] }).applied.length > 0);
    const second = await runCli(["migrate"], { environment });
    assert.deepEqual([second.status, second.stdout], [0, "nothing to do\n"]);
  });

  it("is not migrated without the owner's URL, and the other one is not shown", async () => {
    const { ROOTKEEP_MIGRATE_DATABASE_URL: _left, ...rest } = environment;
    const { status, stderr } = await runCli(["migrate"], { environment: rest });
    assert.equal(status, 1);
    assert.match(stderr, /ROOTKEEP_MIGRATE_DATABASE_URL is set for an external database/);
    assert.equal(stderr.includes("operator"), false);
  });

  /** What psql makes of the script: its variables, `\password`, `\gexec` and `\connect`. */
  async function runScript(script: string): Promise<void> {
    const filled = script
      .replaceAll(/^--.*\n|^\\set .*\n/gm, "")
      .replaceAll(":'database'", "'vault'")
      .replaceAll(':"database"', quoteIdentifier("vault"));
    const [outside = "", inside = ""] = filled.split(/^\\connect .*$/m);
    await withClient({ ...server.superuser, database: "postgres" }, (client) => runPart(client, outside));
    await withClient({ ...server.superuser, database: "vault" }, (client) => runPart(client, inside));
  }
  async function runPart(client: Client, part: string): Promise<void> {
    for (const statement of part.split(/;\n|(?<=^\\password \w+)\n|(?<=\\gexec)\n/m).map((text) => text.trim())) {
      const role = /^\\password (\w+)$/.exec(statement)?.[1];
      if (role !== undefined) await client.query(passwordStatement(role, scramVerifier("of-the-operators-choice")));
      else if (statement.endsWith("\\gexec")) {
        const { rows } = await client.query<Record<string, string>>(statement.slice(0, -"\\gexec".length));
        for (const row of rows) for (const command of Object.values(row)) await client.query(command);
      } else if (statement !== "") await client.query(statement);
    }
  }
});
