import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { AuditReceipt } from "../../../src/audit/receipt.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import type { Id } from "../../../src/kernel/ids.js";
import { DataKeys } from "../../../src/keys/data-keys.service.js";
import { createRootKey } from "../../../src/keys/root-keys.service.js";
import { unusedCode, usedCode } from "../../support/act-code.js";
import { CountingRootKey } from "../../support/counting-root-key.js";
import { withClient } from "../../support/postgres.js";
import { type Actor, Vault } from "../../support/vault.js";

// real: PostgreSQL made to refuse the log, file root key behind a counter, every service. double: none.
describe("no plaintext before its audit entry is durable [L1]", () => {
  const directory = mkdtempSync(join(tmpdir(), "rootkeep-law-"));
  const rootKey = new CountingRootKey(createRootKey(`file:${join(directory, "root-key.json")}`));
  let vault: Vault;
  let rita: Actor;
  let alan: Actor;
  let account: Id<"account">;
  let grantId: Id<"grant">;

  const asOwner = async (sql: string): Promise<void> => {
    await withClient(vault.database.superuser, async (client) => {
      await client.query(sql);
    });
  };
  /** An opening that must fail for the log's sake, with the root key never asked. */
  const refused = async (): Promise<void> => {
    const unwraps = rootKey.unwraps;
    const opening = vault.reveals.reveal(rita, grantId, "root-password", await unusedCode(rita));
    await assert.rejects(opening, (error) => isRootkeepError(error, "AUDIT_UNAVAILABLE") || isRootkeepError(error, "UNAVAILABLE"));
    const code = vault.reveals.code(rita, grantId, await unusedCode(rita));
    await assert.rejects(code, (error) => isRootkeepError(error, "AUDIT_UNAVAILABLE") || isRootkeepError(error, "UNAVAILABLE"));
    assert.equal(rootKey.unwraps, unwraps);
  };

  before(async () => {
    vault = await Vault.open({ rootKey });
    await vault.found();
    rita = await vault.enrol("Rita Requester", ["requester"]);
    alan = await vault.enrol("Alan Approver", ["approver"]);
    account = await vault.import("111122223333");
    ({ grantId } = await vault.grant(rita, [alan], account));
  });
  after(async () => {
    await vault.drop();
    rmSync(directory, { recursive: true, force: true });
  });

  it("asks the root key for nothing while the service may not append", async () => {
    await asOwner("REVOKE EXECUTE ON FUNCTION audit.append(bigint, uuid[], bytea[], bytea[]) FROM rootkeep_service");
    await refused();
    await asOwner("GRANT EXECUTE ON FUNCTION audit.append(bigint, uuid[], bytea[], bytea[]) TO rootkeep_service");
  });

  it("asks the root key for nothing while a commit would not be durable", async () => {
    await asOwner(`ALTER FUNCTION audit.lock_head() SET synchronous_commit = off`);
    await refused();
    await asOwner("ALTER FUNCTION audit.lock_head() RESET synchronous_commit");
  });

  it("asks the root key for nothing while somebody else holds the log's lock", async () => {
    await withClient(vault.database.superuser, async (client) => {
      await client.query("BEGIN");
      await client.query("SELECT audit.lock_head()");
      const unwraps = rootKey.unwraps;
      const opening = vault.reveals.reveal(rita, grantId, "root-password", await unusedCode(rita));
      await assert.rejects(opening, (error) => isRootkeepError(error, "AUDIT_UNAVAILABLE"));
      assert.equal(rootKey.unwraps, unwraps);
      await client.query("ROLLBACK");
    });
  });

  it("sends nothing when the outcome cannot be written: the value counts as seen", async () => {
    // Of the two appends of an opening the first, the intent, passes.
    await asOwner(`
      CREATE FUNCTION public.only_intents() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN IF NEW.action = 'secret.reveal' AND NEW.outcome = 'allowed' THEN RAISE EXCEPTION 'no outcomes today'; END IF; RETURN NEW; END $$;
      CREATE TRIGGER only_intents BEFORE INSERT ON audit.entry FOR EACH ROW EXECUTE FUNCTION public.only_intents()`);
    const unwraps = rootKey.unwraps;
    const opening = vault.reveals.reveal(rita, grantId, "root-password", await unusedCode(rita));
    await assert.rejects(opening, (error) => isRootkeepError(error, "AUDIT_UNAVAILABLE"));
    usedCode(rita);
    assert.equal(rootKey.unwraps, unwraps + 1);
    await asOwner("DROP TRIGGER only_intents ON audit.entry");
    await assert.rejects(vault.open(rita, grantId), (error) => isRootkeepError(error, "GRANT_SPENT"));
    const views = await vault.secrets.ofAccount(account);
    assert.equal(views.find(({ kind }) => kind === "root-password")?.versions[0]?.exposure, "BURNT");
  });

  it("opens nothing with a receipt that is spent, of an outcome, of another act or of another version", async () => {
    const other = await vault.import("444455556666");
    const [secret] = (await vault.secrets.ofAccount(other)).filter(({ kind }) => kind === "root-password");
    const [version] = secret?.versions ?? [];
    assert.ok(secret !== undefined && version !== undefined);
    const [stored] = await vault.dataSource.query<{ data_key_id: string; sealed: Buffer }[]>(
      "SELECT v.data_key_id, s.sealed FROM secrets.secret_version v JOIN secrets.sealed_value s ON s.version_id = v.id WHERE v.id = $1",
      [version.id],
    );
    assert.ok(stored !== undefined);
    const dataKey = await new DataKeys().byId(vault.dataSource.manager, stored.data_key_id);
    const row = {
      accountId: other,
      awsAccountId: "444455556666",
      secretId: secret.id,
      kind: "root-password" as const,
      version: 1,
      versionId: version.id,
      dataKeyId: stored.data_key_id,
      personId: "",
      sealed: stored.sealed,
    };
    const facts = { seq: 1, leafHash: "", eventId: "", action: "secret.reveal", outcome: "intent", subjectId: version.id };
    const receipt = AuditReceipt.mint(facts);
    const unwraps = rootKey.unwraps;
    (await vault.keys.open(row, dataKey, receipt)).value.wipe();
    assert.equal(rootKey.unwraps, unwraps + 1, "the receipt of an intent opens");
    for (const [wrong, pattern] of [
      [receipt, /spent or forged/],
      [AuditReceipt.mint({ ...facts, outcome: "allowed" }), /no intent/],
      [AuditReceipt.mint({ ...facts, action: "secret.code" }), /another act/],
      [AuditReceipt.mint({ ...facts, subjectId: "ver_other" }), /another act/],
    ] as const) {
      await assert.rejects(vault.keys.open(row, dataKey, wrong), pattern);
    }
    assert.equal(rootKey.unwraps, unwraps + 1);
  });

  it("opens once the log takes entries again: the refusals were for the log", async () => {
    await vault.grants.giveBack(rita, grantId);
    const again = await vault.grant(rita, [alan], account, "account-password-change");
    assert.equal(await vault.open(rita, again.grantId), "Tr0ub4dor-and-3-horses");
  });
});
