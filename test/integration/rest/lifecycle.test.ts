// real: the whole application, PostgreSQL, HTTP, the command line in this process's service; double: nothing.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Crew, castParts, importAccounts, type Member, newAccount, refusal } from "../../support/crew.js";
import type { Ended } from "../../support/program.js";
import { type RestApp, startRestApp } from "../../support/rest-app.js";
import { runCli } from "../../support/run-cli.js";

const TRIES = 5;

describe("the life of an account, by command", () => {
  let rest: RestApp;
  let crew: Crew;
  let parent = "";
  let accounts: readonly string[] = [];

  before(async () => {
    parent = await mkdtemp(join(tmpdir(), "rootkeep-lifecycle-"));
    rest = await startRestApp();
    crew = await rest.found();
    await castParts(crew);
    accounts = await importAccounts(crew.cyd, [newAccount("123456789012"), newAccount("123456789013")]);
    for (const member of Object.values(crew)) {
      const file = join(parent, `${member.id}.password`);
      await writeFile(file, member.password, { mode: 0o600 });
      good(await withCode(member, "login", "--email", member.email, "--password-file", file));
    }
  });
  after(async () => {
    await (rest as RestApp | undefined)?.close();
    await rm(parent, { recursive: true, force: true });
  });

  async function as(member: Member, argv: readonly string[], stdin = ""): Promise<Ended> {
    const environment = { ROOTKEEP_ADDRESS: rest.address, ROOTKEEP_SESSION_FILE: join(parent, member.id, "session.json") };
    return await runCli(argv, { environment, stdin });
  }
  /** Again where a busy machine was too late with the code. */
  async function withCode(member: Member, ...argv: string[]): Promise<Ended> {
    for (let tries = 1; ; tries++) {
      const ended = await as(member, argv, `${await member.code()}\n`);
      if (!/STEP_UP_REQUIRED|UNAUTHENTICATED/.test(ended.stderr) || tries === TRIES) return ended;
    }
  }
  function good({ status, stdout, stderr }: Ended): string {
    assert.equal(status, 0, stderr);
    return stdout;
  }
  async function paper(text: string): Promise<string> {
    const file = join(parent, "paper.pdf");
    await writeFile(file, text);
    return file;
  }
  /** One custodian asks by command, another approves. */
  async function decided(...argv: string[]): Promise<void> {
    const asked = JSON.parse(good(await as(crew.ada, [...argv, "--reason", "the customer says so", "--json"]))) as { id: string };
    await crew.ben.approve(asked.id);
  }

  it("begins, shows what to do, takes a claim, and ticks it when another person has looked", async () => {
    const [account = ""] = accounts;
    const begun = JSON.parse(good(await withCode(crew.cyd, "account", "onboard", account, "--json"))) as { id: string };
    assert.match(good(await as(crew.ada, ["account", "checklists", account])), /onboarding\s+OPEN\s+VAULTED/);
    const shown = good(await as(crew.ada, ["account", "steps", begun.id]));
    assert.match(shown, /O1\s+OPEN/);
    assert.match(shown, /O6\s+WAITING O3 O4 O5/);
    assert.match(shown, /evidence: entry \(account\.import, account\.register\); attestation/);
    const claim = ["account", "step", "claim", begun.id, "O1", "--kind", "attestation"];
    assert.match((await withCode(crew.ada, ...claim)).stderr, /^refused: MALFORMED/);
    assert.match(
      good(await withCode(crew.ada, ...claim, "--note", "registered with the import of March")),
      /^claimed; another person attests it; the account is assuming/,
    );
    assert.match(
      (await withCode(crew.ada, "account", "step", "attest", begun.id, "O1")).stderr,
      /refused: SELF_APPROVAL|refused: FORBIDDEN/,
    );
    const attested = await withCode(crew.ben, "account", "step", "attest", begun.id, "O1");
    assert.match(attested.stderr, /registered with the import of March/, "what one stands for is shown first");
    assert.match(good(attested), /^ticked; the account is assuming/);
    const document = await paper("the answers of the audit");
    good(
      await withCode(
        crew.ada,
        "account",
        "step",
        "claim",
        begun.id,
        "O2",
        "--kind",
        "document",
        "--file",
        document,
        "--note",
        "audit of the day before",
      ),
    );
    const whole = (await crew.cyd.client.get(`/v1/checklists/${begun.id}`)).list("steps").find((step) => step.text("step") === "O2");
    assert.equal(whole?.object("evidence").text("reference"), createHash("sha256").update("the answers of the audit").digest("hex"));
    await decided("account", "step", "waive", begun.id, "O3");
    assert.match(good(await as(crew.cyd, ["account", "steps", begun.id])), /O3\s+WAIVED/);
  });

  it("closes on order, calls it off, and hands back; a purpose that the state does not open is refused with those that it does", async () => {
    const [, account = ""] = accounts;
    const order = await paper("close it, please");
    await decided("account", "close", account, "--order", order);
    assert.equal((await crew.cyd.client.get(`/v1/accounts/${account}`)).text("state"), "closing");
    const ask = (purpose: string) => crew.ada.ask({ operation: "secret.reveal", accountId: account, purpose, ticket: "OPS-7" });
    assert.equal(await refusal(ask("iam-restore-permissions")), "STATE_CONFLICT");
    const refused = await as(crew.ada, [
      "request",
      "submit",
      "--account",
      account,
      "--purpose",
      "iam-restore-permissions",
      "--ticket",
      "OPS-7",
      "--reason",
      "a try of it",
    ]);
    assert.match(refused.stderr, /account-reopen billing-root-only tax-invoice-view/);
    const explained = good(await as(crew.ada, ["policy", "explain", "--account", account, "--purpose", "iam-restore-permissions"]));
    assert.match(explained, /^refused: STATE_CONFLICT/);
    await decided("account", "move", account, "--to", "active");
    await decided("account", "handback", account, "--order", order, "--target", "standalone");
    assert.equal((await crew.cyd.client.get(`/v1/accounts/${account}`)).text("state"), "releasing");
    const listed = good(await as(crew.cyd, ["account", "checklists", account]));
    assert.match(listed, /closure\s+ENDED/);
    assert.match(listed, /handback\s+OPEN\s+VAULTED\s+standalone/);
  });

  it("answers for what there is not, and for steps of any form, as for nothing", async () => {
    assert.equal(await refusal(crew.ada.client.get("/v1/checklists/chk_00000000000000000000000000")), "NOT_FOUND");
    assert.equal(await refusal(crew.ada.client.get("/v1/checklists/..%2Faccounts")), "NOT_FOUND");
    const [account = ""] = accounts;
    const [open] = (await crew.ada.client.get(`/v1/accounts/${account}/checklists`)).list("items");
    for (const step of ["O99", "constructor", "%00", "a".repeat(300)]) {
      const form = { kind: "attestation", note: "as if it were one", code: await crew.ada.code() };
      assert.ok(
        ["NOT_FOUND", "MALFORMED"].includes(
          await refusal(crew.ada.client.post(`/v1/checklists/${open?.text("id") ?? ""}/steps/${step}/claims`, form)),
        ),
        step,
      );
    }
  });
});
