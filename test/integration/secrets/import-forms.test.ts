// real: the whole application, PostgreSQL, HTTP. double: none.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Answer } from "../../../src/cli/answer.js";
import { RefusedError } from "../../../src/cli/failure.js";
import { type Crew, castParts } from "../../support/crew.js";
import { withClient } from "../../support/postgres.js";
import { type RestApp, startRestApp } from "../../support/rest-app.js";

const SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const PASSWORD = 'MARKER "quoted" \\ Tr0ub4dor';
const TYPES = { csv: "text/csv", jsonl: "application/x-ndjson" } as const;

describe("an import", () => {
  let rest: RestApp;
  let crew: Crew;
  let number = 440_000_000_000;
  before(async () => {
    rest = await startRestApp();
    crew = await rest.found();
    await castParts(crew);
  });
  after(() => rest.close());

  const row = (rest: object = {}) => {
    const awsId = String(++number);
    const root = { root_email: `root-${awsId}@example.com`, password: PASSWORD, mfa_seed: SEED };
    return { aws_account_id: awsId, partition: "aws", kind: "standalone", customer: "Acme", ...root, ...rest };
  };
  const jsonl = (rows: readonly object[]): string => rows.map((each) => `${JSON.stringify(each)}\n`).join("");
  const csv = (rows: readonly object[]): string =>
    [Object.keys(rows[0] ?? {}), ...rows.map((each) => Object.values(each).map((cell) => `"${String(cell).replaceAll('"', '""')}"`))].join(
      "\n",
    );
  const upload = async (text: string, type: string, query: Record<string, string> = {}): Promise<Answer> =>
    await crew.ada.client.upload("/v1/imports", query, type, Buffer.from(text));
  const refusalOf = async (call: Promise<Answer>): Promise<unknown> =>
    await call.then(
      () => assert.fail("taken"),
      (error: unknown) => (error instanceof RefusedError ? [error.refusal.code, error.refusal.errors] : Promise.reject(error as Error)),
    );
  /** How much of everything there is. */
  const counts = async (): Promise<unknown> =>
    await withClient(rest.database.superuser, async (client) => {
      const { rows } =
        await client.query(`SELECT (SELECT count(*) FROM audit.entry WHERE NOT convert_from(entry, 'UTF8') LIKE '%log.heartbeat%') AS entries,
        (SELECT count(*) FROM accounts.account) AS accounts, (SELECT count(*) FROM accounts.root_address) AS addresses,
        (SELECT count(*) FROM secrets.sealed_value) AS sealed, (SELECT count(*) FROM keys.data_key) AS keys`);
      return rows[0] as unknown;
    });

  for (const [form, write] of [
    ["csv", csv],
    ["jsonl", jsonl],
  ] as const) {
    it(`of ${form}, tried dry, says what it would do and stores nothing; then it does it [IC-20]`, async () => {
      const text = write([row(), row()]);
      const before = await counts();
      const dry = await upload(text, TYPES[form], { dryRun: "true" });
      assert.deepEqual([dry.count("rows"), dry.count("imported"), dry.count("skipped")], [2, 0, 0]);
      assert.deepEqual(await counts(), before);
      const wet = await upload(text, TYPES[form]);
      assert.deepEqual([wet.count("rows"), wet.count("imported"), wet.count("lastLine")], [2, 2, dry.count("lastLine")]);
    });

    it(`of ${form} that is refused is refused dry by the same errors, and so are lines that are skipped [IC-19] [IC-20]`, async () => {
      const known = row();
      await upload(write([known]), TYPES[form]);
      const shared = row({ root_email: "Shared@example.com" });
      const rows = [
        known,
        row({ root_email: known.root_email.toUpperCase() }),
        row({ kind: "root" }),
        row({ root_email: "root@x.awsapps.com" }),
      ];
      const text = write([
        shared,
        ...rows,
        row({ root_email: `${form}-shared@example.com` }),
        row({ root_email: `${form}-SHARED@example.com` }),
      ]);
      const before = await counts();
      const dry = await refusalOf(upload(text, TYPES[form], { dryRun: "true" }));
      assert.deepEqual(await refusalOf(upload(text, TYPES[form])), dry);
      assert.deepEqual(await counts(), before);
      const skipping = await upload(text, TYPES[form], { dryRun: "true", onError: "skip" });
      const done = await upload(text, TYPES[form], { onError: "skip" });
      assert.deepEqual(done.members["errors"], skipping.members["errors"]);
      const skipped = skipping.count("skipped");
      assert.deepEqual(
        [skipped, skipping.count("rows") - skipped, done.count("skipped")],
        [form === "csv" ? 5 : 6, done.count("imported"), skipped],
      );
      assert.ok(!JSON.stringify([dry, done.members]).includes("MARKER"));
    });
  }

  it("of JSON lines goes on at a line, and its password is the one that the file had", async () => {
    const [first, second] = [row(), row()];
    const report = await upload(jsonl([first, second]), TYPES.jsonl, { fromLine: "2" });
    assert.equal(report.count("imported"), 1);
    const found: Answer[] = [];
    for await (const item of crew.ada.client.items("/v1/accounts", { awsId: second.aws_account_id })) found.push(item);
    const id = await crew.ada.ask({
      operation: "secret.reveal",
      accountId: found[0]?.text("id"),
      purpose: "billing-root-only",
      ticket: "OPS-42",
    });
    await crew.ben.approve(id);
    const { grantId } = (await crew.ada.client.get(`/v1/requests/${id}`)).members;
    const { secret } = await crew.ada.open(String(grantId));
    assert.equal(
      secret.expose((value) => value),
      PASSWORD,
    );
  });

  it("is a file of a type that is taken here alone", async () => {
    const refused = await refusalOf(crew.ada.client.upload("/v1/requests", {}, TYPES.jsonl, Buffer.from("{}")));
    assert.deepEqual((refused as unknown[])[0], "MALFORMED");
  });
});
