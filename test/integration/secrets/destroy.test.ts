// real: PostgreSQL, the log, the keys, the engine, an age recipient of the escrow quorum. double: hand-back, of which only the last step is there.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { parseCanonical } from "../../../src/audit/canonical-json.js";
import { type DestructionBody, destructionHash, parseDestruction } from "../../../src/audit/destruction.js";
import { entryExtras, parseEntry } from "../../../src/audit/entry.js";
import { isRootkeepError, type RootkeepError } from "../../../src/kernel/errors.js";
import type { Id } from "../../../src/kernel/ids.js";
import { DatabaseOwner } from "../../support/database-owner.js";
import { approve, ask } from "../../support/policies.js";
import { withClient } from "../../support/postgres.js";
import { putInState, release } from "../../support/released.js";
import { type Actor, formOf, Vault } from "../../support/vault.js";

const RECIPIENT = "age1zwlyl6h27gzv0lfntr7fcqrjrzqazap8sy5zylkxwneh7llf0dksu37mwt";

const code = (wanted: string) => (error: unknown) => isRootkeepError(error, wanted as RootkeepError["code"]);

describe("the keys of an account are destroyed", () => {
  let vault: Vault;
  let rita: Actor;
  let alan: Actor;
  let ada: Actor;
  let ben: Actor;
  before(async () => {
    vault = await Vault.open({ backupHorizonDays: 35, escrowRecipient: RECIPIENT });
    [ada, ben] = await vault.found();
    rita = await vault.enrol("Rita Requester", ["requester"]);
    alan = await vault.enrol("Alan Approver", ["approver"]);
  });
  after(() => vault.drop());

  const sql = async <T>(text: string, values: unknown[] = []): Promise<T[]> =>
    await withClient(vault.database.superuser, async (client) => (await client.query(text, values)).rows as T[]);
  const asService = (text: string, values: unknown[] = []): Promise<unknown> =>
    withClient(vault.database.connections.rootkeep_service, (client) => client.query(text, values));

  async function ended(awsId: string): Promise<Id<"account">> {
    const accountId = await vault.import(awsId);
    await release(vault.transactions, accountId);
    return accountId;
  }
  const askDestruction = async (accountId: string): Promise<Id<"request">> =>
    (await vault.requests.submit(ada, formOf({ operation: "account.destroy", subject: { accountId } }))).requestId;
  const keptOf = (accountId: string) =>
    sql<{ wraps: string; escrow: string; sealed: string; states: string[] }>(
      `SELECT (SELECT count(*) FROM keys.data_key WHERE account_id = $1 AND wrapped IS NOT NULL) AS wraps,
              (SELECT count(*) FROM keys.escrow_wrap w JOIN keys.data_key k ON k.id = w.data_key_id WHERE k.account_id = $1) AS escrow,
              (SELECT count(*) FROM secrets.sealed_value b JOIN secrets.secret_version v ON v.id = b.version_id
               JOIN secrets.secret s ON s.id = v.secret_id WHERE s.account_id = $1) AS sealed,
              (SELECT array_agg(v.state) FROM secrets.secret_version v JOIN secrets.secret s ON s.id = v.secret_id WHERE s.account_id = $1) AS states`,
      [accountId],
    ).then(([row]) => row);
  const WHOLE = { wraps: "2", escrow: "2", sealed: "2", states: ["ACTIVE", "ACTIVE"] };
  const GONE = { wraps: "0", escrow: "0", sealed: "0", states: ["DESTROYED", "DESTROYED"] };

  it("not while the account is one that we hold, nor while it is checked out; and not by one person (L5, L2)", async () => {
    const accountId = await vault.import("100000000001");
    await assert.rejects(askDestruction(accountId), code("STATE_CONFLICT"));
    const other = await ended("100000000002");
    const asked = await askDestruction(other);
    await assert.rejects(approve(vault, ada, asked), code("SELF_APPROVAL"));
    await assert.rejects(approve(vault, alan, asked), code("NOT_ALLOWLISTED"));
    // As if a grant had outlived the hand-back.
    await putInState(vault.transactions, other, "active");
    const held = await vault.grant(rita, [alan], other);
    await release(vault.transactions, other);
    await assert.rejects(askDestruction(other), code("CHECKED_OUT"));
    await assert.rejects(approve(vault, ben, asked), code("CHECKED_OUT"));
    await vault.grants.giveBack(rita, held.grantId);
    assert.deepEqual(await keptOf(other), WHOLE);
    await approve(vault, ben, asked);
    assert.deepEqual(await keptOf(other), GONE);
  });

  it("with every wrap and every sealed byte, as the request named them, and others keep theirs", async () => {
    const [accountId, neighbour] = [await ended("100000000003"), await ended("100000000004")];
    const requestId = await askDestruction(accountId);
    const { body } = await vault.requests.read(requestId);
    const { keys, versions } = body.subject as unknown as Pick<DestructionBody, "keys" | "versions">;
    const rows = await sql<{ id: string; sha: string }>(
      `SELECT v.id, encode(sha256(b.sealed), 'hex') AS sha FROM secrets.sealed_value b JOIN secrets.secret_version v ON v.id = b.version_id
       JOIN secrets.secret s ON s.id = v.secret_id WHERE s.account_id = $1 ORDER BY v.id`,
      [accountId],
    );
    assert.deepEqual(
      versions.map(({ id, sealedSha256 }) => ({ id, sha: sealedSha256 })),
      rows,
    );
    await approve(vault, ben, requestId);
    assert.deepEqual([await keptOf(accountId), await keptOf(neighbour)], [GONE, WHOLE]);
    const [entry] = await sql<{ entry: Buffer; body: string }>(
      "SELECT e.entry, d.body FROM secrets.destruction d JOIN audit.entry e ON e.seq = d.seq WHERE d.id = $1",
      [accountId],
    );
    const said = parseEntry(entry?.entry ?? Buffer.alloc(0));
    const certified = parseDestruction(parseCanonical(Buffer.from(entry?.body ?? "", "utf8")));
    const { details, rows: listed } = entryExtras(said);
    assert.equal(said.action, "account.destroyed");
    assert.equal(details?.["certificate"], destructionHash(certified));
    assert.deepEqual(
      details["keys"],
      keys.map(({ id }) => id),
    );
    assert.deepEqual([...listed].sort(), [`destruction/${accountId}`, ...versions.map(({ id }) => `secret_version/${id}`)].sort());
    assert.deepEqual([certified.keys, certified.versions], [keys, versions]);
    assert.ok(keys.every(({ isEscrowed }) => isEscrowed));
    const { destroyedAt, backups } = certified;
    const until = new Date(Date.parse(destroyedAt) + 35 * 86_400_000).toISOString();
    assert.deepEqual(backups, { horizonDays: 35, until, isRootKeyShared: true });
    assert.equal(await vault.watchRows(), 0);
  });

  it("and nothing of it is opened, asked for, or destroyed again", async () => {
    const accountId = await vault.import("100000000005");
    const held = await vault.grant(rita, [alan], accountId);
    await vault.grants.giveBack(rita, held.grantId);
    const waiting = await ask(vault, rita, accountId);
    await release(vault.transactions, accountId);
    const [one, two] = [await askDestruction(accountId), await askDestruction(accountId)];
    await approve(vault, ben, one);
    const seq = vault.log.newestSeq(`destruction/${accountId}`);
    await assert.rejects(vault.open(rita, held.grantId), (error) => isRootkeepError(error, "DESTROYED") && error.facts["seq"] === seq);
    await assert.rejects(ask(vault, rita, accountId), code("DESTROYED"));
    await assert.rejects(approve(vault, alan, waiting), code("STATE_CONFLICT"));
    await assert.rejects(vault.candidates.stage(rita, accountId, "root-password"), code("STATE_CONFLICT"));
    // Also where a row says that the account is in use.
    await putInState(vault.transactions, accountId, "active");
    await assert.rejects(approve(vault, alan, waiting), code("DESTROYED"));
    await assert.rejects(ask(vault, rita, accountId), code("DESTROYED"));
    await assert.rejects(vault.candidates.stage(rita, accountId, "root-password"), code("DESTROYED"));
    await assert.rejects(approve(vault, ben, two), code("DESTROYED"));
    await assert.rejects(askDestruction(accountId), code("DESTROYED"));
    assert.deepEqual(await keptOf(accountId), GONE);
  });

  it("only as an entry says: the service's role can do it by nothing else, and the owner by no UPDATE [VS-14]", async () => {
    const accountId = await ended("100000000006");
    const size = vault.log.knownSize();
    for (const seq of [0, size - 1, size, -1]) {
      await assert.rejects(asService("SELECT secrets.destroy($1)", [seq]), { code: "42501" }, String(seq));
    }
    const destroyed = await ended("100000000007");
    await approve(vault, ben, await askDestruction(destroyed));
    const seq = vault.log.newestSeq(`destruction/${destroyed}`);
    for (const statement of [
      `UPDATE keys.data_key SET state = 'DESTROYED', wrapped = NULL, destroyed_seq = ${String(seq)} WHERE account_id = '${accountId}'`,
      `UPDATE keys.data_key SET wrapped = '\\x00' WHERE account_id = '${accountId}'`,
      "DELETE FROM keys.data_key",
      `DELETE FROM keys.escrow_wrap w USING keys.data_key k WHERE k.id = w.data_key_id AND k.account_id = '${accountId}'`,
      "DELETE FROM secrets.sealed_value",
      "UPDATE secrets.destruction SET body = '{}'",
      "DELETE FROM secrets.destruction",
    ]) {
      const asOwner = withClient(vault.database.connections.rootkeep_migrate, (client) => client.query(statement));
      await assert.rejects(asOwner, { code: "42501" }, statement);
      await assert.rejects(asService(statement), { code: "42501" }, statement);
    }
    assert.deepEqual(await keptOf(accountId), WHOLE);
  });

  it("at once with an opening that outlived the hand-back: that is refused before anything of it is spent", async () => {
    for (let round = 0; round < 4; round++) {
      const accountId = await vault.import(`10000000001${String(round)}`);
      const { grantId } = await vault.grant(rita, [alan], accountId);
      await release(vault.transactions, accountId);
      const [opened, gone] = await Promise.allSettled([
        vault.open(rita, grantId),
        vault.grants.giveBack(rita, grantId).then(async () => {
          await approve(vault, ben, await askDestruction(accountId));
        }),
      ]);
      assert.equal(gone.status, "fulfilled", String((gone as PromiseRejectedResult).reason));
      assert.equal(opened.status, "rejected");
      assert.ok(["DESTROYED", "STATE_CONFLICT", "APPROVAL_EXPIRED"].includes((opened.reason as RootkeepError).code), String(opened.reason));
      assert.equal((await vault.grants.read(grantId)).openings, "{}");
      assert.deepEqual(await keptOf(accountId), GONE);
    }
    assert.equal(await vault.watchRows(), 0);
  });
});

