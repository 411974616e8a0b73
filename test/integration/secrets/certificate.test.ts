// real: the whole application and its signer, PostgreSQL, HTTP, the command line, openssl, Go. double: hand-back, of which only the last step is there.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { canonicalJson } from "../../../src/audit/canonical-json.js";
import { Transactions } from "../../../src/audit/transactions.service.js";
import { writeSession } from "../../../src/cli/session-file.js";
import { Secret } from "../../../src/kernel/secret.js";
import { type Crew, castParts, importAccounts, newAccount, refusal, verifyLog } from "../../support/crew.js";
import { buildGo, NO_GO } from "../../support/go-programs.js";
import { withClient } from "../../support/postgres.js";
import { release } from "../../support/released.js";
import { type RestApp, startRestApp } from "../../support/rest-app.js";
import { runCli } from "../../support/run-cli.js";

const ROOT = new URL("../../../../", import.meta.url);
const READER = fileURLToPath(new URL("test/conformance/second-readers/check_certificate.go", ROOT));
const REASON = "MARKER-the customer has taken over";

interface Report {
  readonly verdict: string;
  readonly statement: string;
  readonly checks: readonly { readonly check: string; readonly status: string }[];
}

/** The entry, in good form, as if it had been made a second later than any other. */
function redated(entry: string): string {
  const text = Buffer.from(entry, "base64").toString("utf8");
  return Buffer.from(text.replace(/"time":"\d{4}/, '"time":"2099'), "utf8").toString("base64");
}

describe("a certificate of destruction", () => {
  let rest: RestApp;
  let crew: Crew;
  let folder: string;
  let bundle: string;
  let account: string;
  let kept: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "rootkeep-certificate-"));
    rest = await startRestApp({ ROOTKEEP_BACKUP_HORIZON_DAYS: "35" });
    crew = await rest.found();
    await castParts(crew);
    [account = "", kept = ""] = await importAccounts(crew.ada, [newAccount("300000000001"), newAccount("300000000002")]);
    for (const [member, name] of [
      [crew.ada, "ada"],
      [crew.cyd, "cyd"],
    ] as const) {
      const session = { address: rest.address, token: Secret.of(member.token), personId: member.id, expiresAt: "2099-01-01T00:00:00.000Z" };
      await writeSession(join(folder, `${name}.json`), session);
    }
    await release(rest.part(Transactions), account);
    bundle = join(folder, "bundle");
  });
  after(async () => {
    await rest.close();
    await rm(folder, { recursive: true, force: true });
  });

  const cli = (as: "ada" | "cyd", ...argv: string[]) =>
    runCli(argv, { environment: { ROOTKEEP_ADDRESS: rest.address, ROOTKEEP_SESSION_FILE: join(folder, `${as}.json`) } });
  const verify = async (directory: string, ...more: string[]): Promise<{ status: number | null; report: Report }> => {
    const { status, stdout } = await cli("cyd", "audit", "verify-certificate", directory, "--json", ...more);
    return { status, report: JSON.parse(stdout) as Report };
  };
  const failedOf = ({ checks }: Report): string[] => checks.filter(({ status }) => status === "failed").map(({ check }) => check);
  const certificate = async (): Promise<string> => await readFile(join(bundle, "certificate.json"), "utf8");

  /** The verifier's word on the certificate as `change` makes it. */
  async function edited(change: (text: string) => string): Promise<{ status: number | null; report: Report }> {
    const copy = await mkdtemp(join(folder, "edited-"));
    await cp(bundle, copy, { recursive: true });
    await writeFile(join(copy, "certificate.json"), change(await certificate()));
    return await verify(copy);
  }
  const recomposed = (
    change: (certificate: { body: Record<string, unknown>; entries: { seq: number; entry: string; proof: string }[] }) => void,
  ) =>
    edited((text) => {
      const value = JSON.parse(text) as { body: Record<string, unknown>; entries: { seq: number; entry: string; proof: string }[] };
      change(value);
      return `${canonicalJson(value)}\n`;
    });

  it("is there once two custodians have destroyed what was kept, and a signed checkpoint covers it [DC-3] [DC-7] [DC-10]", async () => {
    assert.equal(await refusal(crew.ada.client.get(`/v1/accounts/${account}/destruction`)), "NOT_FOUND");
    const asked = await cli(
      "ada",
      "request",
      "submit",
      "--operation",
      "account.destroy",
      "--account",
      account,
      "--reason",
      REASON,
      "--json",
    );
    assert.equal(asked.status, 0, asked.stderr);
    const { id } = JSON.parse(asked.stdout) as { id: string };
    const shown = await crew.ben.client.get(`/v1/requests/${id}`);
    const { keys, versions } = (shown.object("body").members as { subject: { keys: unknown[]; versions: { sealedSha256: string }[] } })
      .subject;
    assert.deepEqual([keys.length, versions.length], [2, 2]);
    await crew.ben.approve(id);
    assert.equal(
      await refusal(crew.ada.ask({ operation: "secret.reveal", accountId: account, purpose: "billing-root-only", ticket: "OPS-1" })),
      "DESTROYED",
    );
    let made = await cli("cyd", "account", "certificate", account, "--out", bundle);
    for (let tries = 0; made.status !== 0 && tries < 50; tries++) {
      assert.match(made.stderr, /checkpoint/);
      await new Promise((resolve) => setTimeout(resolve, 200));
      made = await cli("cyd", "account", "certificate", account, "--out", bundle);
    }
    assert.equal(made.status, 0, made.stderr);
    assert.match(made.stdout, /^300000000001 \(acc_.+\) was destroyed at .+ Provisional until /);
    const files = (await readdir(bundle, { recursive: true })).sort();
    assert.deepEqual(
      files.filter((name) => !name.startsWith("entries")),
      ["README.md", "body.json", "certificate.html", "certificate.json", "log.vkey"],
    );
    assert.equal(files.filter((name) => name.endsWith(".tlog-proof")).length, 3, "submitted, approved, destroyed");
    const text = await certificate();
    for (const { sealedSha256 } of versions) assert.ok(text.includes(sealedSha256));
    assert.ok(!text.includes("MARKER"), "no word of people");
    assert.equal(await refusal(crew.ada.client.get(`/v1/accounts/${kept}/destruction`)), "NOT_FOUND");
  });

  it("verifies offline, with the log's key from elsewhere or with its own, and says which [DC-8] [DC-11]", async () => {
    const own = await verify(bundle);
    assert.deepEqual([own.status, failedOf(own.report)], [0, []], JSON.stringify(own.report));
    assert.match(own.report.statement, /origin not checked\. Provisional until .+ shared/);
    const trust = join(folder, "trust.json");
    const key = (await readFile(join(bundle, "log.vkey"), "utf8")).trim();
    await writeFile(trust, JSON.stringify({ origin: rest.config.logOrigin, keys: [key] }));
    const trusted = await verify(bundle, "--trust", trust);
    assert.deepEqual([trusted.status, failedOf(trusted.report)], [0, []], JSON.stringify(trusted.report));
    assert.match(trusted.report.statement, /under a key of the trust file/);
    const other = key.replace(/.$/, (last) => (last === "A" ? "B" : "A"));
    for (const keys of [[other], ["elsewhere.example/audit/x/1+00000000+AQ"]]) {
      await writeFile(trust, JSON.stringify({ origin: rest.config.logOrigin, keys }));
      const { status } = await cli("cyd", "audit", "verify-certificate", bundle, "--trust", trust);
      assert.ok(status === 1 || status === 3, String(status));
    }
    assert.equal((await cli("cyd", "audit", "verify-certificate")).status, 3);
    assert.equal((await cli("cyd", "audit", "verify-certificate", folder)).status, 2);
  });

  it("verifies with openssl, by the commands of its README, and the page is made from it alone", async () => {
    const readme = await readFile(join(bundle, "README.md"), "utf8");
    const commands = [...readme.matchAll(/^ {7}(.+)$/gm)]
      .map(([, command = ""]) => command)
      .filter((command) => !command.startsWith("npx"));
    assert.equal(commands.length, 3);
    const [body, said, leaf] = commands.map((command) => {
      const { status, stdout, stderr } = spawnSync("sh", ["-c", command], { cwd: bundle, encoding: "utf8" });
      assert.equal(status, 0, stderr);
      return stdout.trim();
    });
    assert.equal(body, said);
    const entry = (JSON.parse(await certificate()) as { entries: { entry: string }[] }).entries.at(-1)?.entry ?? "";
    assert.equal(
      leaf,
      createHash("sha256")
        .update(Buffer.concat([Buffer.from([0]), Buffer.from(entry, "base64")]))
        .digest("hex"),
    );
    const page = await readFile(join(bundle, "certificate.html"), "utf8");
    assert.ok(page.includes("300000000001") && page.includes("Provisional"));
    assert.ok(!/<script|src=|href=|url\(/i.test(page));
  });

  it("verifies with Go's own packages, from its JSON alone", { skip: NO_GO }, async () => {
    const work = await mkdtemp(join(folder, "go-"));
    const program = buildGo(READER, work);
    const good = spawnSync(program, [join(bundle, "certificate.json")], { encoding: "utf8" });
    assert.equal(good.status, 0, good.stderr);
    assert.match(good.stdout, /^3 entries are proven/);
    const bad = join(work, "certificate.json");
    await writeFile(bad, (await certificate()).replace('"awsId":"300000000001"', '"awsId":"300000000003"'));
    assert.notEqual(spawnSync(program, [bad]).status, 0);
  });

  it("does not verify when a word of it is changed, an entry is left out or another one's [DC-2] [DC-4] [DC-5] [DC-6]", async () => {
    const cases: [string, Promise<{ status: number | null; report: Report }>, string][] = [
      ["another account", edited((text) => text.replace('"awsId":"300000000001"', '"awsId":"300000000002"')), "destroyed"],
      ["a version less", recomposed(({ body }) => void (body["versions"] as unknown[]).pop()), "destroyed"],
      [
        "a shorter horizon",
        recomposed(({ body }) => void (body["backups"] = { horizonDays: null, isRootKeyShared: false, until: null })),
        "destroyed",
      ],
      [
        "a date that is none of the horizon",
        recomposed(({ body }) => void ((body["backups"] as { until: string }).until = "2026-01-01T00:00:00.000Z")),
        "form",
      ],
      ["somebody else asked", recomposed(({ body }) => void (body["askedBy"] = crew.cyd.id)), "people"],
      ["who asked has approved", recomposed(({ body }) => void (body["approvedBy"] = [crew.ada.id])), "form"],
      ["no approval", recomposed(({ entries }) => void entries.splice(1, 1)), "people"],
      ["not destroyed", recomposed(({ entries }) => void entries.pop()), "destroyed"],
      [
        "another's proof",
        recomposed(({ entries: [one, two] }) => one !== undefined && two !== undefined && void (one.proof = two.proof)),
        "inclusion",
      ],
      ["another place", recomposed(({ entries: [one] }) => one !== undefined && void (one.seq += 1)), "inclusion"],
      [
        "an entry that the log has not",
        recomposed(({ entries: [one] }) => one !== undefined && void (one.entry = redated(one.entry))),
        "inclusion",
      ],
      ["other bytes", recomposed(({ entries }) => void entries.map((one) => (one.entry = Buffer.from("{}").toString("base64")))), "form"],
      ["no canonical form", edited((text) => text.replace("{", "{ ")), "form"],
    ];
    for (const [what, verified, check] of cases) {
      const { status, report } = await verified;
      assert.equal(status, 1, what);
      assert.ok(failedOf(report).includes(check), `${what}: ${failedOf(report).join()}`);
    }
  });

  it("leaves a log that verifies, and an account whose export does", async () => {
    const { report } = await verifyLog(crew.cyd);
    assert.equal(report.verdict, "intact", JSON.stringify(report));
  });

  it("is given after tables were put back by themselves, and they are destroyed again before anybody is answered", async () => {
    const wraps = () =>
      withClient(rest.database.superuser, async (client) => {
        const { rows } = await client.query("SELECT count(*)::int AS n FROM keys.data_key WHERE account_id = $1 AND wrapped IS NOT NULL", [
          account,
        ]);
        return (rows[0] as { n: number }).n;
      });
    assert.equal(await wraps(), 0);
    await rest.stop();
    await withClient(rest.database.superuser, async (client) => {
      await client.query("ALTER TABLE keys.data_key DISABLE TRIGGER ALL");
      await client.query("UPDATE keys.data_key SET wrapped = '\\x01', state = 'ACTIVE', destroyed_seq = NULL WHERE account_id = $1", [
        account,
      ]);
      await client.query("ALTER TABLE keys.data_key ENABLE ALWAYS TRIGGER no_mutation");
    });
    assert.equal(await wraps(), 2);
    await rest.restart();
    assert.equal(await wraps(), 0);
    assert.ok(rest.lines.some((line) => line.includes("destruction.repeated") && line.includes(account)));
  });
});
