// real: the command line and the service as programs, PostgreSQL, HTTP, files; double: nothing.
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { allow, type Crew, castParts, found, importAccounts, type Member, newAccount } from "../../support/crew.js";
import { type Ended, Program, removeHome } from "../../support/program.js";
import { runCli } from "../../support/run-cli.js";

const ACCOUNT = newAccount("123456789012");
const TRIES = 5;

/** From the staging to the verdict, typed: Ada sets the new password, Cyd tries it and asks for the verdict, Ben agrees. */
describe("the command line on the way of a rotation", () => {
  let parent = "";
  let service: Program;
  let crew: Crew;
  let account = "";
  let version = "";
  let candidate = "";

  before(async () => {
    parent = await mkdtemp(join(tmpdir(), "rootkeep-e2e-"));
    service = await Program.start({ directory: join(parent, "data") });
    crew = await found(service.address, await service.invitations());
    await castParts(crew);
    await allow(crew.ada, crew.ben, crew.cyd, "requester");
    [account = ""] = await importAccounts(crew.ada, [ACCOUNT]);
    for (const member of Object.values(crew)) {
      const file = join(parent, `${member.id}.password`);
      await writeFile(file, `${member.password}\n`, { mode: 0o600 });
      good(await withCode(member, ["login", "--email", member.email, "--password-file", file]));
    }
  });
  after(async () => {
    await (service as Program | undefined)?.kill();
    await removeHome(join(parent, "data"));
    await rm(parent, { recursive: true, force: true });
  });

  async function as(member: Member, argv: readonly string[], stdin = ""): Promise<Ended> {
    const environment = { ROOTKEEP_ADDRESS: service.address, ROOTKEEP_SESSION_FILE: join(parent, member.id, "session.json") };
    return await runCli(argv, { environment, stdin });
  }
  /** Runs a command that asks for a code of `member`; again where a busy machine was too late with it. */
  async function withCode(member: Member, argv: readonly string[]): Promise<Ended> {
    for (let tries = 1; ; tries++) {
      const ended = await as(member, argv, `${await member.code()}\n`);
      if (!/STEP_UP_REQUIRED|UNAUTHENTICATED/.test(ended.stderr) || tries === TRIES) return ended;
    }
  }
  function good({ status, stdout, stderr }: Ended): string {
    assert.equal(status, 0, stderr);
    return stdout;
  }
  const json = (ended: Ended): Record<string, unknown> => JSON.parse(good(ended)) as Record<string, unknown>;
  const lines = (ended: Ended): Record<string, unknown>[] =>
    good(ended)
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  async function granted(who: Member, purpose: string): Promise<string> {
    const asked = ["request", "submit", "--account", account, "--purpose", purpose, "--kind", "root-password", "--ticket", "OPS-7"];
    const id = String(json(await as(who, [...asked, "--reason", "it is due", "--json"]))["id"]);
    good(await withCode(crew.ben, ["request", "approve", id]));
    return String(json(await as(who, ["request", "show", id, "--json"]))["grantId"]);
  }
  async function opened(who: Member, grant: string, ...options: readonly string[]): Promise<string> {
    const file = join(parent, `value-${String(Math.random()).slice(2)}`);
    good(await withCode(who, ["reveal", grant, ...options, "--out", file]));
    return await readFile(file, "utf8");
  }

  it("says what is due once somebody saw the password, and refuses to set one that is not kept yet", async () => {
    const grant = await granted(crew.ada, "billing-root-only");
    assert.equal(await opened(crew.ada, grant), ACCOUNT.password);
    good(await as(crew.ada, ["return", grant]));
    assert.match(good(await as(crew.cyd, ["rotate", "due"])), /root-password/);
    const early = [
      "request",
      "submit",
      "--account",
      account,
      "--purpose",
      "rotate-after-use",
      "--ticket",
      "OPS-7",
      "--reason",
      "it is due",
    ];
    const refused = await as(crew.ada, early);
    assert.deepEqual([refused.status, refused.stderr.includes("CANDIDATE_REQUIRED")], [2, true], refused.stderr);
  });

  it("stages one candidate, shows it beside the current value, and takes the report for no proof", async () => {
    const staged = json(await as(crew.ada, ["rotate", "stage", account, "--json"]));
    version = String(staged["id"]);
    assert.deepEqual(json(await as(crew.ada, ["rotate", "stage", account, "--json"])), staged);
    const grant = await granted(crew.ada, "rotate-after-use");
    assert.equal(await opened(crew.ada, grant), ACCOUNT.password);
    candidate = await opened(crew.ada, grant, "--candidate");
    assert.ok(candidate.length >= 32 && candidate !== ACCOUNT.password);
    assert.match(good(await as(crew.ada, ["rotate", "report", version, "--outcome", "applied"])), /AMBIGUOUS/);
    good(await as(crew.ada, ["return", grant]));
    const shown = lines(await as(crew.cyd, ["rotate", "show", account, "--json"]));
    assert.ok(JSON.stringify(shown).includes("AMBIGUOUS"));
    assert.ok(!JSON.stringify(shown).includes(candidate));
  });

  it("is settled by who tried it and who agrees, neither of whom set it; then it is the working one", async () => {
    const grant = await granted(crew.cyd, "rotate-verify");
    assert.equal(await opened(crew.cyd, grant, "--candidate"), candidate);
    good(await as(crew.cyd, ["return", grant]));
    const evidence = ["--signed-in", crew.cyd.id, "--at", new Date().toISOString(), "--reason", "signed in with it"];
    const settle = ["rotate", "settle", version, "--verdict", "works", ...evidence, "--json"];
    const own = await as(crew.ada, settle);
    assert.deepEqual([own.status, own.stderr.includes("SELF_APPROVAL")], [2, true], own.stderr);
    assert.equal((await as(crew.cyd, ["rotate", "settle", version, "--verdict", "works", "--reason", "no evidence"])).status, 3);
    const asked = String(json(await as(crew.cyd, settle))["id"]);
    good(await withCode(crew.ben, ["request", "approve", asked]));
    const shown = good(await as(crew.cyd, ["rotate", "show", account]));
    assert.match(shown, /SUPERSEDED/);
    assert.match(shown, /ACTIVE/);
    const last = await granted(crew.cyd, "billing-root-only");
    assert.equal(await opened(crew.cyd, last), candidate);
  });
});
