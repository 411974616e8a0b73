// real: the whole application, PostgreSQL, HTTP, the command line as a program. double: none.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { CliDesk, good, objects } from "../../support/cli-desk.js";
import { type Crew, castParts } from "../../support/crew.js";
import { withClient } from "../../support/postgres.js";
import { type RestApp, startRestApp } from "../../support/rest-app.js";

const SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const [OLGA, OLGAS] = ["MARKER Olga Owner", "marker.olga@acme.example"];

describe("the commands for accounts", () => {
  let rest: RestApp;
  let crew: Crew;
  let desk: CliDesk;
  let directory = "";
  before(async () => {
    rest = await startRestApp();
    crew = await rest.found();
    await castParts(crew);
    directory = await mkdtemp(join(tmpdir(), "rootkeep-accounts-"));
    desk = new CliDesk(rest.address, directory);
    for (const member of [crew.ada, crew.ben]) await desk.signIn(member);
  });
  after(async () => {
    await rm(directory, { recursive: true, force: true });
    await rest.close();
  });

  const ada = async (...argv: string[]): Promise<string> => good(await desk.run(crew.ada, argv));
  const listed = async (...argv: string[]): Promise<unknown[]> =>
    objects(await desk.run(crew.ada, ["account", "list", "--json", ...argv])).map((item) => item["awsId"]);
  const register = async (awsId: string, ...argv: string[]): Promise<string> => {
    const answer = await ada("account", "register", "--aws-id", awsId, "--root-email", `root-${awsId}@example.com`, ...argv);
    return /acc_\w+/.exec(answer)?.[0] ?? assert.fail(answer);
  };
  /** Tables in which a text stands. */
  async function tablesWith(text: string): Promise<string[]> {
    return await withClient(rest.database.superuser, async (client) => {
      const tables = await client.query<{ name: string }>(
        `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
      );
      const found: string[] = [];
      for (const { name } of tables.rows) {
        const { rows } = await client.query(`SELECT 1 FROM ${name} AS t WHERE t::text LIKE $1 LIMIT 1`, [`%${text}%`]);
        if (rows.length > 0) found.push(name);
      }
      return found.sort();
    });
  }

  it("import a file of JSON lines, dry at first, and know its form by its name", async () => {
    const [file, odd] = [join(directory, "accounts.jsonl"), join(directory, "accounts.txt")];
    for (const [path, awsId] of [
      [file, "450000000001"],
      [odd, "450000000002"],
    ] as const) {
      const facts = {
        aws_account_id: awsId,
        partition: "aws",
        kind: "standalone",
        customer: "Imported",
        root_email: `i-${awsId}@example.com`,
      };
      await writeFile(path, `${JSON.stringify({ ...facts, password: "Tr0ub4dor-and-3", mfa_seed: SEED })}\n`, { mode: 0o600 });
    }
    assert.equal(
      await ada("account", "import", file, "--dry-run"),
      "nothing stored; 1 would be imported, 0 skipped, of 1 rows; read up to line 1\n",
    );
    assert.equal(await ada("account", "import", odd, "--format", "jsonl"), "1 imported, 0 skipped, of 1 rows; read up to line 1\n");
    assert.deepEqual(await listed("--customer", "Imported"), ["450000000002"]);
  });

  it("register an account, and find it by everything that it is found by", async () => {
    const facts = [
      "--kind",
      "member",
      "--customer",
      "Northwind Freight",
      "--custody",
      "SPLIT",
      "--organization",
      "o-1234567890",
      "--tag",
      "env=prod",
    ];
    const id = await register("450000000003", ...facts);
    const shown = JSON.parse(await ada("account", "show", id, "--json")) as Record<string, unknown>;
    assert.deepEqual(
      [shown["state"], shown["custody"], shown["organizationId"], shown["tags"], shown["contacts"]],
      ["invited", "SPLIT", "o-1234567890", { env: "prod" }, []],
    );
    for (const filter of [
      ["--customer", "Northwind Freight"],
      ["--aws-id", "450000000003"],
      ["--custody", "SPLIT"],
      ["--state", "invited"],
      ["--tag", "env=prod"],
      ["--text", "northwind"],
      ["--text", "root-450000000003@"],
      ["--text", "450000000003"],
      ["--state", "invited", "--text", "north", "--tag", "env=prod"],
    ])
      assert.deepEqual(await listed(...filter), ["450000000003"], filter.join(" "));
    for (const filter of [
      ["--text", "freight"],
      ["--tag", "env=test"],
      ["--state", "active"],
    ])
      assert.deepEqual(await listed(...filter), []);
    assert.match((await desk.run(crew.ada, ["account", "list", "--tag", "env"])).stderr, /MALFORMED/);
  });

  it("make no address where the deployment makes none, and say so", async () => {
    const argv = ["account", "register", "--aws-id", "450000000009", "--kind", "standalone", "--customer", "Acme"];
    assert.match((await desk.run(crew.ada, argv)).stderr, /ROOTKEEP_ROOT_MAIL_DOMAIN/);
  });

  it("change facts by two, whose contacts can be taken out of every table again [RQ-9]", async () => {
    const id = await register("450000000004", "--kind", "standalone", "--customer", "Acme");
    const contacts = join(directory, "contacts.json");
    const change = async (list: object[]): Promise<string> => {
      await writeFile(contacts, JSON.stringify(list));
      const asked = await ada("account", "change", id, "--contacts", contacts, "--reason", "the customer told us");
      const request = /req_\w+/.exec(asked)?.[0] ?? assert.fail(asked);
      const approved = await desk.withCode(crew.ben, ["request", "approve", request]);
      assert.match(approved.stderr, /before/);
      good(approved);
      return request;
    };
    const added = await change([{ role: "owner", name: OLGA, email: OLGAS }]);
    assert.match(await ada("account", "show", id), new RegExp(OLGAS));
    assert.deepEqual(await tablesWith(OLGA), ["accounts.account", "approvals.request", "audit.disclosure"]);
    const removed = await change([]);
    for (const requestId of [added, removed]) {
      const erasing = await crew.ada.ask({ operation: "disclosure.erase", subject: { requestId } });
      await crew.ben.approve(erasing);
    }
    assert.deepEqual([await tablesWith(OLGA), await tablesWith(OLGAS)], [[], []]);
  });
});
