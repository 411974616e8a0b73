import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type ErrorCode, isRootkeepError, RootkeepError } from "../../src/kernel/errors.js";
import type { Id } from "../../src/kernel/ids.js";
import { KmsDouble } from "../support/kms-double.js";
import { Vault } from "../support/vault.js";
import { FaultyRootKey } from "./faulty-root-key.js";
import { awsIdOf, Closing, csvOf, Scene, sweeperOf } from "./scene.js";
import { IS_FULL, tally } from "./tally.js";

/** What is wrong with the root key, and what the caller hears. */
interface Trouble {
  readonly name: string;
  readonly code: ErrorCode;
  readonly begin: (kms: KmsDouble) => void;
  readonly isFullOnly?: boolean;
}

const TROUBLES: readonly Trouble[] = [
  { name: "refuses us", code: "KEY_UNAVAILABLE", begin: (kms) => Object.assign(kms, { isDenied: true }) },
  { name: "is disabled", code: "KEY_DISABLED", begin: (kms) => Object.assign(kms, { keyState: "Disabled" }) },
  { name: "is about to be deleted", code: "KEY_DISABLED", begin: (kms) => Object.assign(kms, { keyState: "PendingDeletion" }) },
  { name: "cannot be reached", code: "KEY_UNAVAILABLE", begin: (kms) => Object.assign(kms, { isDead: true }), isFullOnly: true },
  { name: "does not answer in time", code: "KEY_UNAVAILABLE", begin: (kms) => Object.assign(kms, { latencyMs: 30_000 }), isFullOnly: true },
  { name: "answers in another key's name", code: "SEAL_BROKEN", begin: (kms) => Object.assign(kms, { answersForAnother: true }) },
  { name: "has a clock that is 61 s behind", code: "CLOCK_SKEW", begin: (kms) => Object.assign(kms, { clockSkewMs: -62_000 }) },
];

// real: PostgreSQL, the AWS KMS adapter and SDK, every service. double: KMS over HTTP.
describe("a bad day of the root key [L1, L4]", () => {
  const closing = new Closing();
  let scene: Scene;
  let kms: KmsDouble;
  let rootKey: FaultyRootKey;
  const troubles = TROUBLES.filter(({ isFullOnly }) => IS_FULL || isFullOnly !== true);

  before(async () => {
    kms = await KmsDouble.start();
    closing.add(() => kms.stop());
    rootKey = new FaultyRootKey(kms.rootKey());
    scene = await Scene.open({ accounts: troubles.length + 4, vault: { rootKey } });
    closing.add(() => scene.drop());
  });
  after(() => closing.close());

  function heal(): void {
    Object.assign(kms, { isDenied: false, keyState: "Enabled", isDead: false, latencyMs: 0, answersForAnother: false, clockSkewMs: 0 });
    rootKey.heal();
  }

  for (const { name, code, begin } of troubles) {
    it(`sends nothing when the root key ${name}, says so in the log, and the value counts as seen`, async () => {
      const { grantId, accountId } = await scene.granted();
      begin(kms);
      await assert.rejects(scene.open(grantId), (error) => isRootkeepError(error, code), code);
      heal();
      const openings = await scene.openingsOf(grantId);
      assert.deepEqual(
        openings.map(({ outcome, details }) => [outcome, details?.["code"]]),
        [
          ["intent", undefined],
          ["error", code],
        ],
      );
      assert.equal(await scene.exposure(accountId), "BURNT");
      await assert.rejects(scene.open(grantId), (error) => isRootkeepError(error, "GRANT_SPENT"));
      tally("root key in trouble", { tried: 1, calls: 2 });
    });
  }

  it("opens when the root key was throttled and only slow", async () => {
    const { grantId, password } = await scene.granted();
    Object.assign(kms, { throttledCalls: 1, latencyMs: 200 });
    assert.equal(await scene.open(grantId), password);
    heal();
    await scene.assertWhole();
  });

  it("opens nothing, and claims nothing, when the service's clock is 3 s off the database's", async () => {
    const { grantId, accountId, password } = await scene.granted();
    for (const offMs of [-3_000, 3_000]) {
      const late = await Vault.open({ replicaOf: scene.vault, rootKey, clock: { now: () => new Date(Date.now() + offMs) } });
      try {
        const unwraps = rootKey.unwraps;
        await assert.rejects(scene.open(grantId, late), (error) => isRootkeepError(error, "CLOCK_SKEW"));
        assert.equal(rootKey.unwraps, unwraps);
      } finally {
        await late.close();
      }
    }
    assert.deepEqual(await scene.openingsOf(grantId), []);
    assert.equal(await scene.exposure(accountId), "EXPOSED");
    assert.equal(await scene.open(grantId), password);
    tally("clocks apart", { tried: 2, calls: 3, opened: 1 });
  });

  // Of each account the import makes two data keys, and reads two values back.
  const deaths: readonly { name: string; hook: "beforeGenerate" | "beforeUnwrap"; calls: number; line: number }[] = [
    { name: "as a line is sealed", hook: "beforeGenerate", calls: 3, line: 3 },
    { name: "as a line is read back", hook: "beforeUnwrap", calls: 2, line: 3 },
  ];
  deaths.forEach(({ name, hook, calls, line }, index) => {
    it(`goes on where it stopped when the root key dies ${name} of an import`, async () => {
      const lines = [0, 1, 2].map((at) => 30_000 + index * 10 + at);
      let left = calls;
      rootKey[hook] = () => {
        if (left-- <= 0) throw new RootkeepError("KEY_UNAVAILABLE");
      };
      const importing = scene.vault.imports.run(scene.custodian, csvOf(lines), { onError: "reject", fromLine: 1 });
      const failure: unknown = await importing.catch((error: unknown) => error);
      assert.ok(isRootkeepError(failure, "KEY_UNAVAILABLE"));
      heal();
      const fromLine = Number(failure.facts["fromLine"]);
      // An account that is registered already would be refused as known: the next run begins behind it.
      assert.equal(fromLine, hook === "beforeGenerate" ? line : line + 1);
      await scene.vault.imports.run(scene.custodian, csvOf(lines), { onError: "reject", fromLine });
      // Without a restart: the sweeper finds what was left STAGED.
      await sweeperOf(scene.vault).sweep();
      const accounts = (await scene.vault.accounts.list("", 1000)).filter(({ awsId }) => lines.map(awsIdOf).includes(awsId));
      assert.equal(accounts.length, lines.length);
      for (const { id } of accounts) {
        const secrets = await scene.vault.secrets.ofAccount(id as Id<"account">);
        assert.deepEqual(
          secrets.flatMap(({ versions }) => versions.map(({ state }) => state)),
          ["ACTIVE", "ACTIVE"],
        );
      }
      await scene.assertWhole();
      tally("imports without a root key", { tried: 1, calls: 2 });
    });
  });
});
