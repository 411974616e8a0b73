// real: PostgreSQL, the log, every service; the owner of the database is its superuser. double: none.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { insertAccount } from "../../../src/accounts/account-registry.service.js";
import { RootAddress } from "../../../src/accounts/root-address.entity.js";
import type { RegistrationForm } from "../../../src/approvals/register-account.service.js";
import { draftEntry, SYSTEM_ACTOR } from "../../../src/audit/draft.js";
import { entryExtras } from "../../../src/audit/entry.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { newId } from "../../../src/kernel/ids.js";
import { withClient } from "../../support/postgres.js";
import { type Actor, Vault } from "../../support/vault.js";

const HEADER = "aws_account_id,partition,kind,customer,root_email,password,mfa_seed";
const REST = "Tr0ub4dor-and-3-horses,GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

describe("registering an account by hand", () => {
  let vault: Vault;
  let [ada, rita] = [] as unknown as [Actor, Actor];
  let number = 420_000_000_000;
  before(async () => {
    vault = await Vault.open();
    [ada] = await vault.found();
    rita = await vault.enrol("Rita Requester", ["requester"]);
  });
  after(() => vault.drop());

  const form = (rest: Partial<RegistrationForm> = {}, facts: object = {}): RegistrationForm => ({
    awsId: String(++number),
    partition: "aws",
    facts: { customer: "Acme", kind: "standalone", ...facts },
    ...rest,
  });
  const refused =
    (code: string) =>
    (error: unknown): boolean =>
      isRootkeepError(error, code as never) || assert.fail(String(error));
  const asOwner = (sql: string, values: unknown[] = []): Promise<{ rows: Record<string, unknown>[] }> =>
    withClient(vault.database.superuser, (client) => client.query(sql, values));
  const csv = (lines: readonly string[]): Buffer => Buffer.from([HEADER, ...lines, ""].join("\n"));
  const line = (email: string): string => `${String(++number)},aws,standalone,Acme,${email},${REST}`;

  it("makes it an address that nobody guesses, of at most 64 characters, and keeps no secret of it", async () => {
    const { accountId, rootEmail, seq } = await vault.registrations.run(ada, form());
    assert.match(rootEmail, /^root-[a-z2-7]{20}@aws\.example\.com$/);
    assert.ok(rootEmail.length >= 5 && rootEmail.length <= 64);
    const row = await vault.accounts.byId(accountId);
    assert.deepEqual([row.state, row.custody, row.rootEmail], ["invited", "VAULTED", rootEmail]);
    assert.deepEqual(await vault.secrets.ofAccount(accountId), []);
    const [entry] = await vault.reader.entries(seq, 1);
    const extras = entryExtras(entry?.entry as never);
    assert.deepEqual([entry?.entry.action, entry?.entry["stream"], extras.rows.length], ["account.register", accountId, 2]);
    assert.ok(!JSON.stringify(entry?.entry).includes(rootEmail), "the address stands in the entry");
  });

  it("makes as many addresses as are asked for at once, and no two alike [L6]", async () => {
    const made = await Promise.all(Array.from({ length: 12 }, () => vault.registrations.run(ada, form())));
    assert.equal(new Set(made.map(({ rootEmail }) => rootEmail)).size, 12);
  });

  it("gives one address to one account: of many at once, in whatever case, one gets it", async () => {
    const spellings = ["Root.Shared@Example.com", "root.shared@example.com", "ROOT.SHARED@EXAMPLE.COM", "root.shared@EXAMPLE.com"];
    const tried = await Promise.allSettled(spellings.map((rootEmail) => vault.registrations.run(ada, form({ rootEmail }))));
    assert.equal(tried.filter(({ status }) => status === "fulfilled").length, 1);
    for (const each of tried) if (each.status === "rejected") assert.ok(refused("ALREADY_EXISTS")(each.reason));
    await assert.rejects(
      vault.imports.run(ada, csv([line("root.SHARED@example.com")]), { onError: "reject", fromLine: 1 }),
      refused("MALFORMED"),
    );
  });

  it("is refused to an import of the same address twice, and what is imported is noted", async () => {
    const lines = [line("one@import.example"), line("ONE@import.example"), line("two@import.example")];
    const report = await vault.imports.run(ada, csv(lines), { onError: "skip", fromLine: 1 });
    assert.deepEqual(
      report.errors.map(({ line: at, field }) => [at, field]),
      [[3, "root_email"]],
    );
    await assert.rejects(vault.registrations.run(ada, form({ rootEmail: "Two@import.example" })), refused("ALREADY_EXISTS"));
  });

  it("refuses the circle, an account twice, an address nobody makes, and whoever is no custodian", async () => {
    await assert.rejects(vault.registrations.run(ada, form({ awsId: "999999999999" })), refused("MALFORMED"));
    await assert.rejects(vault.registrations.run(ada, form({ rootEmail: "root@acme.awsapps.com" })), refused("MALFORMED"));
    await assert.rejects(vault.registrations.run(ada, form({}, { custody: "CUSTOMER" })), refused("MALFORMED"));
    const { awsId } = form();
    await vault.registrations.run(ada, form({ awsId }));
    await assert.rejects(vault.registrations.run(ada, form({ awsId })), refused("ALREADY_EXISTS"));
    await assert.rejects(vault.registrations.run(rita, form()), refused("NOT_ALLOWLISTED"));
  });

  it("gives no address up: not for an update, a deletion, or an emptied table, also not of the owner", async () => {
    for (const sql of [
      "DELETE FROM accounts.root_address",
      "UPDATE accounts.root_address SET address = 'x@example.com'",
      "TRUNCATE accounts.root_address",
      "SET session_replication_role = replica; DELETE FROM accounts.root_address",
    ])
      await assert.rejects(asOwner(sql), /never changed nor given up/, sql);
  });

  it("notes the addresses of accounts that are older than the list, once, however many do it at once", async () => {
    await vault.transactions.run(async (tx) => {
      const [createdAt, fresh] = [await tx.clock(), { partition: "aws", kind: "standalone", customer: "Old", tags: "{}", state: "active" }];
      const none = { custody: null, organizationId: null, contacts: null, checkoutGrantId: null };
      for (let index = 0; index < 105; index++) {
        const rootEmail = `Old-${String(index % 104)}@example.com`;
        insertAccount(tx, { id: newId("account"), awsId: String(++number), rootEmail, createdAt, ...fresh, ...none });
      }
      return {
        result: undefined,
        entries: [{ draft: draftEntry({ action: "account.import", outcome: "committed", actor: SYSTEM_ACTOR }) }],
      };
    });
    // Before they are noted the accounts themselves bar them.
    await assert.rejects(vault.registrations.run(ada, form({ rootEmail: "old-7@example.com" })), refused("ALREADY_EXISTS"));
    const noted = await Promise.all(Array.from({ length: 3 }, () => vault.addresses.registerMissing(5)));
    assert.equal(
      noted.reduce((sum, count) => sum + count, 0),
      104,
    );
    assert.equal(await vault.addresses.registerMissing(5), 0);
    await assert.rejects(vault.registrations.run(ada, form({ rootEmail: "OLD-7@example.com" })), refused("ALREADY_EXISTS"));
  });

  it("stores each in lower case, under an id that does not tell it", async () => {
    const rows = await vault.transactions.peek((tx) => tx.readAll(RootAddress, { origin: "ALLOCATED" }));
    assert.ok(rows.length > 0);
    for (const { id, address } of rows) assert.ok(id.startsWith("adr_") && address === address.toLowerCase());
  });

  it("misses an address that was deleted all the same, and does not give it out again [L11]", async () => {
    const { accountId } = await vault.registrations.run(ada, form({ rootEmail: "gone@example.com" }));
    await asOwner("ALTER TABLE accounts.root_address DISABLE TRIGGER root_address_kept");
    await asOwner("DELETE FROM accounts.root_address WHERE account_id = $1", [accountId]);
    await asOwner("ALTER TABLE accounts.root_address ENABLE ALWAYS TRIGGER root_address_kept");
    await assert.rejects(vault.registrations.run(ada, form({ rootEmail: "Gone@example.com" })), refused("ROW_REFUSED"));
    assert.ok(vault.alarms.some(({ what }) => /^root_address\/adr_\S+ missing$/.test(what)));
  });
});
