// real: two programs with a role each, PostgreSQL as an external server, HTTP, the AWS SDK; double: AWS KMS (moto_server).
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { CreateKeyCommand, KMSClient } from "@aws-sdk/client-kms";
import { parseTlogProof, verifyTlogProof } from "../../../src/audit/tlog/tlog-proof.js";
import { parseVerifierKey } from "../../../src/audit/tlog/verifier-key.js";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../../src/database/embedded-postgres.adapter.js";
import { allow, type Crew, found, importAccounts, newAccount, obtainGrant, refusal } from "../../support/crew.js";
import { startMoto } from "../../support/moto.js";
import { databaseUrl } from "../../support/postgres-url.js";
import { PROGRAMS, Program } from "../../support/program.js";

const CREDENTIALS = { accessKeyId: "testing", secretAccessKey: "testing" };
const ACCOUNTS = [newAccount("210987654321"), newAccount("321098765432")];

const moto = await startMoto();
const skip = "absent" in moto ? moto.absent : false;

describe("production in two roles: one appends and opens, the other signs", { skip }, () => {
  let parent = "";
  let server: EmbeddedPostgres;
  let shared: Record<string, string | null>;
  let signing: Record<string, string | null>;
  let serving: Record<string, string | null>;
  let signer: Program;
  let service: Program;
  let crew: Crew;
  let accountIds: readonly string[];

  before(async () => {
    if ("absent" in moto) return;
    parent = await mkdtemp(join(tmpdir(), "rootkeep-e2e-"));
    server = await startEmbeddedPostgres({ directory: join(parent, "postgres") });
    const client = new KMSClient({ endpoint: moto.endpoint, region: "eu-central-1", credentials: CREDENTIALS });
    const rootKey = `aws-kms:${(await client.send(new CreateKeyCommand({}))).KeyMetadata?.Arn ?? ""}`;
    client.destroy();
    shared = {
      ROOTKEEP_TRIAL_TOTP_PERIOD_SECONDS: null,
      ROOTKEEP_TRIAL_AUTHENTICATOR_WAIT_SECONDS: null,
      ROOTKEEP_DEPLOYMENT: "roles",
      ROOTKEEP_GUARD: `file:${join(parent, "guard")}`,
      ROOTKEEP_ROOT_KEY: rootKey,
      ROOTKEEP_AWS_KMS_ENDPOINT: moto.endpoint,
    };
    signing = { ...shared, ROOTKEEP_SIGNER_DATABASE_URL: databaseUrl(server.connections.rootkeep_signer) };
    serving = {
      ...shared,
      DATABASE_URL: databaseUrl(server.connections.rootkeep_service),
      AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
    };
    const migrated = spawnSync(process.execPath, [PROGRAMS.cli, "migrate"], {
      env: {
        PATH: process.env["PATH"],
        ...withoutNull(serving),
        ROOTKEEP_MIGRATE_DATABASE_URL: databaseUrl(server.connections.rootkeep_migrate),
      },
    });
    assert.equal(migrated.status, 0, String(migrated.stderr));
  });
  after(async () => {
    if ("absent" in moto) return;
    for (const program of [service, signer] as (Program | undefined)[]) await program?.kill();
    await moto.stop();
    await (server as EmbeddedPostgres | undefined)?.stop();
    await rm(parent, { recursive: true, force: true });
  });

  const startSigner = async (): Promise<void> => {
    signer = await Program.start({ directory: join(parent, "signer"), environment: signing, role: "sign" });
  };

  it("needs for each role what belongs to it, and the other's database role for neither", async () => {
    const directory = join(parent, "none");
    const api = await Program.fail({ directory, environment: serving, role: "api" });
    assert.match(api.stderr, /ROOTKEEP_LOG_VERIFIER_KEY is set for the role api\./);
    const sign = await Program.fail({ directory, environment: serving, role: "sign" });
    assert.match(sign.stderr, /ROOTKEEP_SIGNER_DATABASE_URL is set for the role sign\./);
    const both = { ...signing, ROOTKEEP_SIGNER_DATABASE_URL: databaseUrl(server.connections.rootkeep_service) };
    const stronger = await Program.fail({ directory, environment: both, role: "sign" });
    assert.match(stronger.stderr, /the signer's role may call audit\.append/);
  });

  it("is founded once a signer has signed the genesis, and only the signer has the key", async () => {
    await startSigner();
    serving["ROOTKEEP_LOG_VERIFIER_KEY"] = signer.verifierKey;
    service = await Program.start({ directory: join(parent, "api"), environment: serving, role: "api" });
    crew = await found(service.address, await service.invitations());
    assert.equal((await readdir(join(parent, "signer"))).includes("log-key.json"), true);
    assert.equal((await readdir(join(parent, "api"))).includes("log-key.json"), false);
    const { ada, ben, cyd } = crew;
    const digest = (await ada.client.get("/v1/configuration")).text("digest");
    await ben.approve(await ada.ask({ operation: "config.approve", subject: { digest } }));
    await allow(ben, cyd, ada, "requester");
    await allow(ada, cyd, ben, "approver");
    accountIds = await importAccounts(ada, ACCOUNTS);
  });

  /** Waits until what was appended meanwhile is signed: until then nothing is opened. */
  const ready = async (): Promise<void> => {
    const deadline = performance.now() + 30_000;
    while (!(await fetch(new URL("/readyz", service.address))).ok) {
      assert.ok(performance.now() < deadline, "not ready");
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  };

  it("sends a value with a receipt that a stranger can check", async () => {
    const grantId = await obtainGrant(crew, accountIds[0] ?? "");
    const { answer } = await crew.ada.open(grantId);
    const proof = parseTlogProof(Buffer.from(answer.text("receipt"), "utf8"));
    assert.equal(proof.index, answer.count("intentSeq"));
    const [entry] = (await crew.cyd.client.get("/v1/audit/entries", { after: proof.index - 1, limit: 1 })).list("items");
    const policy = { logs: [{ key: parseVerifierKey(signer.verifierKey), url: null }], witnesses: [], groups: [], quorum: null };
    assert.equal(verifyTlogProof(proof, Buffer.from(entry?.text("leaf") ?? "", "hex"), policy).checkpoint.size > proof.index, true);
  });

  it("sends no value while nobody signs, and goes on when somebody does", async () => {
    const grantId = await obtainGrant(crew, accountIds[1] ?? "");
    await signer.stop();
    assert.equal(await refusal(crew.ada.open(grantId)), "AUDIT_UNAVAILABLE");
    await startSigner();
    await ready();
    assert.equal(await refusal(crew.ada.open(grantId)), "GRANT_SPENT", "what was about to be opened counts as seen");
    await service.stop();
    await signer.stop();
  });
});

function withoutNull(values: Readonly<Record<string, string | null>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter((pair): pair is [string, string] => pair[1] !== null));
}
