import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { canonicalJson } from "../../../src/audit/canonical-json.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import type { Id } from "../../../src/kernel/ids.js";
import { configApproval } from "../../../src/people/config-approval.js";
import { withClient } from "../../support/postgres.js";
import { type Actor, formOf, Vault } from "../../support/vault.js";

// real: PostgreSQL, file root key, every service. double: none.
// The database's owner edits no row here: they change what the database answers, or what its functions do.
describe("a database that lies in its answers", () => {
  let vault: Vault;
  let rita: Actor;
  let alan: Actor;
  let account: Id<"account">;

  before(async () => {
    vault = await Vault.open();
    await vault.found();
    rita = await vault.enrol("Rita Requester", ["requester"]);
    alan = await vault.enrol("Alan Approver", ["approver"]);
    account = await vault.import("111122223333");
  });
  after(() => vault.drop());

  const asOwner = (statement: string): Promise<unknown> => withClient(vault.database.superuser, (client) => client.query(statement));

  it("does not make another person's session out of any token, whatever its = says [L11]", async () => {
    // bytea = bytea becomes "is not null and not null": every token finds the first session, a genuine row with a genuine HMAC.
    await asOwner(`
      CREATE FUNCTION public.lie(bytea, bytea) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
      UPDATE pg_operator SET oprcode = 'public.lie(bytea,bytea)'::regprocedure
        WHERE oprname = '=' AND oprleft = 'bytea'::regtype AND oprright = 'bytea'::regtype;
      ALTER TABLE people.session DROP CONSTRAINT session_token_uq`);
    try {
      await assert.rejects(vault.people.sessions.authenticate("rks_nobody"), (error) => isRootkeepError(error, "ROW_REFUSED"));
      assert.ok(vault.alarms.some(({ kind, what }) => kind === "row-refused" && what.endsWith(" answer")));
    } finally {
      await asOwner(`UPDATE pg_operator SET oprcode = 'byteaeq'::regproc
        WHERE oprname = '=' AND oprleft = 'bytea'::regtype AND oprright = 'bytea'::regtype`);
    }
    const signedIn = await vault.people.sessions.authenticate(rita.token);
    assert.equal(signedIn.personId, rita.personId);
  });

  it("opens nothing when append answers yes and writes something else [L1]", async () => {
    const { grantId } = await vault.grant(rita, [alan], account);
    const source = await withClient(vault.database.superuser, async (client) => {
      const { rows } = await client.query<{ text: string }>("SELECT pg_get_functiondef('audit.append'::regproc) AS text");
      return rows[0]?.text ?? "";
    });
    await asOwner(`CREATE OR REPLACE FUNCTION audit.append(p_first bigint, p_ids uuid[], p_entries bytea[], p_leaves bytea[])
      RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'BEGIN RETURN; END'`);
    try {
      await assert.rejects(vault.open(rita, grantId), (error) => isRootkeepError(error, "CHAIN_BROKEN"));
      assert.ok(vault.alarms.some(({ kind }) => kind === "chain-broken"));
    } finally {
      await asOwner(source);
    }
  });
});

describe("a database whose owner writes entries of their own", () => {
  let vault: Vault;

  before(async () => {
    vault = await Vault.open();
    await vault.found();
  });
  after(() => vault.drop());

  it("approves no configuration by an entry that nobody here made [L11]", async () => {
    assert.equal(vault.trust.isApproved, true);
    const forged = { configDigest: "cd".repeat(32), configMac: "00".repeat(32) };
    const entry = { action: "config.approve", outcome: "committed", actor: { type: "system" }, details: forged } as const;
    await vault.log.record({ id: "01980000-0000-4000-8000-00000000c0de", ...entry });
    assert.equal(vault.trust.approvedDigest, "ab".repeat(32));
    assert.equal(vault.trust.isApproved, true);
  });

  it("is heard when the log is cut back under a running process, and nothing is appended any more", async () => {
    const { size } = await vault.reader.head();
    await withClient(vault.database.superuser, async (client) => {
      await client.query("ALTER TABLE audit.entry DISABLE TRIGGER ALL");
      await client.query("DELETE FROM audit.entry WHERE seq >= $1", [size - 2]);
      await client.query(
        "UPDATE audit.head SET size = size - 2, last_leaf = (SELECT leaf_hash FROM audit.entry ORDER BY seq DESC LIMIT 1) WHERE id = 1",
      );
      await client.query("ALTER TABLE audit.entry ENABLE ALWAYS TRIGGER no_mutation");
    });
    const entry = { action: "import.started", outcome: "committed", actor: { type: "system" } } as const;
    for (const suffix of ["1", "2"]) {
      const id = `01980000-0000-4000-8000-00000000000${suffix}`;
      await assert.rejects(vault.log.record({ id, ...entry }), (error) => isRootkeepError(error, "ROLLBACK_DETECTED"));
    }
    assert.equal(vault.alarms.filter(({ kind }) => kind === "rolled-back").length, 1);
    await assert.rejects(vault.log.check(), (error) => isRootkeepError(error, "ROLLBACK_DETECTED"));
  });
});

describe("a configuration that custodians approved after the founding", () => {
  let vault: Vault;

  before(async () => {
    vault = await Vault.open();
    await vault.found();
  });
  after(() => vault.drop());

  it("is neither hidden nor replaced by the founding's where somebody forges another approval [L11]", async () => {
    const [settings, id] = [{ deployment: "test", moved: true }, "01980000-0000-4000-8000-00000000c0d1"];
    const digest = createHash("sha256").update(canonicalJson(settings)).digest("hex");
    const entry = { action: "config.approve", outcome: "committed", actor: { type: "system" } } as const;
    await vault.log.record({ id, ...entry, details: { ...configApproval(vault.keys.records, id, digest), settings } });
    const forged = { configDigest: "cd".repeat(32), configMac: "00".repeat(32), settings: {} };
    await vault.log.record({ id: "01980000-0000-4000-8000-00000000c0d2", ...entry, details: forged });
    assert.equal(vault.trust.approvedDigest, digest);
    assert.deepEqual(vault.trust.approvedSettings, settings);
    const replica = await Vault.open({ replicaOf: vault });
    assert.equal(replica.trust.approvedDigest, digest);
    assert.deepEqual(
      replica.log.keptOf("config.approve").map(({ eventId }) => eventId),
      [id],
      "what is forged takes no memory",
    );
    await replica.close();
  });
});

describe("a reset", () => {
  let vault: Vault;

  before(async () => {
    vault = await Vault.open();
    await vault.found();
  });
  after(() => vault.drop());

  it("ends what the person holds and frees the account (design §2)", async () => {
    const rita = await vault.enrol("Rita Requester", ["requester"]);
    const alan = await vault.enrol("Alan Approver", ["approver"]);
    const account = await vault.import("111122223333");
    const { grantId } = await vault.grant(rita, [alan], account);
    await vault.decide({ operation: "authenticator.reset", subject: { personId: rita.personId } });
    assert.equal((await vault.grants.read(grantId)).state, "REVOKED");
    assert.equal((await vault.accounts.readFor(rita.personId, account)).checkoutGrantId, null);
  });

  it("does not let a look-alike in beside a person who is known", async () => {
    const [ada] = vault.custodians ?? [];
    assert.ok(ada);
    for (const name of ["Rita  Requester", "Rita\u00a0Requester", "Ｒita Requester"]) {
      const form = formOf({ operation: "person.enrol", subject: { name, email: "other@example.com" } });
      await assert.rejects(vault.requests.submit(ada, form), (error) => isRootkeepError(error, "ALREADY_EXISTS"));
    }
  });
});
