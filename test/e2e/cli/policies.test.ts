// real: the command line as a program, the whole application, PostgreSQL, HTTP, files; double: nothing.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Crew, castParts, importAccounts, type Member, newAccount } from "../../support/crew.js";
import type { Ended } from "../../support/program.js";
import { type RestApp, startRestApp } from "../../support/rest-app.js";
import { runCli } from "../../support/run-cli.js";

const POLICY = { name: "acme", purposes: ["billing-root-only"], scope: { kind: "customer", values: ["Acme"] }, minutes: 20, split: true };
const TRIES = 5;

describe("the command line on policies", () => {
  let directory = "";
  let rest: RestApp;
  let crew: Crew;
  let account = "";
  let file = "";

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "rootkeep-e2e-"));
    rest = await startRestApp();
    crew = await rest.found();
    await castParts(crew);
    [account = ""] = await importAccounts(crew.cyd, [newAccount("123456789012")]);
    for (const member of Object.values(crew)) {
      const password = join(directory, `${member.id}.password`);
      await writeFile(password, `${member.password}\n`, { mode: 0o600 });
      good(await withCode(member, ["login", "--email", member.email, "--password-file", password]));
    }
    file = join(directory, "acme.json");
    await writeFile(file, JSON.stringify(POLICY));
  });
  after(async () => {
    await (rest as RestApp | undefined)?.close();
    await rm(directory, { recursive: true, force: true });
  });

  const as = async (member: Member, argv: readonly string[], stdin = ""): Promise<Ended> =>
    await runCli(argv, {
      environment: { ROOTKEEP_ADDRESS: rest.address, ROOTKEEP_SESSION_FILE: join(directory, `${member.id}.session`) },
      stdin,
    });
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
  const explained = ["policy", "explain", "--account"] as const;

  it("shows what a change would do, asks for it, and explains what then holds", async () => {
    const dry = good(await as(crew.ada, ["policy", "change", "--file", file, "--dry-run"]));
    assert.match(dry, /nothing was changed/);
    assert.match(dry, /billing-root-only +standalone +1 +stricter +minutes +60 +20/);
    assert.match(dry, /billing-root-only +standalone +1 +stricter +split +false +true/);
    assert.equal(good(await as(crew.ada, ["policy", "list", "--json"])), "");

    const asked = json(await as(crew.ada, ["policy", "change", "--file", file, "--reason", "contract of March", "--json"]));
    good(await withCode(crew.ben, ["request", "approve", String(asked["id"])]));
    const [policy] = good(await as(crew.cyd, ["policy", "list", "--json"]))
      .trim()
      .split("\n");
    assert.deepEqual((JSON.parse(policy ?? "") as { policy: unknown }).policy, POLICY);
    assert.deepEqual(JSON.parse(good(await as(crew.cyd, ["policy", "show", "acme"]))), POLICY);
    const history = json(await as(crew.cyd, ["policy", "history", "--json"]));
    assert.equal(history["requestId"], asked["id"]);

    const alone = json(await as(crew.ada, [...explained, account, "--purpose", "billing-root-only", "--json"]));
    const refusal = alone["refusal"] as { code: string; facts: { term: string; policies: string } };
    assert.deepEqual(
      [alone["decision"], refusal.code, refusal.facts.term, refusal.facts.policies],
      ["refused", "POLICY_REFUSED", "split", "acme"],
    );
    const text = good(await as(crew.ada, [...explained, account, "--purpose", "support-plan-change"]));
    assert.match(text, /^refused: BETTER_WAY/);
    assert.match(text, /way: A role/);
  });

  it("asks with a second holder, whom explaining has found good", async () => {
    await crew.ben.approve(
      await crew.ada.ask({ operation: "allowlist.grant", subject: { personId: crew.cyd.id, role: "requester", scope: { kind: "all" } } }),
    );
    const holder = ["--holder", `mfa-seed=${crew.cyd.id}`];
    const text = good(await as(crew.ben, [...explained, account, "--purpose", "billing-root-only", "--person", crew.ada.id, ...holder]));
    assert.match(text, /^allowed\n/);
    assert.match(text, /missing: a ticket/);
    assert.match(text, /split +true +acme/);
    assert.match(text, new RegExp(`may approve now: 1\n +${crew.ben.id}`));
    const request = [
      "request",
      "submit",
      "--account",
      account,
      "--purpose",
      "billing-root-only",
      "--ticket",
      "OPS-1",
      "--reason",
      "an invoice",
    ];
    assert.match((await as(crew.ada, request)).stderr, /POLICY_REFUSED/);
    assert.equal((await as(crew.ada, [...request, "--holder", "mfa-seed"])).status, 3);
    good(await as(crew.ada, [...request, ...holder]));
  });

  it("hears of a change that came first, and takes a policy away", async () => {
    const removal = ["policy", "change", "--remove", "acme", "--reason", "contract ended", "--json"];
    const [first, second] = [json(await as(crew.ada, removal)), json(await as(crew.cyd, removal))];
    good(await withCode(crew.ben, ["request", "approve", String(first["id"])]));
    assert.match((await withCode(crew.ben, ["request", "approve", String(second["id"])])).stderr, /STATE_CONFLICT/);
    assert.equal((await as(crew.ada, ["policy", "show", "acme"])).status, 1);
  });

  it("puts people into teams", async () => {
    const asked = json(await as(crew.ada, ["people", "team", crew.cyd.id, "--team", "security", "--reason", "new team", "--json"]));
    good(await withCode(crew.ben, ["request", "approve", String(asked["id"])]));
    assert.match(good(await as(crew.cyd, ["people", "teams"])), new RegExp(`${crew.cyd.id} +security`));
  });
});