describe("an edited row causes no destruction (L11)", () => {
  let vault: Vault;
  let owner: DatabaseOwner;
  let ada: Actor;
  let ben: Actor;
  let accountId: Id<"account">;
  let other: Id<"account">;
  before(async () => {
    vault = await Vault.open();
    [ada, ben] = await vault.found();
    accountId = await vault.import("200000000001");
    other = await vault.import("200000000002");
    owner = await DatabaseOwner.take(vault.database);
  });
  after(async () => {
    await owner.close();
    await vault.drop();
  });

  /** Edits, asks for the destruction, and puts the table back. */
  async function refusedBy(table: string, edit: string, wanted: RegExp): Promise<void> {
    const copy = await owner.copy(table);
    await owner.run(edit);
    const asked = vault.requests.submit(ada, formOf({ operation: "account.destroy", subject: { accountId } }));
    await assert.rejects(asked, (error) => isRootkeepError(error, "ROW_REFUSED") && wanted.test(String(error.facts["row"])), edit);
    await copy.putBack();
  }

  it("of the account's state", async () => {
    await refusedBy("accounts.account", `UPDATE accounts.account SET state = 'released' WHERE id = '${accountId}'`, /^account\//);
    await release(vault.transactions, accountId);
  });

  it("that gives the account somebody else's data key, or takes one of its own away", async () => {
    await refusedBy("keys.data_key", `UPDATE keys.data_key SET account_id = '${accountId}' WHERE account_id = '${other}'`, /^data_key\//);
    const take = `UPDATE keys.data_key SET account_id = '${other}' WHERE account_id = '${accountId}' AND domain = 'mfa'`;
    await refusedBy("keys.data_key", take, /^data_key\//);
    await refusedBy("keys.data_key", `DELETE FROM keys.data_key WHERE account_id = '${accountId}'`, /^data_key\//);
  });

  it("that hides a version, so that it would be left, or hands over somebody else's", async () => {
    const ofAccount = (id: string) => `(SELECT id FROM secrets.secret WHERE account_id = '${id}')`;
    const hide = `UPDATE secrets.secret_version SET secret_id = 'sec_hidden' WHERE secret_id IN ${ofAccount(accountId)}`;
    await refusedBy("secrets.secret_version", hide, /^secret_version\//);
    await refusedBy(
      "secrets.secret_version",
      `DELETE FROM secrets.secret_version WHERE secret_id IN ${ofAccount(accountId)}`,
      /^secret_version\//,
    );
    const name = `UPDATE secrets.secret_version SET data_key_id = (SELECT data_key_id FROM secrets.secret_version
      WHERE secret_id IN ${ofAccount(accountId)} LIMIT 1) WHERE secret_id IN ${ofAccount(other)}`;
    await refusedBy("secrets.secret_version", name, /^secret_version\//);
    await refusedBy("secrets.secret", `UPDATE secrets.secret SET account_id = '${accountId}' WHERE account_id = '${other}'`, /^secret\//);
  });

  it("after it was asked for: what would go is no longer what was approved (L3)", async () => {
    const { requestId } = await vault.requests.submit(ada, formOf({ operation: "account.destroy", subject: { accountId } }));
    const copy = await owner.copy("keys.escrow_wrap", "true", "data_key_id");
    await owner.run(`INSERT INTO keys.escrow_wrap (data_key_id, recipient, wrapped, mac)
      SELECT id, '${RECIPIENT}', '\\x00', '' FROM keys.data_key WHERE account_id = '${accountId}'`);
    await assert.rejects(approve(vault, ben, requestId), code("STATE_CONFLICT"));
    await copy.putBack();
  });

  it("and put back it is destroyed, and the other account is whole", async () => {
    await vault.decide({ operation: "account.destroy", subject: { accountId } });
    const wraps = await owner.rows("SELECT account_id FROM keys.data_key WHERE wrapped IS NOT NULL AND account_id IS NOT NULL");
    assert.deepEqual(wraps, [{ account_id: other }, { account_id: other }]);
  });
});
