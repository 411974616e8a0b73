import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { AuditReceipt } from "../../../src/audit/receipt.js";
import { SYSTEM_CLOCK } from "../../../src/kernel/clock.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { Grant } from "../../../src/kernel/grant.js";
import { newEventId } from "../../../src/kernel/ids.js";
import { LIMITS } from "../../../src/kernel/limits.js";
import { OPERATION_NAMES } from "../../../src/kernel/operations.js";
import type { Secret } from "../../../src/kernel/secret.js";
import type { DataKeyRow } from "../../../src/keys/domain.js";
import { KeyService, type SealedRow } from "../../../src/keys/keys.service.js";
import { totpAt } from "../../../src/keys/totp.js";
import { KmsDouble } from "../../support/kms-double.js";
import { factsFor, keyServiceOver, secretOf, someAccount, temporaryRootKey } from "../../support/root-key.js";

// real: KeyService, the KMS adapter, the AWS SDK, receipts. double: AWS KMS, which counts what reaches it.

const receiptFor = (subjectId: string, action = "secret.reveal") =>
  AuditReceipt.mint({ seq: 1, leafHash: "00".repeat(32), eventId: newEventId(), action, outcome: "intent", subjectId });
const textOf = (value: Secret<Buffer>) => value.expose((bytes) => bytes.toString("utf8"));
const code = (expected: Parameters<typeof isRootkeepError>[1]) => (error: unknown) => isRootkeepError(error, expected);

