import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type ErrorCode, isRootkeepError } from "../../../src/kernel/errors.js";
import type { Id } from "../../../src/kernel/ids.js";
import { withClient } from "../../support/postgres.js";
import { type Actor, formOf, Vault } from "../../support/vault.js";

const isCode =
  (code: ErrorCode) =>
  (error: unknown): boolean =>
    isRootkeepError(error, code);

// real: PostgreSQL that loses or damages what it is given, every service. double: none.
describe("no crash loses the only working password: what an import stores is read back before it counts [L5]", () => {
  let vault: Vault;
  let rita: Actor;
  let alan: Actor;

  const asOwner = async (sql: string): Promise<void> => {
    await withClient(vault.database.superuser, async (client) => {
      await client.query(sql);
    });
  };
  const accountOf = async (awsId: string): Promise<Id<"account">> => {
    const found = (await vault.accounts.list("", 100)).find((row) => row.awsId === awsId);
    if (found === undefined) throw new Error("no such account");
    return found.id as Id<"account">;
  };
  const states = async (awsId: string): Promise<string[]> =>
    (await vault.secrets.ofAccount(await accountOf(awsId))).flatMap(({ versions }) => versions.map(({ state }) => state));
  const ask = async (awsId: string): Promise<unknown> => {
    const form = { operation: "secret.reveal", accountId: await accountOf(awsId), purpose: "billing-root-only", ticket: "INC-5" } as const;
    return await vault.requests.submit(rita, formOf(form));
  };

  before(async () => {
    vault = await Vault.open();
    await vault.found();
    rita = await vault.enrol("Rita Requester", ["requester"]);
    alan = await vault.enrol("Alan Approver", ["approver"]);
  });
  after(() => vault.drop());

  for (const [awsId, what, table, column] of [
    ["111122223333", "sealed bytes", "secrets.sealed_value", "sealed"],
    ["222233334444", "a data key", "keys.data_key", "wrapped"],
  ] as const) {
    it(`makes nothing ACTIVE that does not open when it is read back, and lets nobody ask for it: ${what} damaged on the way`, async () => {
      await asOwner(`
        CREATE FUNCTION public.damage() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN NEW.${column} := set_bit(NEW.${column}, 300, 1 - get_bit(NEW.${column}, 300)); RETURN NEW; END $$;
        CREATE TRIGGER damage BEFORE INSERT ON ${table} FOR EACH ROW EXECUTE FUNCTION public.damage()`);
      await assert.rejects(vault.import(awsId), isCode("SEAL_BROKEN"));
      await asOwner(`DROP TRIGGER damage ON ${table}; DROP FUNCTION public.damage()`);
      assert.deepEqual(await states(awsId), ["STAGED", "STAGED"]);
      await assert.rejects(ask(awsId), isCode("NOT_FOUND"));
      await assert.rejects(vault.imports.resume(), isCode("SEAL_BROKEN"));
      assert.deepEqual(await states(awsId), ["STAGED", "STAGED"]);
    });
  }

  it("keeps what was committed and cut off before it counted, and resumes it", async () => {
    const other = await Vault.open();
    await other.found();
    await withClient(other.database.superuser, async (client) => {
      await client.query("REVOKE EXECUTE ON FUNCTION secrets.activate(text, text) FROM rootkeep_service");
      await assert.rejects(other.import("444455556666"));
      await client.query("GRANT EXECUTE ON FUNCTION secrets.activate(text, text) TO rootkeep_service");
    });
    const holder = await other.enrol("Rita Requester", ["requester"]);
    const approver = await other.enrol("Alan Approver", ["approver"]);
    assert.equal(await other.imports.resume(), 1);
    assert.equal(await other.imports.resume(), 0);
    const [account] = await other.accounts.list("", 10);
    const { grantId } = await other.grant(holder, [approver], account?.id as Id<"account">);
    assert.equal(await other.open(holder, grantId), "Tr0ub4dor-and-3-horses");
    await other.drop();
  });

  it("counts as burnt what was stored before a reopening and resumed after it; a seed is never seen", async () => {
    const other = await Vault.open();
    await other.found();
    await withClient(other.database.superuser, async (client) => {
      await client.query("REVOKE EXECUTE ON FUNCTION secrets.activate(text, text) FROM rootkeep_service");
      await assert.rejects(other.import("444455556666"));
      await client.query("GRANT EXECUTE ON FUNCTION secrets.activate(text, text) TO rootkeep_service");
    });
    // Stands for a log that was reopened behind everything: only its places are asked for.
    Object.defineProperty(other.log, "epochStarts", { configurable: true, get: () => [{ seq: 1_000_000 }] });
    assert.equal(await other.imports.resume(), 1);
    Reflect.deleteProperty(other.log, "epochStarts");
    const [account] = await other.accounts.list("", 10);
    const secrets = await other.secrets.ofAccount(account?.id as Id<"account">);
    assert.deepEqual(
      Object.fromEntries(secrets.map(({ kind, versions }) => [kind, versions.map(({ state, exposure }) => `${state} ${exposure}`)])),
      { "root-password": ["ACTIVE BURNT"], "mfa-seed": ["ACTIVE EXPOSED"] },
    );
    await other.drop();
  });

  it("gives the service no way to end, change or remove a version or its sealed bytes", async () => {
    const account = await vault.import("777788889999");
    await withClient(vault.database.connections.rootkeep_service, async (client) => {
      for (const sql of [
        "UPDATE secrets.secret_version SET state = 'DESTROYED'",
        "UPDATE secrets.secret_version SET sealed_sha256 = sealed_sha256",
        "DELETE FROM secrets.secret_version",
        "UPDATE secrets.sealed_value SET sealed = sealed",
        "DELETE FROM secrets.sealed_value",
        "DELETE FROM keys.data_key",
        "TRUNCATE secrets.sealed_value",
      ]) {
        await assert.rejects(client.query(sql), { code: "42501" }, sql);
      }
    });
    const { grantId } = await vault.grant(rita, [alan], account);
    assert.equal(await vault.open(rita, grantId), "Tr0ub4dor-and-3-horses");
  });
});
