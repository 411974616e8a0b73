import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, beforeEach, describe, it } from "node:test";
import { canonicalJson } from "../../../src/audit/canonical-json.js";
import { isSecured } from "../../../src/aws/posture.service.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { type DeskAccount, PostureDesk } from "../../support/posture-desk.js";
import { Vault } from "../../support/vault.js";

// real: PostgreSQL, the log, the keys, the services, the adapter, the AWS SDK, HTTP. double: AWS.

const CONTACT = { Name: "Grace Ito", Title: "Lead", EmailAddress: "grace.ito@example.com", PhoneNumber: "+491701234567" };
const YEAR_AGO = new Date("2025-01-01T00:00:00Z");

describe("a snapshot of an account's posture", () => {
  let vault: Vault;
  let desk: PostureDesk;
  let serial = 100;
  before(async () => {
    vault = await Vault.open();
    await vault.found();
    desk = await PostureDesk.open(vault);
  });
  after(async () => {
    await desk.close();
    await vault.drop();
  });
  beforeEach(() => {
    Object.assign(desk.double, { throttledCalls: 0, failingCalls: 0, identityIs: null });
  });

  const awsId = (): string => `333333333${String(serial++)}`;
  const take = async ({ id }: DeskAccount): Promise<string> => {
    desk.double.forgetReports();
    const taken = await desk.taker.take(id);
    return [String(taken?.verdict), ...(taken?.changes ?? [])].join(" ");
  };

  it("stands in the account's own chain, whole, under its hash, and in a row that the entry names [L9]", async () => {
    const account = await desk.account(awsId());
    assert.equal(await take(account), "secured");
    const [entry, ...more] = await desk.entries(account.id);
    assert.equal(more.length, 0);
    assert.deepEqual([entry?.action, entry?.outcome, entry?.rows], ["posture.taken", "committed", [`posture/${account.id}`]]);
    const { snapshot, sha256 } = entry?.details ?? {};
    assert.equal(createHash("sha256").update(canonicalJson(snapshot)).digest("hex"), sha256);
    const { taken } = await desk.read(account.id);
    assert.deepEqual([taken?.snapshot, taken?.sha256, taken?.seq], [snapshot, sha256, entry?.seq]);
    assert.equal(isSecured(taken), true);
  });

  it("tells once when a root key appears, however often it is seen, and again when another does", async () => {
    const account = await desk.account(awsId());
    assert.equal(await take(account), "secured");
    account.aws.accessKeys = [{ isActive: false, since: YEAR_AGO }];
    assert.equal(await take(account), "insecure root-access-key-appeared");
    assert.equal(await take(account), "insecure");
    account.aws.denied = ["iam:GetAccountSummary", "iam:GenerateCredentialReport"];
    // Nothing is known for a while: what was known stays known.
    assert.equal(await take(account), "unknown");
    account.aws.denied = [];
    assert.equal(await take(account), "insecure");
    account.aws.accessKeys.push({ isActive: true, since: new Date("2026-01-01T00:00:00Z") });
    assert.equal(await take(account), "insecure root-access-key-appeared");
    account.aws.accessKeys = [];
    assert.equal(await take(account), "secured");
    account.aws.accessKeys = [{ isActive: true, since: YEAR_AGO }];
    assert.equal(await take(account), "insecure root-access-key-appeared");
    const told = ["root-access-key-appeared", "root-access-key-appeared", "root-access-key-appeared"];
    assert.deepEqual(await desk.notices(account.id), told);
    const entries = await desk.entries(account.id);
    assert.deepEqual(
      entries.filter(({ action }) => action === "posture.changed").map(({ details }) => details?.change),
      told,
    );
  });

  it("tells of what is bad at the first look, of an MFA that went off, of a certificate and of a state", async () => {
    const management = await desk.account(awsId(), "management");
    management.aws.managementId = management.aws.awsId;
    const account = await desk.account(awsId(), "member", { managementId: management.aws.awsId, hasMfa: false });
    assert.equal(await take(account), "insecure mfa-went-off");
    account.aws.hasMfa = true;
    assert.equal(await take(account), "secured");
    account.aws.certificates = [{ isActive: true, since: YEAR_AGO }];
    account.aws.hasMfa = false;
    assert.equal(await take(account), "insecure signing-certificate-appeared mfa-went-off");
    account.aws.certificates = [];
    account.aws.hasMfa = true;
    account.aws.state = "SUSPENDED";
    assert.equal(await take(account), "insecure account-state-changed");
    assert.equal(await take(account), "insecure");
    account.aws.managementId = null;
    assert.equal(await take(account), "insecure account-state-changed");
    assert.equal(await take(management), "secured");
  });

  it("does not know the state of a member whose management account is not kept here", async () => {
    const account = await desk.account(awsId(), "member", { managementId: "777777777777" });
    assert.equal(await take(account), "unknown");
    const { taken } = await desk.read(account.id);
    assert.deepEqual(
      taken?.snapshot.posture.findings.filter(({ verdict }) => verdict !== "ok"),
      [{ item: "state", restsOn: ["organization.state"], verdict: "unknown" }],
    );
  });

  it("holds a password that is older than the one that we keep for not ours", async () => {
    const account = await desk.account(awsId(), "standalone", { passwordChanged: YEAR_AGO });
    assert.equal(await take(account), "insecure");
  });

  it("changes nothing where AWS gives no evidence", async () => {
    const account = await desk.account(awsId());
    assert.equal(await take(account), "secured");
    const before = await desk.read(account.id);
    const refusedFor = (reason: string) => (error: unknown) => isRootkeepError(error, "EVIDENCE_UNAVAILABLE") && error.reason === reason;
    account.aws.accessKeys = [{ isActive: true, since: YEAR_AGO }];
    desk.double.throttledCalls = 99;
    await assert.rejects(take(account), refusedFor("aws_throttled"));
    desk.double.throttledCalls = 0;
    desk.double.identityIs = "666677778888";
    await assert.rejects(take(account), refusedFor("aws_wrong_account"));
    desk.double.identityIs = null;
    account.aws.externalId = null;
    await assert.rejects(take(account), refusedFor("aws_role_denied"));
    const later = await desk.read(account.id);
    assert.deepEqual([later.taken?.sha256, later.taken?.seq], [before.taken?.sha256, before.taken?.seq]);
    assert.equal((await desk.entries(account.id)).length, 1);
  });

  it("ages, and secures nothing once it is stale", async () => {
    const account = await desk.account(awsId());
    await take(account);
    const { taken } = await desk.read(account.id);
    assert.equal(isSecured(taken), true);
    assert.equal(taken === null || isSecured({ ...taken, isStale: true }), false);
    assert.equal(isSecured(null), false);
  });

  it("is refused where somebody edited the row, also to hide a key [L11]", async () => {
    const account = await desk.account(awsId());
    account.aws.accessKeys = [{ isActive: true, since: YEAR_AGO }];
    await take(account);
    await desk.sql(`UPDATE aws.posture SET verdict = 'secured', snapshot = replace(snapshot, 'insecure', 'secured') WHERE id = $1`, [
      account.id,
    ]);
    await assert.rejects(desk.read(account.id), (error) => isRootkeepError(error, "ROW_REFUSED"));
    await assert.rejects(desk.list(null, 200), (error) => isRootkeepError(error, "ROW_REFUSED"));
    await assert.rejects(take(account), (error) => isRootkeepError(error, "ROW_REFUSED"));
    await desk.sql("DELETE FROM aws.posture WHERE id = $1", [account.id]);
    await assert.rejects(desk.read(account.id), (error) => isRootkeepError(error, "ROW_REFUSED"));
    assert.ok((await vault.watchRows()) > 0);
  });

  it("commits to alternate contacts, once for each change, and has them nowhere else", async () => {
    const account = await desk.account(awsId(), "standalone", { contacts: { SECURITY: CONTACT } });
    await take(account);
    await take(account);
    account.aws.contacts["SECURITY"] = { ...CONTACT, PhoneNumber: "+491709999999" };
    await take(account);
    const entries = await desk.entries(account.id);
    assert.deepEqual(
      entries.map(({ details }) => Object.keys(details?.commitments ?? {}).join()),
      ["contact.security", "", "contact.security"],
    );
    const rows = await desk.sql<{ text: string }>(
      `SELECT to_jsonb(p)::text AS text FROM aws.posture p UNION ALL SELECT to_jsonb(d)::text FROM aws.posture_due d
       UNION ALL SELECT convert_from(entry, 'UTF8') FROM audit.entry UNION ALL SELECT facts FROM notices.notice`,
    );
    assert.ok(rows.every(({ text }) => !/grace|Ito|49170/i.test(text)));
    const opened = await desk.sql<{ value: string }>("SELECT value FROM audit.disclosure WHERE field = 'contact.security'");
    assert.equal(opened.length, 2);
  });

  it("leaves no key and no token of a session anywhere [L8]", async () => {
    assert.ok(desk.double.secrets.length > 30);
    const rows = await desk.sql<{ text: string }>(
      `SELECT to_jsonb(p)::text AS text FROM aws.posture p UNION ALL SELECT to_jsonb(d)::text FROM aws.posture_due d
       UNION ALL SELECT convert_from(entry, 'UTF8') FROM audit.entry UNION ALL SELECT value FROM audit.disclosure
       UNION ALL SELECT facts FROM notices.notice`,
    );
    const everything = rows.map(({ text }) => text).join("\n");
    assert.ok(everything.includes("posture.taken"));
    for (const secret of desk.double.secrets) assert.ok(!everything.includes(secret));
  });

  it("is not taken under a configuration that nobody approved", async () => {
    const account = await desk.account(awsId());
    const other = await Vault.open({ replicaOf: vault, configDigest: "cd".repeat(32) });
    try {
      desk.double.calls.length = 0;
      await assert.rejects(desk.replica(other).taker.take(account.id), (error) => isRootkeepError(error, "CONFIG_UNAPPROVED"));
      assert.deepEqual(desk.double.calls, []);
    } finally {
      await other.close();
    }
  });
});
