// real: PostgreSQL, the log, the registry; the owner of the database is its superuser. double: none.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { insertAccount } from "../../../src/accounts/account-registry.service.js";
import { type AccountFilter, isFound, searchQuery } from "../../../src/accounts/account-search.js";
import { draftEntry, SYSTEM_ACTOR } from "../../../src/audit/draft.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { newId } from "../../../src/kernel/ids.js";
import { withClient } from "../../support/postgres.js";
import { type Actor, Vault } from "../../support/vault.js";

const COUNT = 60;

describe("searching accounts", () => {
  let vault: Vault;
  let ada: Actor;
  before(async () => {
    vault = await Vault.open();
    [ada] = await vault.found();
    await vault.transactions.run(async (tx) => {
      const createdAt = await tx.clock();
      for (let index = 0; index < COUNT; index++) {
        insertAccount(tx, {
          id: newId("account"),
          awsId: String(430_000_000_000 + index * 10_000_000),
          ...{ partition: "aws", kind: index % 3 === 0 ? "member" : "standalone", organizationId: null, contacts: null },
          customer: ["Acme", "ACME West", "Ümlaut", "100%_sure"][index % 4] ?? "",
          tags: index % 5 === 0 ? '{"env":"prod","team":"a=b"}' : "{}",
          rootEmail: `Root.${String(index)}@${index % 2 === 0 ? "One" : "two"}.example.com`,
          state: index % 6 === 0 ? "active" : "assuming",
          custody: index % 7 === 0 ? null : index % 7 === 1 ? "SPLIT" : "VAULTED",
          ...{ checkoutGrantId: null, createdAt },
        });
      }
      return {
        result: undefined,
        entries: [{ draft: draftEntry({ action: "account.import", outcome: "committed", actor: SYSTEM_ACTOR }) }],
      };
    });
  });
  after(() => vault.drop());

  const FILTERS: readonly AccountFilter[] = [
    { customer: "Acme" },
    { customer: "acme" },
    { awsId: "430010000000" },
    { state: "active" },
    { custody: "VAULTED" },
    { custody: "SPLIT" },
    { tag: { key: "env", value: "prod" } },
    { tag: { key: "team", value: "a=b" } },
    { tag: { key: "env", value: "test" } },
    { text: "acme" },
    { text: "ACME w" },
    { text: "ümlaut" },
    { text: "Ümlaut" },
    { text: "100%" },
    { text: "%" },
    { text: "4300" },
    { text: "root.1" },
    { text: "ROOT.5@ONE" },
    { text: "a", custody: "VAULTED", state: "assuming" },
    { text: "root.", tag: { key: "env", value: "prod" }, customer: "Acme" },
  ];
  for (const filter of FILTERS) {
    it(`finds what a look at every account finds: ${JSON.stringify(filter)}`, async () => {
      const all = await vault.accounts.list("", 1000);
      const wanted = all.filter((row) => isFound(row, filter)).map(({ id }) => id);
      assert.equal(all.length, COUNT);
      const pages: string[] = [];
      for (let after = ""; ; ) {
        const page = await vault.accounts.listFor(ada.personId, after, 4, filter);
        pages.push(...page.map(({ id }) => id));
        if (page.length < 4) break;
        after = page.at(-1)?.id ?? "";
      }
      assert.deepEqual(pages, wanted);
    });
  }

  it("matches letters beyond A to Z as they are, and no sign as a wildcard", async () => {
    assert.equal((await vault.accounts.listFor(ada.personId, "", 100, { text: "ümlaut" })).length, 0);
    assert.equal((await vault.accounts.listFor(ada.personId, "", 100, { text: "Ümlaut" })).length, COUNT / 4);
    assert.equal((await vault.accounts.listFor(ada.personId, "", 100, { text: "%" })).length, 0);
  });

  it("asks for what the indexes are of", async () => {
    const plans: string[] = [];
    await withClient(vault.database.superuser, async (client) => {
      await client.query("SET enable_seqscan = off");
      // With the primary key out of the way, as it is where few accounts of many are found.
      await client.query("BEGIN");
      await client.query("ALTER TABLE accounts.account DROP CONSTRAINT account_pk CASCADE");
      for (const filter of FILTERS) {
        const { sql, parameters } = searchQuery(filter, "", 10);
        const { rows } = await client.query<Record<"QUERY PLAN", string>>(`EXPLAIN ${sql}`, [...parameters]);
        plans.push(rows.map((row) => row["QUERY PLAN"]).join("\n"));
      }
      await client.query("ROLLBACK");
    });
    for (const plan of plans) assert.doesNotMatch(plan, /Seq Scan/);
    for (const index of ["customer_text", "customer", "aws_id", "state", "custody", "tags", "root_email"])
      assert.ok(
        plans.some((plan) => plan.includes(`account_${index}_ix`)),
        index,
      );
  });

  it("refuses a row that answers another question, and passes over tags that nobody can read [DR-15]", async () => {
    const edit = (sql: string, id?: string): Promise<unknown> => withClient(vault.database.superuser, (client) => client.query(sql, [id]));
    const [odd] = await vault.accounts.listFor(ada.personId, "", 1, { state: "assuming" });
    await edit("UPDATE accounts.account SET tags = 'no JSON' WHERE id = $1", odd?.id);
    assert.ok(
      (await vault.accounts.listFor(ada.personId, "", 100, { tag: { key: "env", value: "prod" } })).every(({ id }) => id !== odd?.id),
    );
    const [row] = await vault.accounts.listFor(ada.personId, "", 1, { state: "active" });
    await edit("UPDATE accounts.account SET state = 'closed' WHERE id = $1", row?.id);
    await assert.rejects(vault.accounts.listFor(ada.personId, "", 10, { state: "closed" }), (error: unknown) =>
      isRootkeepError(error, "ROW_REFUSED"),
    );
  });
});
