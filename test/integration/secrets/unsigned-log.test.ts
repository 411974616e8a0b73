import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { CheckpointSigner } from "../../../src/audit/checkpoint-signer.service.js";
import { connectLog } from "../../../src/audit/log-connection.service.js";
import { LogGuard } from "../../../src/audit/log-guard.service.js";
import { newVerifierKey } from "../../../src/audit/tlog/verifier-key.js";
import { UnsignedTail } from "../../../src/audit/unsigned-tail.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import type { Id } from "../../../src/kernel/ids.js";
import { LIMITS } from "../../../src/kernel/limits.js";
import { MemoryGuard } from "../../support/memory-guard.js";
import { TestLogKey } from "../../support/signing-log.js";
import { type Actor, formOf, LOG_ORIGIN, Vault } from "../../support/vault.js";

const unavailable = (error: unknown): boolean => isRootkeepError(error, "AUDIT_UNAVAILABLE");

// real: PostgreSQL, every service, the signer, the guard's keeper. double: the guard and the key in memory, the clock that counts the waiting.
describe("while nobody signs the log", () => {
  const key = new TestLogKey();
  const guard = new MemoryGuard();
  const said: string[] = [];
  let waitedMs = 0;
  let vault: Vault;
  let logGuard: LogGuard;
  let signer: CheckpointSigner | undefined;
  let rita: Actor;
  let alan: Actor;
  let lea: Actor;
  let account: Id<"account">;

  function sign(): void {
    const events = {
      leading: () => undefined,
      waiting: () => undefined,
      signed: () => undefined,
      halted: () => undefined,
      failed: () => undefined,
    };
    signer = new CheckpointSigner({
      ...{ connect: () => connectLog(vault.database.connections.rootkeep_signer), origin: LOG_ORIGIN },
      ...{ key, verifierKey: newVerifierKey(LOG_ORIGIN, "ed25519", key.raw), guard, events },
    });
    signer.start();
  }

  async function until(isSo: () => Promise<boolean> | boolean): Promise<void> {
    const deadline = performance.now() + 15_000;
    while (!(await isSo())) {
      if (performance.now() > deadline) throw new Error(`waited in vain: ${said.join("; ")}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  const isSigned = (): Promise<boolean> => logGuard.compare().then(({ checkpoint }) => checkpoint.size === vault.log.knownSize());

  before(async () => {
    vault = await Vault.open({
      unsigned: new UnsignedTail(() => performance.now() + waitedMs),
      coverage: { assertSigning: () => logGuard.assertSigning(), cover: (entry) => logGuard.cover(entry) },
    });
    logGuard = new LogGuard(vault.log, {
      ...{ connect: () => connectLog(vault.database.connections.rootkeep_service), origin: LOG_ORIGIN, guard },
      verifierKey: newVerifierKey(LOG_ORIGIN, "ed25519", key.raw),
      events: {
        openingsStopped: () => void said.push("openings stopped"),
        decisionsStopped: () => void said.push("decisions stopped"),
        signedAgain: () => void said.push("signed again"),
      },
    });
    sign();
    await logGuard.start();
    logGuard.watch();
    await vault.found();
    rita = await vault.enrol("Rita Requester", ["requester"]);
    alan = await vault.enrol("Alan Approver", ["approver"]);
    lea = await vault.enrol("Lea Leaver", ["approver"]);
    account = await vault.import("111122223333");
  });
  after(async () => {
    await logGuard.stop();
    await signer?.stop();
    await vault.drop();
  });

  it("nothing is opened, nothing burnt and no grant spent; after minutes only what takes away goes on; all of it comes back", async () => {
    const { grantId } = await vault.grant(rita, [alan], account);
    await until(isSigned);
    await signer?.stop();
    await vault.log.reportRefusedRow("person/per_1", "mac");
    await logGuard.check();

    waitedMs += LIMITS.unsignedOpeningMs + 1;
    const size = vault.log.knownSize();
    await assert.rejects(vault.open(rita, grantId), unavailable);
    await assert.rejects(logGuard.check(), unavailable);
    assert.equal(vault.log.knownSize(), size);
    await until(() => said.includes("openings stopped"));
    // Decisions still go on: a signer that is being replaced stops nobody.
    await vault.requests.submit(
      rita,
      formOf({ operation: "secret.reveal", accountId: account, purpose: "billing-root-only", ticket: "INC-8" }),
    );

    waitedMs += LIMITS.unsignedDecisionMs;
    const form = formOf({ operation: "secret.reveal", accountId: account, purpose: "billing-root-only", ticket: "INC-9" });
    await assert.rejects(vault.requests.submit(rita, form), unavailable);
    await until(() => said.includes("decisions stopped"));
    const [ada] = vault.custodians!;
    const again = await vault.signIn("ada@example.com", ada.app);
    await vault.people.people.suspend(lea.personId, again.personId);

    sign();
    await until(isSigned);
    await until(() => said.includes("signed again"));
    await vault.requests.submit(rita, form);
    assert.equal(await vault.open(rita, grantId), "Tr0ub4dor-and-3-horses");
    assert.deepEqual(said, ["openings stopped", "decisions stopped", "signed again"]);
  });

  it("nothing is burnt either when the guard cannot be asked", async () => {
    const second = await vault.import("222233334444");
    const { grantId } = await vault.grant(rita, [alan], second);
    await until(isSigned);
    const size = vault.log.knownSize();
    const read = guard.read.bind(guard);
    guard.read = () => Promise.reject(new Error("away"));
    await assert.rejects(vault.open(rita, grantId));
    guard.read = read;
    assert.equal(vault.log.knownSize(), size);
    assert.equal(await vault.open(rita, grantId), "Tr0ub4dor-and-3-horses");
  });
});