describe("key service", async () => {
  const double = await KmsDouble.start();
  const rootKey = double.rootKey();
  const keys = keyServiceOver(rootKey);
  const account = someAccount();
  let dataKey: DataKeyRow;
  let mfaKey: DataKeyRow;
  let row: SealedRow;
  let seedRow: SealedRow;
  const seed = "12345678901234567890";

  before(async () => {
    const made = await keys.newDataKey(account, "password");
    dataKey = made.row;
    const facts = factsFor(dataKey);
    row = { ...facts, sealed: made.sealer.seal(secretOf("hunter2-hunter2"), facts) };
    made.sealer.close();
    const mfa = await keys.newDataKey(account, "mfa");
    mfaKey = mfa.row;
    const seedFacts = factsFor(mfaKey, { kind: "mfa-seed" });
    seedRow = { ...seedFacts, sealed: mfa.sealer.seal(secretOf(seed), seedFacts) };
    mfa.sealer.close();
  });
  after(() => double.stop());
  beforeEach(() => {
    double.calls.length = 0;
    Object.assign(double, { keyState: "Enabled", isDenied: false, clockSkewMs: 0 });
  });

  it("opens with a receipt, by one call to the root key, and gives its request id", async () => {
    const { value, requestId } = await keys.open(row, dataKey, receiptFor(row.versionId));
    assert.equal(textOf(value), "hunter2-hunter2");
    assert.match(requestId ?? "", /^[0-9a-f-]{36}$/);
    assert.deepEqual(double.calls, ["Decrypt"]);
  });

  it("asks the root key anew for every opening", async () => {
    await keys.open(row, dataKey, receiptFor(row.versionId));
    await keys.open(row, dataKey, receiptFor(row.versionId));
    assert.deepEqual(double.calls, ["Decrypt", "Decrypt"]);
  });

  describe("without a fitting receipt nothing is opened and the root key is not asked (L1)", () => {
    const refused = async (receipt: AuditReceipt, message: RegExp) => {
      await assert.rejects(keys.open(row, dataKey, receipt), message);
      assert.deepEqual(double.calls, []);
    };

    it("none at all", () => refused(undefined as unknown as AuditReceipt, /spend/));
    it("a forged one", () => refused(Object.create(AuditReceipt.prototype) as AuditReceipt, /forged/));
    it("one of another version", () => refused(receiptFor("ver_other"), /another act/));
    it("one of another action", () => refused(receiptFor(row.versionId, "secret.code"), /another act/));

    it("one that was spent", async () => {
      const receipt = receiptFor(row.versionId);
      await keys.open(row, dataKey, receipt);
      double.calls.length = 0;
      await refused(receipt, /spent/);
    });

    it("one that has grown stale", async (test) => {
      const start = performance.now();
      const receipt = receiptFor(row.versionId);
      test.mock.method(performance, "now", () => start + LIMITS.receiptMsMax + 1_000);
      await refused(receipt, /stale/);
    });

    it("a code without a receipt of a code", async () => {
      await assert.rejects(keys.openCode(seedRow, mfaKey, receiptFor(seedRow.versionId), 59), /another act/);
      assert.deepEqual(double.calls, []);
    });
  });

  it("spends the receipt even when the opening fails, so that it cannot be tried again", async () => {
    const receipt = receiptFor(row.versionId);
    await assert.rejects(keys.open({ ...row, secretId: "sec_other" }, dataKey, receipt), code("SEAL_BROKEN"));
    await assert.rejects(keys.open(row, dataKey, receipt), /spent/);
  });

  it("a seed is never opened as it is", async () => {
    await assert.rejects(keys.open(seedRow, mfaKey, receiptFor(seedRow.versionId)), /never opened/);
    assert.deepEqual(double.calls, []);
  });

  it("a seed gives the code of one step, and nothing else comes out", async () => {
    const opened = await keys.openCode(seedRow, mfaKey, receiptFor(seedRow.versionId, "secret.code"), 59);
    assert.deepEqual({ ...opened, value: textOf(opened.value), requestId: null }, { value: "287082", step: 1, requestId: null });
  });

  it("a password gives no code", async () => {
    await assert.rejects(keys.openCode(row, dataKey, receiptFor(row.versionId, "secret.code"), 59), /from a seed/);
  });

  it("bytes moved to another account's row are refused, with either account's key (L11)", async () => {
    const other = await keys.newDataKey(someAccount(), "password");
    const facts = factsFor(other.row);
    const otherRow: SealedRow = { ...facts, sealed: other.sealer.seal(secretOf("other"), facts) };
    other.sealer.close();
    const attempts: [SealedRow, DataKeyRow][] = [
      [{ ...row, sealed: otherRow.sealed }, dataKey],
      [{ ...row, sealed: otherRow.sealed }, other.row],
      [{ ...otherRow, dataKeyId: dataKey.id }, dataKey],
      [row, { ...dataKey, wrapped: other.row.wrapped }],
      [{ ...otherRow, versionId: row.versionId }, other.row],
    ];
    for (const [moved, key] of attempts) await assert.rejects(keys.open(moved, key, receiptFor(moved.versionId)), code("SEAL_BROKEN"));
  });

  it("a data key's row that was edited is refused by the root key", async () => {
    const edits: Partial<DataKeyRow>[] = [{ id: "dk_x" }, { accountId: "acc_x" }, { awsAccountId: "444455556666" }, { domain: "mail" }];
    for (const edit of edits) await assert.rejects(keys.open(row, { ...dataKey, ...edit }, receiptFor(row.versionId)), code("SEAL_BROKEN"));
  });

  it("another deployment with the same root key opens nothing of ours", async () => {
    await assert.rejects(keyServiceOver(rootKey, "other").open(row, dataKey, receiptFor(row.versionId)), code("SEAL_BROKEN"));
  });

  it("a row cannot bring a root key of its own", async () => {
    const foreign = { ...dataKey, rootKeyUri: "aws-kms:arn:aws:kms:eu-central-1:666600001111:key/00000000-0000-0000-0000-000000000000" };
    await assert.rejects(keys.open(row, foreign, receiptFor(row.versionId)), code("KEY_UNAVAILABLE"));
    assert.deepEqual(double.calls, []);
  });

  it("a destroyed data key opens and seals nothing, a deactivated one only opens", async () => {
    const destroyed: DataKeyRow = { ...dataKey, state: "DESTROYED" };
    await assert.rejects(keys.open(row, destroyed, receiptFor(row.versionId)), code("KEY_DISABLED"));
    await assert.rejects(keys.seal(secretOf("x"), row, destroyed), code("KEY_DISABLED"));
    const deactivated: DataKeyRow = { ...dataKey, state: "DEACTIVATED" };
    assert.equal(textOf((await keys.open(row, deactivated, receiptFor(row.versionId))).value), "hunter2-hunter2");
    await assert.rejects(keys.seal(secretOf("x"), row, deactivated), code("KEY_DISABLED"));
  });

  it("seals only for the account and domain of the data key", async () => {
    for (const wrong of [{ accountId: "acc_x" }, { awsAccountId: "444455556666" }, { kind: "mfa-seed" }, { dataKeyId: "dk_x" }] as const) {
      await assert.rejects(keys.seal(secretOf("x"), { ...factsFor(dataKey), ...wrong }, dataKey), /another account, domain or use/);
    }
  });

  it("a clock that differs by more than a minute stops openings", async () => {
    for (const clockSkewMs of [-62_000, 62_000]) {
      double.clockSkewMs = clockSkewMs;
      await assert.rejects(keys.open(row, dataKey, receiptFor(row.versionId)), code("CLOCK_SKEW"));
    }
    double.clockSkewMs = 50_000;
    await keys.open(row, dataKey, receiptFor(row.versionId));
  });

  it("a root key that is switched off opens nothing", async () => {
    double.keyState = "Disabled";
    await assert.rejects(keys.open(row, dataKey, receiptFor(row.versionId)), code("KEY_DISABLED"));
  });

  it("confirm says yes, says no, and throws when it cannot know", async () => {
    assert.equal((await keys.confirm(row, dataKey)).isIntact, true);
    const broken = await keys.confirm({ ...row, version: 2 }, dataKey);
    assert.equal(broken.isIntact, false);
    assert.match(broken.requestId ?? "", /^[0-9a-f-]{36}$/);
    double.isDenied = true;
    await assert.rejects(keys.confirm(row, dataKey), code("KEY_UNAVAILABLE"));
  });

  it("a closed sealer seals no more", async () => {
    const made = await keys.newDataKey(account, "mail");
    made.sealer.close();
    assert.throws(() => made.sealer.seal(secretOf("x"), factsFor(made.row, { kind: "mail-body" })), /wiped/);
  });

  it("reseals for no grant whatever, as no act of the closed list moves values", async () => {
    const next = (await keys.newDataKey(account, "password", "seal", 2)).row;
    double.calls.length = 0;
    for (const operation of OPERATION_NAMES) {
      await assert.rejects(keys.reseal(row, dataKey, next, Grant.mint(operation, dataKey.id, "per_1")), /another act/, operation);
    }
    assert.deepEqual(double.calls, []);
  });

  it("reseals under another key of the account, for a grant of an act that may, which is used up", async () => {
    // Until there is a rotation another guarded act stands in for it.
    const rootKeys = { password: rootKey, mfa: rootKey, mail: rootKey, people: rootKey };
    const moving = new KeyService({ deployment: "test", rootKeys, resealOperations: ["secret.waive"], clock: SYSTEM_CLOCK });
    const next = (await moving.newDataKey(account, "password", "seal", 2)).row;
    const grant = (subjectId = dataKey.id) => Grant.mint("secret.waive", subjectId, "per_1");
    const used = grant();
    const moved = await moving.reseal(row, dataKey, next, used);
    assert.equal(moved.requestIds.length, 2);
    assert.equal(moved.row.dataKeyId, next.id);
    assert.equal(textOf((await moving.open(moved.row, next, receiptFor(row.versionId))).value), "hunter2-hunter2");
    await assert.rejects(moving.reseal(row, dataKey, next, used), /spent/);
    await assert.rejects(moving.reseal(row, dataKey, next, grant(next.id)), /another act/);
    await assert.rejects(moving.reseal(row, dataKey, next, Grant.mint("secret.reveal", dataKey.id, "per_1")), /another act/);
    const foreign = (await moving.newDataKey(someAccount(), "password")).row;
    await assert.rejects(moving.reseal(row, dataKey, foreign, grant()), /another account/);
  });
});

