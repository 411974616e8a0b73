// real: PostgreSQL, the log, the engine of dual control, every service. double: none.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { entryExtras } from "../../../src/audit/entry.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import type { Id } from "../../../src/kernel/ids.js";
import { approve, ask } from "../../support/policies.js";
import { withClient } from "../../support/postgres.js";
import { type Actor, formOf, Vault } from "../../support/vault.js";

const OWNER = { role: "owner", name: "Olga Owner", email: "olga@acme.example", phone: null };

describe("changing facts of an account", () => {
  let vault: Vault;
  let [ada, ben, rita, alan] = [] as unknown as [Actor, Actor, Actor, Actor];
  let number = 410_000_000_000;
  before(async () => {
    vault = await Vault.open();
    [ada, ben] = await vault.found();
    rita = await vault.enrol("Rita Requester", ["requester"], { kind: "customer", values: ["Acme"] });
    alan = await vault.enrol("Alan Approver", ["approver"], { kind: "customer", values: ["Acme", "Umbrella"] });
  });
  after(() => vault.drop());

  const imported = (): Promise<Id<"account">> => vault.import(String(++number));
  const asked = async (accountId: Id<"account">, subject: object): Promise<Id<"request">> =>
    (await vault.requests.submit(ada, formOf({ operation: "account.change", accountId, subject: { ...subject } }))).requestId;
  const change = async (accountId: Id<"account">, subject: object): Promise<Id<"request">> => {
    const id = await asked(accountId, subject);
    await approve(vault, ben, id);
    return id;
  };
  const refused =
    (code: string, facts: Record<string, unknown> = {}) =>
    (error: unknown): boolean => {
      assert.ok(isRootkeepError(error), String(error));
      assert.equal(error.code, code, JSON.stringify([error.facts, error.fields]));
      for (const [name, value] of Object.entries(facts)) assert.equal(error.facts[name], value);
      return true;
    };

  it("shows both sides to who approves, happens with the approval, and stands in the account's own stream", async () => {
    const id = await imported();
    const request = await asked(id, { customer: "Umbrella", tags: { env: "prod" }, contacts: [OWNER] });
    const { body } = await vault.requests.read(request);
    const { replaces, ...shown } = body.subject;
    assert.ok(typeof replaces === "string" && /^[0-9a-f]{64}$/.test(replaces));
    assert.deepEqual(shown, {
      before: { customer: "Acme", tags: {}, contacts: [] },
      after: { customer: "Umbrella", tags: { env: "prod" }, contacts: [OWNER] },
    });
    assert.equal((await vault.accounts.byId(id)).customer, "Acme");
    await approve(vault, ben, request);
    const row = await vault.accounts.byId(id);
    assert.deepEqual([row.customer, row.tags, row.contacts], ["Umbrella", '{"env":"prod"}', JSON.stringify([sorted(OWNER)])]);
    const [entry] = await vault.reader.entries(Number(row.seq), 1);
    assert.deepEqual([entry?.entry.action, entry?.entry["stream"]], ["account.change", id]);
    const { details, commitments, rows } = entryExtras(entry?.entry as never);
    assert.deepEqual([details?.["changed"], details?.["approvedBy"]], [["customer", "tags", "contacts"], ben.personId]);
    assert.deepEqual(rows, [`account/${id}`]);
    assert.deepEqual(Object.keys(commitments).sort(), [
      "after.contact.0",
      "after.customer",
      "after.tags",
      "before.customer",
      "before.tags",
    ]);
    const text = JSON.stringify(entry?.entry);
    for (const personal of ["Olga", "olga@", "Umbrella", "Acme"]) assert.ok(!text.includes(personal), personal);
  });

  it("refuses what is no change, what breaks a rule, what no fact is, and whom the account is not", async () => {
    const id = await imported();
    await assert.rejects(asked(id, { customer: "Acme" }), refused("STATE_CONFLICT", { rule: "this changes nothing" }));
    for (const subject of [
      { custody: "OURS" },
      { custody: "CENTRAL" },
      { organizationId: "o-1234567890" },
      { kind: "root" },
      { contacts: [{ role: "owner", name: "x" }] },
      { state: "active" },
      { awsId: "111122223333" },
    ])
      await assert.rejects(asked(id, subject), refused("MALFORMED"));
    const other = await vault.requests.submit(
      ada,
      formOf({ operation: "account.change", accountId: id, subject: { customer: "Umbrella" } }),
    );
    await assert.rejects(approve(vault, ada, other.requestId), refused("SELF_APPROVAL"));
    await assert.rejects(
      vault.requests.submit(rita, formOf({ operation: "account.change", accountId: id, subject: { customer: "Umbrella" } })),
      refused("NOT_ALLOWLISTED"),
    );
  });

  it("is bound to the facts that it was asked on: another change in between ends it, whatever it changes [L3]", async () => {
    const id = await imported();
    const [one, other] = [await asked(id, { tags: { env: "prod" } }), await asked(id, { customer: "Umbrella" })];
    await approve(vault, ben, one);
    await assert.rejects(approve(vault, ben, other), refused("STATE_CONFLICT"));
    assert.equal((await vault.accounts.byId(id)).customer, "Acme");
  });

  it("takes the account from who asked: an approved grant opens nothing, an open request is not approved [L2]", async () => {
    const [granted, waiting] = [await imported(), await imported()];
    const { grantId } = await vault.grant(rita, [alan], granted);
    const request = await ask(vault, rita, waiting);
    for (const id of [granted, waiting]) await change(id, { customer: "Umbrella" });
    await assert.rejects(vault.open(rita, grantId), refused("NOT_ALLOWLISTED"));
    await assert.rejects(approve(vault, alan, request), refused("NOT_ALLOWLISTED"));
  });

  it("takes it from who approved, too", async () => {
    const id = await imported();
    const zoe = await vault.enrol("Zoe Everywhere", ["requester"]);
    const { grantId } = await vault.grant(zoe, [alan], id);
    await change(id, { customer: "Initech" });
    await assert.rejects(vault.open(zoe, grantId), refused("APPROVAL_REQUIRED"));
  });

  it("into a custody that keeps nothing here ends what was granted, and what is asked for is refused by name [L7]", async () => {
    const id = await vault.import(String(++number), { kind: "member" });
    const { grantId } = await vault.grant(rita, [alan], id, "tax-invoice-view");
    await change(id, { custody: "CENTRAL", organizationId: "o-1234567890" });
    await assert.rejects(vault.open(rita, grantId), refused("BETTER_WAY", { route: "ASSUME_ROOT", custody: "CENTRAL" }));
    await vault.grants.giveBack(rita, grantId);
    await assert.rejects(ask(vault, rita, id, { purpose: "tax-invoice-view" }), refused("BETTER_WAY", { route: "ASSUME_ROOT" }));
    await change(id, { custody: "CUSTOMER" });
    await assert.rejects(ask(vault, rita, id, { purpose: "tax-invoice-view" }), refused("NOT_IN_CUSTODY", { custody: "CUSTOMER" }));
    await change(id, { custody: "NONE" });
    await assert.rejects(ask(vault, rita, id, { purpose: "tax-invoice-view" }), refused("NOT_IN_CUSTODY", { custody: "NONE" }));
  });

  it("into split custody leaves the password here, and no code", async () => {
    const id = await imported();
    await change(id, { custody: "SPLIT" });
    await assert.rejects(ask(vault, rita, id, { kinds: ["mfa-seed"] }), refused("NOT_IN_CUSTODY", { custody: "SPLIT" }));
    const request = await ask(vault, rita, id);
    assert.deepEqual(
      (await vault.requests.read(request)).body.secrets.map(({ kind }) => kind),
      ["root-password"],
    );
  });

  it("is not made by an edit: a row whose custody somebody changed, or took away, is refused [L11]", async () => {
    const [ours, theirs] = [await imported(), await imported()];
    await change(theirs, { custody: "CUSTOMER" });
    const edit = (sql: string, id: string): Promise<unknown> => withClient(vault.database.superuser, (client) => client.query(sql, [id]));
    await edit("UPDATE accounts.account SET custody = NULL WHERE id = $1", theirs);
    await assert.rejects(ask(vault, rita, theirs), refused("ROW_REFUSED"));
    await edit("UPDATE accounts.account SET contacts = '[]' WHERE id = $1", ours);
    await assert.rejects(ask(vault, rita, ours), refused("ROW_REFUSED"));
  });
});

function sorted(members: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).sort(([one], [other]) => (one < other ? -1 : 1)));
}
