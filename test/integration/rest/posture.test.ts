// real: the whole application, PostgreSQL, HTTP, the command line, the AWS SDK; double: AWS.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { writeSession } from "../../../src/cli/session-file.js";
import { Secret } from "../../../src/kernel/secret.js";
import { AwsDouble } from "../../support/aws-double.js";
import { type Crew, castParts, importAccounts, type Member, newAccount, refusal } from "../../support/crew.js";
import { type RestApp, startRestApp } from "../../support/rest-app.js";
import { runCli } from "../../support/run-cli.js";

const AWS_IDS = ["123456789012", "210987654321"] as const;

describe("posture over the wire", () => {
  let rest: RestApp;
  let double: AwsDouble;
  let crew: Crew;
  let accounts: readonly string[] = [];
  let parent = "";

  before(async () => {
    parent = await mkdtemp(join(tmpdir(), "rootkeep-posture-"));
    double = await AwsDouble.start();
    double.reportLooks = 0;
    // The SDK's default chain: the adapter is made by the application itself.
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: "testing", AWS_SECRET_ACCESS_KEY: "testing" });
    rest = await startRestApp({ ROOTKEEP_POSTURE_ROLE: "RootkeepPosture", ROOTKEEP_AWS_POSTURE_ENDPOINT: `${double.endpoint}/` });
    crew = await rest.found();
    await castParts(crew);
    accounts = await importAccounts(
      crew.cyd,
      AWS_IDS.map((awsId) => newAccount(awsId)),
    );
  });
  after(async () => {
    await (rest as RestApp | undefined)?.close();
    await double.stop();
    await rm(parent, { recursive: true, force: true });
  });

  async function cli(member: Member, ...argv: string[]): Promise<{ status: number | null; stdout: string }> {
    const file = join(parent, member.id, "session.json");
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
    await writeSession(file, { address: rest.address, token: Secret.of(member.token), personId: member.id, expiresAt });
    const { status, stdout, stderr } = await runCli(argv, { environment: { ROOTKEEP_ADDRESS: rest.address, ROOTKEEP_SESSION_FILE: file } });
    assert.doesNotMatch(stderr, /Error|ASIA/);
    return { status, stdout };
  }

  it("shows role and external id before anything is known, and takes, lists and shows by command", async () => {
    const [first = "", second = ""] = accounts;
    const before = await crew.ben.client.get(`/v1/accounts/${first}/posture`);
    assert.deepEqual(
      [before.members["secured"], before.members["verdict"], before.members["isStale"], before.members["roleArn"]],
      [false, "unknown", true, `arn:aws:iam::${AWS_IDS[0]}:role/RootkeepPosture`],
    );
    double.account(AWS_IDS[0], { externalId: before.text("externalId"), passwordChanged: new Date(Date.now() + 60_000) });
    const taken = await cli(crew.cyd, "posture", "take", first, "--json");
    assert.equal(taken.status ?? 0, 0);
    const answer = JSON.parse(taken.stdout) as Record<string, unknown>;
    assert.deepEqual([answer["secured"], answer["verdict"], answer["failure"]], [true, "secured", null]);
    // AWS does not let us in: it is said, and nothing is known.
    const failed = await cli(crew.cyd, "posture", "take", second, "--json");
    assert.equal(failed.status, 1);
    assert.deepEqual((JSON.parse(failed.stdout) as Record<string, unknown>)["failure"], "aws_role_denied");
    const listed = await cli(crew.ben, "posture", "list", "--json");
    const lines = listed.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(
      lines.map(({ account, secured }) => [account, secured]),
      [
        [second, false],
        [first, true],
      ],
    );
    assert.match((await cli(crew.ada, "posture", "show", first)).stdout, /accessKeys/);
    assert.match((await cli(crew.ada, "posture", "list")).stdout, /secured/);
  });

  it("is paged in the order of the list, and refuses a cursor that is not of it", async () => {
    const page = await crew.ada.client.get("/v1/posture?limit=1");
    const next = page.text("next");
    const other = await crew.ada.client.get(`/v1/posture?limit=1&after=${next}`);
    assert.notDeepEqual(page.members["items"], other.members["items"]);
    assert.equal(other.members["next"], null);
    const foreign = Buffer.from("acc_00000000000000000000000001").toString("base64url");
    assert.equal(await refusal(crew.ada.client.get(`/v1/posture?after=${foreign}`)), "MALFORMED");
  });

  it("is asked for by custodians alone, for accounts that there are", async () => {
    const [first = ""] = accounts;
    await rest.http.post(`/v1/accounts/${first}/posture`).expect(401);
    const missing = "/v1/accounts/acc_00000000000000000000000001/posture";
    assert.equal(await refusal(crew.cyd.client.post(missing)), "NOT_FOUND");
    assert.equal(await refusal(crew.cyd.client.get(missing)), "NOT_FOUND");
  });

  it("pages custodians, raises alerts and counts, and says nothing of a session in the operators' log [L8]", async () => {
    const health = (await rest.http.get("/readyz").expect(200)).body as { alerts: string[] };
    assert.ok(health.alerts.includes("posture-stale"));
    assert.match((await rest.http.get("/metrics").expect(200)).text, /rootkeep_posture_accounts\{verdict="secured"\} 1/);
    assert.ok(rest.lines.some((line) => line.includes("posture.failed")));
    const everything = rest.lines.join("\n");
    assert.ok(double.secrets.length >= 3);
    for (const secret of double.secrets) assert.ok(!everything.includes(secret));
  });
});