describe("people keys", () => {
  const authenticator = { kind: "authenticator-totp", secretId: "aut_1", versionId: "aut_1", personId: "per_alice" } as const;
  const seed = "12345678901234567890";

  const open = async () => {
    const home = await temporaryRootKey();
    const keys = keyServiceOver(home.rootKey);
    const people = (await keys.newDataKey(null, "people")).row;
    const records = (await keys.newDataKey(null, "people", "records")).row;
    await keys.loadPeopleKeys([people, records]);
    const facts = factsFor(people, authenticator);
    const { sealed } = await keys.seal(secretOf(seed), facts, people);
    return { home, keys, people, records, row: { ...facts, sealed } };
  };

  it("once loaded they are used without the root key, and a step counts once", async () => {
    const double = await KmsDouble.start();
    const keys = keyServiceOver(double.rootKey());
    const people = (await keys.newDataKey(null, "people")).row;
    await keys.loadPeopleKeys([people]);
    await double.stop();
    double.calls.length = 0;
    const facts = factsFor(people, authenticator);
    const row = { ...facts, sealed: (await keys.seal(secretOf(seed), facts, people)).sealed };
    const attempt = { code: totpAt(Buffer.from(seed), 1_000, 30), unixSeconds: 1_000, periodSeconds: 30 };
    assert.equal(keys.checkCode(row, people, { ...attempt, afterStep: null }), 33);
    assert.equal(keys.checkCode(row, people, { ...attempt, afterStep: 33 }), null);
    assert.equal(keys.checkCode(row, people, { ...attempt, code: "000000", afterStep: null }), null);
    assert.deepEqual(double.calls, []);
  });

  it("a seed moved to another person's row is refused", async () => {
    const { home, keys, people, row } = await open();
    const attempt = { code: totpAt(Buffer.from(seed), 1_000, 30), unixSeconds: 1_000, afterStep: null };
    for (const change of [{ personId: "per_mallory" }, { secretId: "aut_2" }, { personId: "" }]) {
      assert.throws(() => keys.checkCode({ ...row, ...change }, people, attempt), code("SEAL_BROKEN"));
    }
    await home.remove();
  });

  it("an employee's seed is never opened as it is, and a password is no authenticator", async () => {
    const { home, keys, people, row } = await open();
    await assert.rejects(keys.open(row, people, receiptFor(row.versionId)), /never opened/);
    const attempt = { code: "000000", unixSeconds: 1, afterStep: null };
    assert.throws(() => keys.checkCode({ ...row, kind: "root-password" }, people, attempt), /authenticator/);
    await home.remove();
  });

  it("the records key is the same after a restart, and none is there before it is loaded", async () => {
    const { home, keys, people, records } = await open();
    const mac = keys.records.mac(Buffer.from("row"));
    const restarted = keyServiceOver(home.rootKey);
    assert.throws(() => restarted.records, code("KEY_UNAVAILABLE"));
    await restarted.loadPeopleKeys([people, records]);
    assert.deepEqual(restarted.records.mac(Buffer.from("row")), mac);
    await home.remove();
  });

  it("the records key seals nothing", async () => {
    const { home, keys, records } = await open();
    await assert.rejects(keys.seal(secretOf("x"), factsFor(records, authenticator), records), /domain or use/);
    await home.remove();
  });

  it("after close nothing is checked", async () => {
    const { home, keys, people, row } = await open();
    keys.close();
    assert.throws(() => keys.checkCode(row, people, { code: "000000", unixSeconds: 1, afterStep: null }), code("KEY_UNAVAILABLE"));
    assert.throws(() => keys.records, code("KEY_UNAVAILABLE"));
    await home.remove();
  });

  it("there is no deployment key of an account's domain and no records key of an account", async () => {
    const { home, keys } = await open();
    await assert.rejects(keys.newDataKey(null, "password"), /no such data key/);
    await assert.rejects(keys.newDataKey(someAccount(), "people"), /no such data key/);
    await assert.rejects(keys.newDataKey(someAccount(), "password", "records"), /no such data key/);
    await home.remove();
  });
});
