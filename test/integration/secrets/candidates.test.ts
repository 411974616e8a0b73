import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type ErrorCode, isRootkeepError, RootkeepError } from "../../../src/kernel/errors.js";
import type { Id } from "../../../src/kernel/ids.js";
import type { CopyKeeper } from "../../../src/secrets/copy-keeper.port.js";
import { approve, ask, setPolicy } from "../../support/policies.js";
import { withClient } from "../../support/postgres.js";
import { type Actor, formOf, Vault } from "../../support/vault.js";

const refused = (code: ErrorCode) => (error: unknown) => isRootkeepError(error, code);

/** A second store that can be away, and notes what it keeps and in which state it was then. */
class Store implements CopyKeeper {
  readonly kept: Id<"version">[] = [];
  isAway = false;

  keep(versionId: Id<"version">): Promise<void> {
    if (this.isAway) return Promise.reject(new RootkeepError("UNAVAILABLE", { reason: "by test" }));
    this.kept.push(versionId);
    return Promise.resolve();
  }
}

// real: PostgreSQL, two replicas, file root key, every service. double: the second store, which can be away.
describe("a candidate", () => {
  const store = new Store();
  let vault: Vault;
  let replica: Vault;
  let rita: Actor;
  let hugo: Actor;
  let alan: Actor;
  let ada: Actor;
  let accounts = 0;

  before(async () => {
    vault = await Vault.open({ copies: store });
    [ada] = await vault.found();
    rita = await vault.enrol("Rita Requester", ["requester"]);
    hugo = await vault.enrol("Hugo Holder", ["requester"]);
    alan = await vault.enrol("Alan Approver", ["approver"]);
    replica = await Vault.open({ replicaOf: vault, copies: store });
  });
  after(async () => {
    await replica.close();
    await vault.drop();
  });

  const newAccount = async (): Promise<Id<"account">> => await vault.import(String(300_000_000_000 + accounts++));
  const passwords = async (account: Id<"account">, of = vault) =>
    (await of.secrets.ofAccount(account)).find(({ kind }) => kind === "root-password")?.versions ?? [];
  const states = async (account: Id<"account">, of = vault) => (await passwords(account, of)).map(({ state }) => state);
  const candidate = async (holder: Actor, grantId: Id<"grant">, of = vault): Promise<string> => {
    const { value } = await of.reveals.reveal(holder, grantId, "root-password", await holder.app.next(), null, "candidate");
    return value.expose((bytes) => bytes.toString("utf8"));
  };
  const asOwner = async (sql: string): Promise<void> => {
    await withClient(vault.database.superuser, async (client) => await client.query(sql));
  };

  it("is sealed, committed, read back and copied before it may be shown, and the log tells of it [VS-10]", async () => {
    const account = await newAccount();
    const { size } = await vault.reader.head();
    const { versionId, number } = await vault.candidates.stage(rita, account, "root-password");
    assert.equal(number, 2);
    assert.deepEqual(
      (await passwords(account)).map(({ state, exposure, isReady }) => [state, exposure, isReady]),
      [
        ["ACTIVE", "EXPOSED", false],
        ["STAGED", "CLEAN", true],
      ],
    );
    assert.deepEqual(store.kept.slice(-1), [versionId]);
    assert.deepEqual(
      (await vault.reader.entries(size, 9)).map(({ entry }) => [entry.action, entry.actor.type, entry.outcome]),
      [
        ["candidate.stage", "person", "committed"],
        ["secret.staged", "system", "committed"],
      ],
    );
    assert.equal(await vault.imports.resume(), 0);
    assert.deepEqual(await states(account), ["ACTIVE", "STAGED"]);
  });

  it("is one for eight calls at once on two replicas, and for every later one [I1]", async () => {
    const account = await newAccount();
    const calls = [vault, replica].flatMap((of) =>
      [rita, hugo, ada, rita].map((who) => of.candidates.stage(who, account, "root-password")),
    );
    const staged = await Promise.all(calls);
    const again = await vault.candidates.stage(hugo, account, "root-password");
    assert.deepEqual(new Set([...staged, again].map(({ versionId }) => versionId)).size, 1);
    assert.deepEqual(await states(account), ["ACTIVE", "STAGED"]);
  });

  it("is not shown, nor asked for, while the second store has not got it; staging again goes on with the same one [L5]", async () => {
    const account = await newAccount();
    store.isAway = true;
    await assert.rejects(vault.candidates.stage(rita, account, "root-password"), refused("UNAVAILABLE"));
    await assert.rejects(vault.candidates.stage(rita, account, "root-password"), refused("UNAVAILABLE"));
    const [, staged] = await passwords(account);
    assert.deepEqual([staged?.state, staged?.isReady], ["STAGED", false]);
    const form = { purpose: "rotate-scheduled" };
    await assert.rejects(ask(vault, rita, account, form), refused("CANDIDATE_REQUIRED"));
    store.isAway = false;
    assert.equal((await replica.candidates.stage(rita, account, "root-password")).versionId, staged?.id);
    await vault.requests.withdraw(rita, await ask(vault, rita, account, form), "asked in vain");
  });

  it("that does not open when it is read back is given up, and another one takes its place [L5]", async () => {
    const account = await newAccount();
    store.isAway = true;
    await assert.rejects(vault.candidates.stage(rita, account, "root-password"), refused("UNAVAILABLE"));
    store.isAway = false;
    const [, broken] = await passwords(account);
    await asOwner(`
      ALTER TABLE secrets.sealed_value DISABLE TRIGGER no_mutation;
      UPDATE secrets.sealed_value SET sealed = set_bit(sealed, 900, 1 - get_bit(sealed, 900)) WHERE version_id = '${broken?.id ?? ""}';
      ALTER TABLE secrets.sealed_value ENABLE ALWAYS TRIGGER no_mutation`);
    const { versionId, number } = await vault.candidates.stage(rita, account, "root-password");
    assert.notEqual(versionId, broken?.id);
    assert.equal(number, 3);
    assert.deepEqual(await states(account), ["ACTIVE", "ABANDONED", "STAGED"]);
  });

  it("is staged by those whose rights reach the account, and by custodians", async () => {
    const account = await newAccount();
    const else_ = await vault.enrol("Elsa Elsewhere", ["requester"], { kind: "customer", values: ["Globex"] });
    for (const who of [else_, alan])
      await assert.rejects(vault.candidates.stage(who, account, "root-password"), refused("NOT_ALLOWLISTED"));
    await vault.candidates.stage(ada, account, "root-password");
  });

  it("and the working password are granted as two versions, each opened once, and the candidate is APPLYING from then on [L4] [VS-11]", async () => {
    const account = await newAccount();
    await assert.rejects(ask(vault, rita, account, { purpose: "rotate-after-use" }), refused("CANDIDATE_REQUIRED"));
    const { grantId } = await vault.grant(rita, [alan], account, "rotate-after-use");
    const old = await vault.open(rita, grantId);
    const [fresh, raced] = await Promise.allSettled([candidate(rita, grantId), candidate(rita, grantId, replica)]);
    const values = [fresh, raced].flatMap((end) => (end.status === "fulfilled" ? [end.value] : []));
    assert.equal(values.length, 1);
    assert.match(values[0] ?? "", /^[!-~]{48}$/);
    assert.notEqual(values[0], old);
    assert.deepEqual(await states(account), ["ACTIVE", "APPLYING"]);
    await assert.rejects(candidate(rita, grantId), refused("GRANT_SPENT"));
    await assert.rejects(vault.open(rita, grantId), refused("GRANT_SPENT"));
    assert.deepEqual(
      (await passwords(account)).map(({ exposure }) => exposure),
      ["BURNT", "BURNT"],
    );
    // Nobody knows any more which one works, whether or not anybody has written it down.
    await vault.grants.giveBack(rita, grantId);
    assert.deepEqual(await states(account), ["ACTIVE", "AMBIGUOUS"]);
    await assert.rejects(vault.candidates.stage(rita, account, "root-password"), refused("STATE_CONFLICT"));
  });

  it("is shown again, also while the row still says APPLYING, under a later grant, and both go on being kept", async () => {
    const account = await newAccount();
    const first = await vault.grant(rita, [alan], account, "rotate-after-use");
    const shown = await candidate(rita, first.grantId);
    await vault.grants.giveBack(rita, first.grantId);
    const requestId = await ask(vault, hugo, account, { purpose: "rotate-after-use" });
    await approve(vault, alan, requestId);
    const { grantId } = await vault.requests.read(requestId);
    assert.equal(await candidate(hugo, grantId as Id<"grant">), shown);
    assert.equal(await vault.open(hugo, grantId as Id<"grant">), "Tr0ub4dor-and-3-horses");
    assert.deepEqual(await states(account, replica), ["ACTIVE", "AMBIGUOUS"]);
    await vault.grants.giveBack(hugo, grantId as Id<"grant">);
  });

  it("alone is granted for a recovery through the mailbox, where nobody knows the current one", async () => {
    const account = await newAccount();
    const { grantId } = await vault.grant(rita, [alan, await vault.enrol("Anna Approver", ["approver"])], account, "mailbox-recovery");
    await assert.rejects(vault.open(rita, grantId), refused("NOT_FOUND"));
    assert.match(await candidate(rita, grantId), /^[!-~]{48}$/);
    await vault.grants.giveBack(rita, grantId);
  });

  it("is not opened by a grant that does not name it, and no candidate is asked for where none is shown", async () => {
    const account = await newAccount();
    await vault.candidates.stage(rita, account, "root-password");
    const { grantId } = await vault.grant(rita, [alan], account);
    await assert.rejects(candidate(rita, grantId), refused("NOT_FOUND"));
    await vault.grants.giveBack(rita, grantId);
    const codes = formOf({
      operation: "secret.reveal",
      accountId: await newAccount(),
      purpose: "rotate-after-use",
      kinds: ["mfa-seed"],
      ticket: "INC-7",
    });
    await vault.requests.withdraw(rita, (await vault.requests.submit(rita, codes)).requestId, "asked in vain");
  });

  it("gives whoever was shown it no code of an account whose halves are split", async () => {
    const account = await newAccount();
    const { grantId } = await vault.grant(rita, [alan], account, "rotate-after-use");
    await candidate(rita, grantId);
    await vault.grants.giveBack(rita, grantId);
    await setPolicy(vault, "halves", { split: true });
    await assert.rejects(ask(vault, rita, account, { kinds: ["mfa-seed"] }), refused("POLICY_REFUSED"));
    await setPolicy(vault, "halves", null);
  });

  it("is not believed to be ready because its row says so [L11]", async () => {
    const account = await newAccount();
    store.isAway = true;
    await assert.rejects(vault.candidates.stage(rita, account, "root-password"), refused("UNAVAILABLE"));
    store.isAway = false;
    const [, staged] = await passwords(account);
    const id = staged?.id ?? "";
    await asOwner(`UPDATE secrets.secret_version SET ready = true WHERE id = '${id}'`);
    await assert.rejects(ask(vault, rita, account, { purpose: "rotate-scheduled" }), refused("ROW_REFUSED"));
    await asOwner(`UPDATE secrets.secret_version SET ready = false WHERE id = '${id}'`);
    await vault.candidates.stage(rita, account, "root-password");
  });
});
