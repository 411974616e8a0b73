// real: the command line as a program, the whole application, PostgreSQL, HTTP, files; double: nothing.
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { CliDesk, good, objects, refusedAs } from "../../support/cli-desk.js";
import { type Crew, castParts, importAccounts, newAccount } from "../../support/crew.js";
import { withClient } from "../../support/postgres.js";
import { type RestApp, startRestApp } from "../../support/rest-app.js";

const ACCOUNT = newAccount("123456789012");
const FINDINGS = "the outage was real; the password is rotated with CHG-3";
const PATIENCE_MS = 20_000;

describe("the command line in an emergency", () => {
  let directory = "";
  let rest: RestApp;
  let crew: Crew;
  let desk: CliDesk;
  let account = "";
  let use = "";

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "rootkeep-e2e-"));
    rest = await startRestApp();
    crew = await rest.found();
    await castParts(crew);
    [account = ""] = await importAccounts(crew.cyd, [ACCOUNT]);
    desk = new CliDesk(rest.address, directory);
    for (const member of Object.values(crew)) await desk.signIn(member);
  });
  after(async () => {
    await (rest as RestApp | undefined)?.close();
    await rm(directory, { recursive: true, force: true });
  });

  const ask = (ticket: string): string[] => {
    const fields = ["--account", account, "--purpose", "billing-root-only", "--ticket", ticket, "--reason", "the bill stops the account"];
    return ["request", "submit", "--break-glass", ...fields];
  };
  const review = (...findings: string[]): string[] => ["glass", "review", use, ...findings];

  it("breaks the glass with the ticket of an incident and one approval, opens, and gives back", async () => {
    assert.equal(refusedAs(await desk.run(crew.ada, ask("OPS-7"))), "TICKET_INVALID");
    const [asked] = objects(await desk.run(crew.ada, [...ask("INC-12"), "--json"]));
    const requestId = String(asked?.["id"]);
    assert.equal(refusedAs(await desk.withCode(crew.ada, ["request", "approve", requestId])), "SELF_APPROVAL");
    const approved = await desk.withCode(crew.ben, ["request", "approve", requestId]);
    assert.match(approved.stderr, /flags .*breakGlass/, "whoever approves sees that it is an emergency");
    assert.match(good(approved), /^approved: 1 of 1; the request is APPROVED/);
    const [request] = objects(await desk.run(crew.ada, ["request", "show", requestId, "--json"]));
    const grant = String(request?.["grantId"]);
    const file = join(directory, "value");
    good(await desk.withCode(crew.ada, ["reveal", grant, "--out", file]));
    assert.equal(await readFile(file, "utf8"), ACCOUNT.password);
    const [listed] = objects(await desk.run(crew.cyd, ["glass", "list", "--json"]));
    assert.deepEqual([listed?.["state"], listed?.["requestId"], listed?.["grantId"]], ["OPEN", requestId, grant]);
    use = String(listed?.["id"]);
    assert.equal(refusedAs(await desk.withCode(crew.cyd, review("--findings", FINDINGS))), "STATE_CONFLICT", "it still runs");
    good(await desk.run(crew.ada, ["return", grant]));
  });

  it("is not to be used again before a review, which neither who asked nor who approved closes, nor anybody without findings and a code", async () => {
    // The password is burnt; a code alone is not.
    assert.equal(refusedAs(await desk.run(crew.ada, [...ask("INC-13"), "--kind", "mfa-seed"])), "REVIEW_DUE");
    for (const member of [crew.ada, crew.ben]) {
      assert.equal(refusedAs(await desk.withCode(member, review("--findings", FINDINGS))), "SELF_APPROVAL");
    }
    const bare = await desk.run(crew.cyd, review());
    assert.deepEqual([bare.status, bare.stderr.startsWith("--findings is missing")], [3, true], bare.stderr);
    assert.equal(refusedAs(await desk.run(crew.cyd, review("--findings", FINDINGS), "000000\n")), "STEP_UP_REQUIRED");
    assert.equal(refusedAs(await desk.withCode(crew.cyd, review("--findings", "ok"))), "MALFORMED");
    assert.match(good(await desk.withCode(crew.cyd, review("--findings", FINDINGS))), /^reviewed \(entry \d+\)\n$/);
    assert.equal(refusedAs(await desk.withCode(crew.cyd, review("--findings", FINDINGS))), "STATE_CONFLICT");
    const table = good(await desk.run(crew.ben, ["glass", "list"]));
    assert.match(table, new RegExp(`${use} +CLOSED +${account} .* ${crew.cyd.id}\\n`));
  });

  it("shows messages that were sent, those that were given up, and puts one of these back in line", async () => {
    const list = async (...options: string[]): Promise<Record<string, unknown>[]> =>
      objects(await desk.run(crew.cyd, ["notice", "list", ...options, "--json"]));
    const sent = async (topic: string): Promise<Record<string, unknown>[]> =>
      (await list("--state", "SENT")).filter((message) => message["topic"] === topic);
    const end = performance.now() + PATIENCE_MS;
    while ((await sent("glass.reviewed")).length === 0 && performance.now() < end);
    const [message] = await sent("glass.reviewed");
    assert.deepEqual([message?.["channel"], message?.["recipient"], message?.["attempts"]], ["file", "room", 1]);
    assert.deepEqual(await list(), []);
    assert.equal(good(await desk.run(crew.cyd, ["notice", "list"])), "nothing\n");

    // As after a day without its channel.
    const id = String(message?.["id"]);
    await withClient(rest.database.superuser, (client) =>
      client.query("UPDATE notices.delivery SET state = 'DEAD', attempts = 24, reason = 'refused' WHERE id = $1", [id]),
    );
    assert.match(good(await desk.run(crew.cyd, ["notice", "list"])), new RegExp(`${id} +DEAD +glass\\.reviewed +file +room +24 +refused`));
    assert.equal(good(await desk.run(crew.cyd, ["notice", "retry", id])), "back in line\n");
    assert.equal(refusedAs(await desk.run(crew.cyd, ["notice", "retry", id])), "NOT_FOUND", "it waits, or is sent");
    assert.equal(refusedAs(await desk.run(crew.cyd, ["notice", "retry", "dlv_nothing"])), "NOT_FOUND");
    assert.equal(refusedAs(await desk.run(crew.cyd, ["notice", "list", "--state", "LOST"])), "MALFORMED");
    while ((await sent("glass.reviewed")).length === 0 && performance.now() < end + PATIENCE_MS);
    assert.equal((await sent("glass.reviewed"))[0]?.["id"], id);
  });

  it("announces more openings than usual, which another custodian approves", async () => {
    const raise = ["request", "submit", "--operation", "brake.raise", "--reason", "yearly review"];
    assert.equal((await desk.run(crew.ada, [...raise, "--openings", "40"])).status, 3, "for how long?");
    const [asked] = objects(await desk.run(crew.ada, [...raise, "--openings", "40", "--minutes", "120", "--json"]));
    assert.match(good(await desk.withCode(crew.ben, ["request", "approve", String(asked?.["id"])])), /the request is CLOSED/);
  });
});
