// real: the program, PostgreSQL as an external server, HTTP, the AWS SDK; double: AWS KMS (moto_server).
import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { CreateKeyCommand, KMSClient } from "@aws-sdk/client-kms";
import { releaseEnclosed } from "../../../src/cli/delivery.js";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../../src/database/embedded-postgres.adapter.js";
import { allow, type Crew, found, importAccounts, importFile, newAccount, obtainGrant, refusal, refusalOf } from "../../support/crew.js";
import { startMoto } from "../../support/moto.js";
import { databaseUrl } from "../../support/postgres-url.js";
import { Program } from "../../support/program.js";
import { codeOfStep, fromBase32, stepAt } from "../../support/totp.js";

const CREDENTIALS = { accessKeyId: "testing", secretAccessKey: "mark-of-a-secret-access-key" };
const ACCOUNTS = [newAccount("210987654321"), newAccount("321098765432")];
/** moto's keys are of this account. */
const KMS_ACCOUNT = "123456789012";

const moto = await startMoto();
const skip = "absent" in moto ? moto.absent : false;

describe("production: an external database and root keys in AWS KMS", { skip }, () => {
  let parent = "";
  let directory = "";
  let server: EmbeddedPostgres;
  let production: Record<string, string | null>;
  let service: Program;
  let crew: Crew;
  let accountIds: readonly string[];

  before(async () => {
    if ("absent" in moto) return;
    parent = await mkdtemp(join(tmpdir(), "rootkeep-e2e-"));
    directory = join(parent, "data");
    server = await startEmbeddedPostgres({ directory: join(parent, "postgres") });
    const client = new KMSClient({ endpoint: moto.endpoint, region: "eu-central-1", credentials: CREDENTIALS });
    const newKey = async (): Promise<string> => `aws-kms:${(await client.send(new CreateKeyCommand({}))).KeyMetadata?.Arn ?? ""}`;
    production = {
      ROOTKEEP_TRIAL_TOTP_PERIOD_SECONDS: null,
      ROOTKEEP_TRIAL_AUTHENTICATOR_WAIT_SECONDS: null,
      ROOTKEEP_DEPLOYMENT: "e2e",
      DATABASE_URL: databaseUrl(server.connections.rootkeep_service),
      ROOTKEEP_SIGNER_DATABASE_URL: databaseUrl(server.connections.rootkeep_signer),
      ROOTKEEP_ROOT_KEY: await newKey(),
      ROOTKEEP_ROOT_KEY_MFA: await newKey(),
      ROOTKEEP_AWS_KMS_ENDPOINT: moto.endpoint,
      AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
    };
    client.destroy();
  });
  after(async () => {
    if ("absent" in moto) return;
    await (service as Program | undefined)?.kill();
    await moto.stop();
    await (server as EmbeddedPostgres | undefined)?.stop();
    await rm(parent, { recursive: true, force: true });
  });

  const start = async (changes: Readonly<Record<string, string | null>> = {}): Promise<void> => {
    service = await Program.start({ directory, environment: { ...production, ...changes } });
  };
  /** A fresh answer: asked again until it is, as an answer is shared for a second. */
  const settled = async (status: number): Promise<Awaited<ReturnType<typeof readiness>>> => {
    const deadline = performance.now() + 20_000;
    for (;;) {
      const answer = await readiness();
      if (answer.status === status || performance.now() > deadline) return answer;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  };
  const readiness = async (): Promise<{ status: number; checks: Record<string, { status: string; code?: string }> }> => {
    const response = await fetch(new URL("/readyz", service.address));
    const { checks } = (await response.json()) as { checks: Record<string, { status: string; code?: string }> };
    return { status: response.status, checks };
  };

  it("refuses trial settings and root keys in the clear", async () => {
    const environment = {
      ...production,
      ROOTKEEP_TRIAL_TOTP_PERIOD_SECONDS: "30",
      ROOTKEEP_ROOT_KEY_MFA: "file:mfa.json",
      ROOTKEEP_MIGRATE_DATABASE_URL: production["DATABASE_URL"] ?? "",
    };
    const { status, stderr } = await Program.fail({ directory, environment });
    assert.equal(status, 1);
    assert.match(stderr, /ROOTKEEP_TRIAL_TOTP_PERIOD_SECONDS is a trial setting, and this is production\./);
    assert.match(stderr, /ROOTKEEP_ROOT_KEY_MFA is a file: root key, and production .* refuses one\./);
    assert.match(stderr, /ROOTKEEP_MIGRATE_DATABASE_URL names the same role as DATABASE_URL\./);
    assert.equal(/postgres:\/\/\S/.test(stderr), false);
  });

  it("refuses a database that nobody has migrated", async () => {
    const { status, stderr } = await Program.fail({ directory, environment: production });
    assert.equal(status, 1);
    assert.match(stderr, /^Rootkeep did not start: .*database/m);
  });

  it("migrates as the owner of the schema, and needs that role's URL no more afterwards", async () => {
    await start({ ROOTKEEP_MIGRATE_DATABASE_URL: databaseUrl(server.connections.rootkeep_migrate) });
    assert.ok(Number(service.events("database.ready")[0]?.["migrations"]) > 0);
    assert.deepEqual(
      service.events("config.warning").map(({ warning }) => warning),
      ["file-guard", "no-escrow", "no-second-store", "no-notice-channel", "migrate-role-present", "file-log-key"],
    );
    await service.stop();
    await start();
    assert.equal(service.events("database.ready")[0]?.["migrations"], 0);
    assert.deepEqual(
      service.events("config.warning").map(({ warning }) => warning),
      ["file-guard", "no-escrow", "no-second-store", "no-notice-channel", "file-log-key"],
    );
    assert.deepEqual((await readdir(directory)).toSorted(), [
      ...[1, 2, 3].map((n) => `founding-invitation-${String(n)}.txt`),
      ...["guard", "log-key.json"],
    ]);
  });

  it("is founded by three custodians, whose invitations are not printed", async () => {
    const invitations = await service.invitations();
    assert.equal(service.output.includes("rkf_"), false);
    crew = await found(service.address, invitations);
  });

  it("neither seals nor opens anything before custodians have approved the trusted configuration", async () => {
    const { ada, ben } = crew;
    assert.deepEqual(await readiness().then(({ status, checks }) => [status, checks["config"]]), [
      503,
      { status: "failing", code: "CONFIG_UNAPPROVED" },
    ]);
    assert.equal(await refusal(importAccounts(ada, ACCOUNTS)), "CONFIG_UNAPPROVED");
    const digest = (await ada.client.get("/v1/configuration")).text("digest");
    const requestId = await ada.ask({ operation: "config.approve", subject: { digest } });
    assert.equal(await refusal(ada.client.post(`/v1/requests/${requestId}/approvals`, { code: "000000" })), "SELF_APPROVAL");
    assert.equal(await refusal(importAccounts(ada, ACCOUNTS)), "CONFIG_UNAPPROVED");
    await ben.approve(requestId);
    assert.equal((await ada.client.get("/v1/configuration")).isTrue("isApproved"), true);
    assert.equal((await settled(200)).status, 200);
  });

  it("refuses the account that its own root keys are in", async () => {
    const file = Buffer.from(importFile([newAccount(KMS_ACCOUNT)]));
    const { code, errors } = await refusalOf(crew.ada.client.upload("/v1/imports", { onError: "reject" }, "text/csv", file));
    assert.deepEqual([code, errors.map(({ line, field }) => [line, field])], ["MALFORMED", [[2, "aws_account_id"]]]);
  });

  it("opens a password and a code, each with one call to the root key, whose request id the log has", async () => {
    const { ada, ben, cyd } = crew;
    await allow(ben, cyd, ada, "requester");
    await allow(ada, cyd, ben, "approver");
    accountIds = await importAccounts(ada, ACCOUNTS);
    const grantId = await obtainGrant(crew, accountIds[0] ?? "");
    const opened = await ada.open(grantId);
    assert.ok(opened.secret.expose((value) => value === ACCOUNTS[0]?.password));
    const seed = fromBase32(ACCOUNTS[0]?.seed ?? "");
    const before = stepAt(30, Date.now());
    const code = await ada.withCode((fresh) => releaseEnclosed(ada.client, `/v1/grants/${grantId}/codes`, { code: fresh }));
    const codes = [before, stepAt(30, Date.now())].map((step) => codeOfStep(seed, step));
    assert.ok(code.secret.expose((value) => codes.includes(value)));
    for (const { answer } of [opened, code]) {
      const [outcome] = (await cyd.client.get("/v1/audit/entries", { after: answer.count("outcomeSeq") - 1, limit: 1 })).list("items");
      const details = outcome?.object("entry").object("details");
      assert.match(details?.text("rootKeyRequestId") ?? "", /^[0-9A-Za-z-]{8,}$/);
    }
    await ada.client.post(`/v1/grants/${grantId}/returns`);
  });

  it("opens nothing under a configuration that was changed behind the custodians' backs", async () => {
    const grantId = await obtainGrant(crew, accountIds[1] ?? "");
    const restart = async (changes: Readonly<Record<string, string>> = {}): Promise<void> => {
      await service.stop();
      await start(changes);
      for (const member of Object.values(crew)) member.moveTo(service.address);
    };
    await restart({ ROOTKEEP_TICKET_PATTERN: "[A-Z]{2,5}-[0-9]{1,6}" });
    assert.equal(service.events("config.unapproved").length, 1);
    const attempt = (code: string): Promise<unknown> =>
      releaseEnclosed(crew.ada.client, `/v1/grants/${grantId}/openings`, { kind: "root-password", code });
    const plain = crew.ada.client.release(`/v1/grants/${grantId}/openings`, { kind: "root-password", code: "000000" }, "value");
    assert.deepEqual(
      (await refusalOf(plain)).errors.map(({ field }) => field),
      ["deliverTo"],
      "production sends nothing in the clear, and says so before anything else is looked at",
    );
    assert.equal(await refusal(attempt("000000")), "CONFIG_UNAPPROVED");
    await restart();
    assert.deepEqual(service.events("config.unapproved"), []);
    assert.equal((await settled(200)).status, 200);
    // The grant is still good: only the second factor is missing now.
    assert.equal(await refusal(attempt("000000")), "STEP_UP_REQUIRED");
  });

  it("opens nothing and is not ready when its root key cannot be reached, and signs people in all the same", async () => {
    if ("absent" in moto) return;
    const { ada } = crew;
    const grantId = (await ada.client.get(`/v1/accounts/${accountIds[1] ?? ""}`)).text("checkedOutBy");
    await moto.stop();
    const { status, checks } = await settled(503);
    assert.deepEqual([status, checks["root_keys"]?.status, checks["database"]?.status], [503, "failing", "ok"]);
    assert.equal(await refusal(ada.open(grantId)), "KEY_UNAVAILABLE");
    assert.equal(await refusal(ada.open(grantId)), "GRANT_SPENT", "what was about to be opened counts as seen");
    assert.equal((await ada.client.get("/v1/people/self")).text("id"), ada.id);
    assert.equal(service.output.includes(CREDENTIALS.secretAccessKey), false);
    await service.stop();
  });

  it("does not start without its root keys", async () => {
    const { status, stderr } = await Program.fail({ directory, environment: production });
    assert.equal(status, 1);
    assert.match(stderr, /^Rootkeep did not start: The root key cannot be reached/m);
  });
});
