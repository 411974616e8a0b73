import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { type ErrorCode, isRootkeepError } from "../../../src/kernel/errors.js";
import type { Id } from "../../../src/kernel/ids.js";
import type { CandidateReport } from "../../../src/secrets/secret-version.entity.js";
import { sweeperOf } from "../../fault/scene.js";
import { approve, ask } from "../../support/policies.js";
import { type Actor, formOf, Vault } from "../../support/vault.js";

const OLD = "Tr0ub4dor-and-3-horses";
const refused =
  (code: ErrorCode, rule?: RegExp) =>
  (error: unknown): boolean =>
    isRootkeepError(error, code) && (rule === undefined || rule.test(String(error.facts["rule"])));

// real: PostgreSQL, file root key, every service. double: the clock of the sweeper, an hour ahead.
describe("a candidate that was shown", () => {
  let vault: Vault;
  let rita: Actor;
  let vera: Actor;
  let alan: Actor;
  let both: Actor;
  let accounts = 0;

  before(async () => {
    vault = await Vault.open();
    await vault.found();
    rita = await vault.enrol("Rita Requester", ["requester"]);
    vera = await vault.enrol("Vera Verifier", ["requester"]);
    alan = await vault.enrol("Alan Approver", ["approver"]);
    both = await vault.enrol("Bo Both", ["requester", "approver"]);
  });
  after(() => vault.drop());

  const newAccount = async (): Promise<Id<"account">> => await vault.import(String(400_000_000_000 + accounts++));
  const versions = async (account: Id<"account">) =>
    (await vault.secrets.ofAccount(account)).find(({ kind }) => kind === "root-password")?.versions ?? [];
  const states = async (account: Id<"account">) => (await versions(account)).map(({ state }) => state);
  const candidate = async (holder: Actor, grantId: Id<"grant">): Promise<string> => {
    const { value } = await vault.reveals.reveal(holder, grantId, "root-password", await holder.app.next(), null, "candidate");
    return value.expose((bytes) => bytes.toString("utf8"));
  };
  const granted = async (who: Actor, account: Id<"account">, purpose: string): Promise<Id<"grant">> => {
    const requestId = await ask(vault, who, account, { purpose });
    await approve(vault, alan, requestId);
    return (await vault.requests.read(requestId)).grantId as Id<"grant">;
  };
  /** An account whose candidate `holder` was shown. */
  const shown = async (holder = rita) => {
    const account = await newAccount();
    const { versionId } = await vault.candidates.stage(holder, account, "root-password");
    const grantId = await granted(holder, account, "rotate-after-use");
    return { account, versionId, grantId, value: await candidate(holder, grantId) };
  };
  /** The same, reported and returned. */
  const inDoubt = async (holder = rita, report: CandidateReport = "applied") => {
    const there = await shown(holder);
    await vault.reports.report(holder, there.versionId, report);
    await vault.grants.giveBack(holder, there.grantId);
    return there;
  };
  /** Vera signs in with it. @returns the evidence of that. */
  const verified = async ({ account }: { account: Id<"account"> }, who = vera) => {
    const grantId = await granted(who, account, "rotate-verify");
    await candidate(who, grantId);
    await vault.grants.giveBack(who, grantId);
    return { kind: "sign-in", personId: who.personId, at: new Date().toISOString() };
  };
  const cloudtrail = () => ({ kind: "cloudtrail", eventIds: [randomUUID(), randomUUID()] });
  const submit = async (who: Actor, versionId: Id<"version">, verdict: string, evidence: object) =>
    (await vault.requests.submit(who, formOf({ operation: "candidate.settle", subject: { versionId, verdict, evidence } }))).requestId;
  const settle = async (versionId: Id<"version">, verdict: string, evidence: object, who = vera, by = alan) =>
    await approve(vault, by, await submit(who, versionId, verdict, evidence));

  it("is in doubt whatever its holder reports, and both values stay open to who verifies [VS-11] [VS-12]", async () => {
    for (const report of ["applied", "not-applied", "unknown"] as const) {
      const { account, versionId, grantId, value } = await shown();
      assert.deepEqual(await states(account), ["ACTIVE", "APPLYING"]);
      await assert.rejects(vault.reports.report(vera, versionId, report), refused("NOT_FOUND"));
      assert.equal((await vault.reports.report(rita, versionId, report)).state, "AMBIGUOUS");
      // Reported is not finished: what the grant names is still the holder's to open, once.
      assert.equal(await vault.open(rita, grantId), OLD);
      await assert.rejects(candidate(rita, grantId), refused("GRANT_SPENT"));
      await vault.grants.giveBack(rita, grantId);
      const [, there] = await versions(account);
      assert.deepEqual([there?.state, there?.report], ["AMBIGUOUS", report]);
      await assert.rejects(granted(rita, account, "rotate-verify"), refused("POLICY_REFUSED", /does not verify/));
      const second = await granted(vera, account, "rotate-verify");
      assert.equal(await candidate(vera, second), value);
      assert.equal(await vault.open(vera, second), OLD);
      await vault.grants.giveBack(vera, second);
    }
  });

  it("is in doubt without a report, once nobody holds its grant any more, and the sweeper writes it down", async () => {
    const { account, grantId } = await shown();
    await vault.grants.giveBack(rita, grantId);
    assert.deepEqual(await states(account), ["ACTIVE", "AMBIGUOUS"]);
    const { size } = await vault.reader.head();
    await sweeperOf(vault).sweep();
    const doubted = (await vault.reader.entries(size, 99)).filter(({ entry }) => entry.action === "candidate.doubted");
    assert.equal(doubted.length, 1);
    await sweeperOf(vault).sweep();
    assert.deepEqual(await states(account), ["ACTIVE", "AMBIGUOUS"]);
  });

  it("was not shown: then there is nothing to verify", async () => {
    const account = await newAccount();
    await vault.candidates.stage(rita, account, "root-password");
    await assert.rejects(granted(vera, account, "rotate-verify"), refused("STATE_CONFLICT", /in doubt/));
  });

  it("becomes the working one by evidence of two who were not to set it; it is healed, and its predecessor stays [I4] [VS-12]", async () => {
    const there = await inDoubt();
    const { account, versionId, value } = there;
    const evidence = await verified(there);
    const { size } = await vault.reader.head();
    assert.deepEqual(await settle(versionId, "works", evidence).then(({ state }) => state), "CLOSED");
    assert.deepEqual(
      (await versions(account)).map(({ state, exposure }) => [state, exposure]),
      [
        ["SUPERSEDED", "EXPOSED"],
        ["ACTIVE", "EXPOSED"],
      ],
    );
    const entry = (await vault.reader.entries(size, 9))
      .map((read) => read.entry as never as Record<string, unknown>)
      .find(({ action }) => action === "candidate.settle");
    const [old] = await versions(account);
    const details = entry?.["details"] as Record<string, unknown>;
    assert.deepEqual(
      [details["verdict"], details["evidence"], details["superseded"], details["approvedBy"]],
      ["works", { ...evidence }, old?.id, alan.personId],
    );
    // Healed: any purpose opens it, and only then it is burnt again.
    const grantId = await granted(vera, account, "billing-root-only");
    assert.equal(await vault.open(vera, grantId), value);
    await vault.grants.giveBack(vera, grantId);
    await assert.rejects(ask(vault, vera, account), refused("BURNT"));
    // And the next rotation begins anew.
    assert.equal((await vault.candidates.stage(rita, account, "root-password")).number, 3);
  });

  it("is settled neither by whoever was to set it nor with their approval, nor by one alone [L2]", async () => {
    const there = await inDoubt(both);
    const { versionId } = there;
    await assert.rejects(submit(both, versionId, "works", cloudtrail()), refused("SELF_APPROVAL"));
    const requestId = await submit(vera, versionId, "works", cloudtrail());
    await assert.rejects(approve(vault, both, requestId), refused("SELF_APPROVAL"));
    await vault.requests.withdraw(vera, requestId, "asked in vain");
    // Of several that were to set it none decides, whoever was the last.
    const again = await granted(rita, there.account, "rotate-after-use");
    await candidate(rita, again);
    await vault.grants.giveBack(rita, again);
    await assert.rejects(submit(both, versionId, "works", cloudtrail()), refused("SELF_APPROVAL"));
    const second = await submit(vera, versionId, "works", cloudtrail());
    await assert.rejects(approve(vault, both, second), refused("SELF_APPROVAL"));
    await vault.requests.withdraw(vera, second, "asked in vain");
    const own = await inDoubt(rita);
    const byBoth = await submit(both, own.versionId, "works", cloudtrail());
    await assert.rejects(approve(vault, both, byBoth), refused("SELF_APPROVAL"));
    assert.equal((await approve(vault, alan, byBoth)).state, "CLOSED");
  });

  it("is not believed to work by a sign-in of somebody who never saw it, nor of whoever set it, nor one of another time", async () => {
    const { versionId } = await inDoubt();
    const at = new Date().toISOString();
    const signIn = (personId: string, when = at) => submit(vera, versionId, "works", { kind: "sign-in", personId, at: when });
    await assert.rejects(signIn(vera.personId), refused("STATE_CONFLICT", /was shown the candidate/));
    await assert.rejects(signIn(rita.personId), refused("STATE_CONFLICT", /somebody else/));
    await assert.rejects(signIn(vera.personId, "2020-01-01T00:00:00Z"), refused("STATE_CONFLICT", /between/));
    await assert.rejects(signIn(vera.personId, "2999-01-01T00:00:00Z"), refused("STATE_CONFLICT", /between/));
    for (const evidence of [
      {},
      { kind: "sign-in" },
      { kind: "cloudtrail", eventIds: ["x"] },
      { kind: "cloudtrail", eventIds: [] },
      { kind: "word" },
    ])
      await assert.rejects(submit(vera, versionId, "works", evidence), refused("MALFORMED"));
    await assert.rejects(submit(vera, versionId, "works", { kind: "never-shown" }), refused("STATE_CONFLICT", /never-shown/));
  });

  it("is not settled while somebody holds a grant that names it [I5]", async () => {
    const { account, versionId, grantId } = await shown();
    await vault.reports.report(rita, versionId, "not-applied");
    await assert.rejects(submit(vera, versionId, "does-not-work", cloudtrail()), refused("STATE_CONFLICT", /checked out/));
    await vault.grants.giveBack(rita, grantId);
    const requestId = await submit(vera, versionId, "does-not-work", cloudtrail());
    // Somebody who takes it up again before the verdict is approved holds it up.
    const again = await granted(rita, account, "rotate-after-use");
    await assert.rejects(approve(vault, alan, requestId), refused("STATE_CONFLICT", /checked out/));
    await vault.grants.giveBack(rita, again);
    assert.equal((await approve(vault, alan, requestId)).state, "CLOSED");
  });

  it("that does not work is given up, keeps its bytes, and comes back into doubt by late evidence, until something newer is staged [VS-12]", async () => {
    const there = await inDoubt(rita, "unknown");
    const { account, versionId, value } = there;
    await settle(versionId, "does-not-work", cloudtrail());
    assert.deepEqual(await states(account), ["ACTIVE", "ABANDONED"]);
    await assert.rejects(vault.reports.report(rita, versionId, "applied"), refused("STATE_CONFLICT"));
    await settle(versionId, "may-work", cloudtrail());
    assert.deepEqual(await states(account), ["ACTIVE", "AMBIGUOUS"]);
    await settle(versionId, "works", await verified(there));
    assert.deepEqual(await states(account), ["SUPERSEDED", "ACTIVE"]);
    const grantId = await granted(vera, account, "billing-root-only");
    assert.equal(await vault.open(vera, grantId), value);
    await vault.grants.giveBack(vera, grantId);

    const other = await inDoubt();
    await settle(other.versionId, "does-not-work", cloudtrail());
    const late = await submit(vera, other.versionId, "may-work", cloudtrail());
    await vault.candidates.stage(rita, other.account, "root-password");
    await assert.rejects(approve(vault, alan, late), refused("STATE_CONFLICT", /newer/));
    await assert.rejects(submit(vera, other.versionId, "may-work", cloudtrail()), refused("STATE_CONFLICT", /newer/));
    assert.deepEqual(await states(other.account), ["ACTIVE", "ABANDONED", "STAGED"]);
    // What nobody was shown can be given up to make room.
    const [, , staged] = await versions(other.account);
    await settle(staged?.id as Id<"version">, "does-not-work", { kind: "never-shown" });
    assert.equal((await approve(vault, alan, late)).state, "CLOSED");
    assert.deepEqual(await states(other.account), ["ACTIVE", "AMBIGUOUS", "ABANDONED"]);
  });

  it("is settled once: of two approved verdicts the second finds it settled", async () => {
    const { account, versionId } = await inDoubt();
    const works = await submit(vera, versionId, "works", cloudtrail());
    const not = await submit(vera, versionId, "does-not-work", cloudtrail());
    const [one, other] = await Promise.allSettled([approve(vault, alan, works), approve(vault, both, not)]);
    assert.deepEqual([one.status, other.status].sort(), ["fulfilled", "rejected"]);
    assert.ok([["ACTIVE", "ABANDONED"].join(), ["SUPERSEDED", "ACTIVE"].join()].includes((await states(account)).join()));
  });

  it("may have been shown in the part of the log that a reopening lost: then it is in doubt [VS-11]", async () => {
    const account = await newAccount();
    await vault.candidates.stage(rita, account, "root-password");
    Object.defineProperty(vault.log, "epochStarts", { configurable: true, get: () => [{ seq: 1_000_000 }] });
    assert.deepEqual(await states(account), ["ACTIVE", "AMBIGUOUS"]);
    Reflect.deleteProperty(vault.log, "epochStarts");
    assert.deepEqual(await states(account), ["ACTIVE", "STAGED"]);
  });
});
