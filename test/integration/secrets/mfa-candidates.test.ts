import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type ErrorCode, isRootkeepError } from "../../../src/kernel/errors.js";
import type { Id } from "../../../src/kernel/ids.js";
import { Secret } from "../../../src/kernel/secret.js";
import { totpAt } from "../../../src/keys/totp.js";
import { approve, ask } from "../../support/policies.js";
import { type Actor, formOf, Vault } from "../../support/vault.js";

const refused = (code: ErrorCode, rule?: RegExp) => (error: unknown) =>
  isRootkeepError(error, code) && (rule === undefined || rule.test(String(error.facts["rule"])));
/** Of the imported account, and of its new device. */
const OLD_SEED = Buffer.from("12345678901234567890");
const NEW_SEED = Buffer.from("abcdefghijklmnopqrst");
const newSeed = (): Secret<Buffer> => Secret.of(Buffer.from(NEW_SEED));

// real: PostgreSQL, file root key, every service, the clock of the codes. double: none.
describe("the seed of a new MFA device", () => {
  let vault: Vault;
  let rita: Actor;
  let vera: Actor;
  let alan: Actor;
  let anna: Actor;
  let account: Id<"account">;

  before(async () => {
    vault = await Vault.open();
    await vault.found();
    rita = await vault.enrol("Rita Requester", ["requester"]);
    vera = await vault.enrol("Vera Verifier", ["requester"]);
    alan = await vault.enrol("Alan Approver", ["approver"]);
    anna = await vault.enrol("Anna Approver", ["approver"]);
    account = await vault.import("600000000001");
  });
  after(() => vault.drop());

  const states = async (): Promise<string[]> =>
    ((await vault.secrets.ofAccount(account)).find(({ kind }) => kind === "mfa-seed")?.versions ?? []).map(({ state }) => state);
  const granted = async (who: Actor, purpose: string, kinds: readonly string[]): Promise<Id<"grant">> => {
    const requestId = await ask(vault, who, account, { purpose, kinds });
    await approve(vault, alan, requestId);
    if (purpose === "rotate-mfa") await approve(vault, anna, requestId);
    return (await vault.requests.read(requestId)).grantId as Id<"grant">;
  };
  const code = async (who: Actor, grantId: Id<"grant">, which: "current" | "candidate"): Promise<string> => {
    const { value } = await vault.reveals.code(who, grantId, await who.app.next(), null, which);
    return value.expose((bytes) => bytes.toString("ascii"));
  };
  const isCodeOf = (seed: Buffer, given: string): boolean => {
    const now = Date.now() / 1000;
    return [now - 30, now].some((seconds) => totpAt(seed, seconds) === given);
  };

  it("is staged beside the old one, and a second one is not taken for it", async () => {
    await assert.rejects(ask(vault, rita, account, { purpose: "rotate-mfa" }), refused("CANDIDATE_REQUIRED"));
    const { number } = await vault.candidates.stage(rita, account, "mfa-seed", newSeed());
    assert.equal(number, 2);
    assert.deepEqual(await states(), ["ACTIVE", "STAGED"]);
    await assert.rejects(vault.candidates.stage(rita, account, "mfa-seed", newSeed()), refused("STATE_CONFLICT", /staged already/));
  });

  it("gives two codes in a row for the enrolment, each in its own step, while the old device goes on giving codes", async () => {
    const grantId = await granted(rita, "rotate-mfa", ["mfa-seed"]);
    await assert.rejects(vault.reveals.reveal(rita, grantId, "mfa-seed", await rita.app.next(), null, "candidate"), refused("NOT_FOUND"));
    assert.ok(isCodeOf(OLD_SEED, await code(rita, grantId, "current")));
    const first = await code(rita, grantId, "candidate");
    assert.ok(isCodeOf(NEW_SEED, first));
    assert.deepEqual(await states(), ["ACTIVE", "APPLYING"]);
    await assert.rejects(code(rita, grantId, "candidate"), refused("CODE_WAIT"));
    await sleep(30_000 - (Date.now() % 30_000) + 300);
    const second = await code(rita, grantId, "candidate");
    assert.ok(isCodeOf(NEW_SEED, second) && second !== first);
    await vault.grants.giveBack(rita, grantId);
    assert.deepEqual(await states(), ["ACTIVE", "AMBIGUOUS"]);
  });

  it("is verified by somebody else's sign-in and takes the place of the old one", async () => {
    await assert.rejects(granted(rita, "rotate-verify", ["mfa-seed"]), refused("POLICY_REFUSED", /does not verify/));
    const grantId = await granted(vera, "rotate-verify", ["mfa-seed"]);
    await sleep(30_000 - (Date.now() % 30_000) + 300);
    assert.ok(isCodeOf(NEW_SEED, await code(vera, grantId, "candidate")));
    await vault.grants.giveBack(vera, grantId);
    const version = (await vault.secrets.ofAccount(account)).find(({ kind }) => kind === "mfa-seed")?.versions[1];
    const evidence = { kind: "sign-in", personId: vera.personId, at: new Date().toISOString() };
    const subject = { versionId: version?.id, verdict: "works", evidence };
    const { requestId } = await vault.requests.submit(vera, formOf({ operation: "candidate.settle", subject }));
    await approve(vault, alan, requestId);
    assert.deepEqual(await states(), ["SUPERSEDED", "ACTIVE"]);
  });
});
