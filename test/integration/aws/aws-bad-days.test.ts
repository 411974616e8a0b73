import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { inspect } from "node:util";
import type { AwsAccountSession } from "../../../src/aws/aws-account.port.js";
import { AwsAccountsAdapter } from "../../../src/aws/aws-accounts.adapter.js";
import { READ_ONLY_ACTIONS } from "../../../src/aws/read-only-policy.js";
import { isRootkeepError, type RootkeepError } from "../../../src/kernel/errors.js";
import { EXTERNAL_ID, emulatedAccounts, signInTo, VAULT_KEYS } from "../../support/aws-accounts.js";
import { AwsDouble, type DoubleAccount } from "../../support/aws-double.js";

// real: the adapter, the AWS SDK, HTTP. double: AWS.

const AWS_ID = "333333333333";

describe("AWS on a bad day", () => {
  let double: AwsDouble;
  let accounts: AwsAccountsAdapter;
  let account: DoubleAccount;
  before(async () => {
    double = await AwsDouble.start();
    accounts = emulatedAccounts(double.endpoint);
  });
  after(() => double.stop());
  beforeEach(() => {
    account = double.account(AWS_ID, { externalId: EXTERNAL_ID });
    double.forgetReports();
    Object.assign(double, { throttledCalls: 0, failingCalls: 0, isSilent: false, identityIs: null, identityArnIs: null, reportLooks: 1 });
    double.alterReport = (report) => report;
  });

  /** The refusal of `act`, in which nothing of a session stands. */
  async function refusal(act: () => Promise<unknown>): Promise<RootkeepError> {
    const error = await act().then(
      () => assert.fail("it was taken for evidence"),
      (thrown: unknown) => thrown,
    );
    assert.ok(isRootkeepError(error, "EVIDENCE_UNAVAILABLE"), inspect(error));
    const everything = `${inspect(error, { depth: 20, showHidden: true })} ${error.stack ?? ""}`;
    for (const secret of [...double.secrets, "leaky"]) assert.ok(!everything.includes(secret));
    return error;
  }
  const reasonOf = async (act: () => Promise<unknown>): Promise<string | undefined> => (await refusal(act)).reason;
  const signIn = (): Promise<AwsAccountSession> => signInTo(accounts, AWS_ID);

  it("is asked again where it throttles or fails, a few times", async () => {
    const session = await signIn();
    double.throttledCalls = 2;
    assert.equal((await session.accountSummary()).mfaEnabled, true);
    double.failingCalls = 2;
    assert.equal((await session.accountSummary()).mfaEnabled, true);
    double.throttledCalls = 50;
    assert.equal(await reasonOf(() => session.accountSummary()), "aws_throttled");
    assert.equal(double.throttledCalls, 47);
    double.throttledCalls = 0;
    double.failingCalls = 50;
    assert.equal(await reasonOf(() => session.accountSummary()), "aws_unavailable");
    assert.equal(await reasonOf(() => session.managementAccount()), "aws_unavailable");
    assert.equal(double.failingCalls, 44);
  });

  it("is not believed for another account", async () => {
    double.identityIs = "666677778888";
    assert.equal(await reasonOf(signIn), "aws_wrong_account");
    double.identityIs = null;
    double.identityArnIs = "666677778888";
    assert.equal(await reasonOf(signIn), "aws_wrong_account");
    double.identityArnIs = null;
    double.alterReport = (report) => report.replaceAll(AWS_ID, "666677778888");
    const session = await signIn();
    assert.equal(await reasonOf(() => session.rootReport()), "aws_wrong_account");
  });

  it("is not believed where the report is malformed, cut off or without root", async () => {
    const session = await signIn();
    for (const alter of [
      () => "",
      () => "\u0000\u0001",
      (report: string) => report.slice(0, report.indexOf("access_key_2")),
      (report: string) => report.split("\n").slice(1).join("\n"),
      (report: string) => report.replace("<root_account>", "root_account"),
      (report: string) => `${report}\n${report.split("\n")[1] ?? ""}`,
      (report: string) => report.replace("<root_account>,", "<root_account>,extra,"),
    ]) {
      double.alterReport = alter;
      assert.equal(await reasonOf(() => session.rootReport()), "aws_answer_is_malformed");
    }
  });

  it("is waited for while it makes a report, and not for ever", async () => {
    double.reportLooks = 3;
    assert.equal((await (await signIn()).rootReport()).mfaActive, true);
    double.forgetReports();
    double.reportLooks = Number.POSITIVE_INFINITY;
    const session = await signIn();
    assert.equal(await reasonOf(() => session.rootReport()), "aws_report_pending");
  });

  it("is not waited for beyond the signal", async () => {
    const abort = new AbortController();
    const session = await signInTo(accounts, AWS_ID, EXTERNAL_ID, abort.signal);
    double.isSilent = true;
    const asked = reasonOf(() => session.accountSummary());
    abort.abort();
    assert.equal(await asked, "aws_unreachable");
  });

  it("denies a call, which is an answer", async () => {
    account.denied.push("iam:GetCredentialReport", "account:GetAlternateContact");
    const session = await signIn();
    assert.equal(await reasonOf(() => session.rootReport()), "aws_denied");
    assert.equal(await reasonOf(() => session.alternateContact("BILLING")), "aws_denied");
  });

  it("is gone", async () => {
    const gone = emulatedAccounts("http://127.0.0.1:9");
    assert.equal(await reasonOf(() => signInTo(gone, AWS_ID)), "aws_unreachable");
  });

  it("is asked for nothing but what the policy of the session says", async () => {
    account.managementId = AWS_ID;
    double.calls.length = 0;
    const session = await signIn();
    await session.accountSummary();
    await session.rootReport();
    await session.managementAccount();
    await session.accountState(AWS_ID);
    await session.alternateContact("OPERATIONS");
    const asked = new Set(double.calls.filter((call) => call !== "sts:AssumeRole"));
    assert.deepEqual([...asked].sort(), [...READ_ONLY_ACTIONS]);
  });

  it("is not reached in the clear beyond loopback", () => {
    const open = (endpoint: string) => new AwsAccountsAdapter({ role: "R", sessionName: "s", endpoint, credentials: VAULT_KEYS });
    assert.throws(
      () => open("http://aws.example.com"),
      (error) => isRootkeepError(error, "MALFORMED"),
    );
    open("https://aws.example.com");
  });
});
