import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { Service } from "../../demo/service.js";
import { codeOfStep, parseOtpauth, stepAt, type TotpKey } from "../../support/totp.js";

const compiled = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
const PROGRAM = join(compiled, "src", "cli", "rootkeep.js");
const CSV = join(compiled, "..", "docs", "examples", "accounts.csv");
const PASSWORD = "a password for the trial";

interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `rootkeep` as a program of its own, against the real service. */
describe("the command line against the service", () => {
  let folder = "";
  let service: Service;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "rootkeep-e2e-"));
    // Long steps: a machine under load must not be too late with a code.
    service = await Service.start(folder, 20);
  });
  after(async () => {
    await service.kill();
    await rm(folder, { recursive: true, force: true });
  });

  async function rootkeep(argv: readonly string[], stdin = ""): Promise<Ran> {
    const env = {
      PATH: process.env["PATH"] ?? "",
      ROOTKEEP_ADDRESS: service.address,
      ROOTKEEP_SESSION_FILE: join(folder, "session", "session.json"),
    };
    const child = spawn(process.execPath, [PROGRAM, ...argv], { env, stdio: ["pipe", "pipe", "pipe"] });
    const out = { stdout: "", stderr: "" };
    child.stdout.on("data", (chunk: Buffer) => (out.stdout += chunk.toString("utf8")));
    child.stderr.on("data", (chunk: Buffer) => (out.stderr += chunk.toString("utf8")));
    child.stdin.end(stdin);
    const status = await new Promise<number | null>((resolve) => child.once("close", resolve));
    return { status, ...out };
  }
  async function good(argv: readonly string[], stdin = ""): Promise<string> {
    const { status, stdout, stderr } = await rootkeep(argv, stdin);
    assert.equal(status, 0, `${argv.join(" ")}\n${stderr}`);
    return stdout;
  }
  const lastSteps = new Map<TotpKey, number>();
  /** A code of this step or, as a step counts once, of the next one, which the service takes too. */
  function freshCode(key: TotpKey): string {
    const step = Math.max(stepAt(key.periodSeconds, Date.now()), (lastSteps.get(key) ?? -1) + 1);
    lastSteps.set(key, step);
    return codeOfStep(key.seed, step);
  }

  it("founds, signs in, imports, lists, is refused and signs out", async () => {
    let ada: TotpKey | undefined;
    for (const [index, name] of ["Ada Quist", "Ben Okoro"].entries()) {
      const token = service.invitations[index] ?? "";
      const email = `${name.slice(0, 3).toLowerCase()}@example.com`;
      const found = ["people", "found", "--name", name, "--email", email];
      const piped = await rootkeep(found, `${token}\n${PASSWORD}\n`);
      assert.equal(piped.status, 1, "an authenticator's seed does not go into a pipe");
      const file = join(folder, `otpauth-${String(index)}`);
      await good([...found, "--out", file], `${token}\n${PASSWORD}\n`);
      assert.equal((await stat(file)).mode & 0o777, 0o600);
      const key = parseOtpauth(await readFile(file, "utf8"));
      await good(["people", "found", "--confirm"], `${token}\n${freshCode(key)}\n`);
      ada ??= key;
    }
    assert.ok(ada !== undefined);

    const login = await good(["login", "--email", "ada@example.com", "--json"], `${PASSWORD}\n${freshCode(ada)}\n`);
    assert.ok(!login.includes("rks_"));
    assert.equal((await stat(join(folder, "session", "session.json"))).mode & 0o777, 0o600);
    const self = JSON.parse(await good(["people", "self", "--json"])) as { name: string; roles: string[] };
    assert.deepEqual([self.name, self.roles], ["Ada Quist", ["custodian"]]);

    const report = JSON.parse(await good(["account", "import", CSV, "--json"])) as { imported: number };
    assert.equal(report.imported, 10);
    const [first] = (await good(["account", "list", "--json"])).split("\n");
    const account = JSON.parse(first ?? "") as { id: string };
    assert.match(await good(["secret", "list", account.id]), /root-password/);
    assert.match(await good(["config", "show"]), /isApproved +true/);
    assert.match(await good(["purposes"]), /account-name-change .*PutAccountName/);
    assert.match(await good(["audit", "entries", "--from", "1", "--limit", "1"]), /people\.founded/);

    const refused = await rootkeep(["audit", "export", join(folder, "export")]);
    assert.equal(refused.status, 2, "a custodian is no auditor");
    assert.match(refused.stderr, /FORBIDDEN[^]*request id: [0-9a-f-]{36}/);

    await good(["logout"]);
    assert.equal((await rootkeep(["people", "self"])).status, 1);
  });
});
