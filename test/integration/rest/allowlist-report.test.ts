// real: the whole application, PostgreSQL, HTTP, the command line as a program; double: nothing.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { writeSession } from "../../../src/cli/session-file.js";
import { Secret } from "../../../src/kernel/secret.js";
import { allow, type Crew, castParts, importAccounts, type Member, newAccount, refusal } from "../../support/crew.js";
import type { Ended } from "../../support/program.js";
import { type RestApp, startRestApp } from "../../support/rest-app.js";
import { runCli } from "../../support/run-cli.js";

describe("the report of who may do what", () => {
  let rest: RestApp;
  let crew: Crew;
  let home = "";

  before(async () => {
    home = await mkdtemp(join(tmpdir(), "rootkeep-report-"));
    rest = await startRestApp();
    crew = await rest.found();
    await castParts(crew);
    await allow(crew.ada, crew.cyd, crew.ben, "auditor", { kind: "customer", values: ["=cmd|'/C calc'!A0"] });
    await importAccounts(crew.cyd, [newAccount("123456789012"), newAccount("123456789013", "Other")]);
  });
  after(async () => {
    await (rest as RestApp | undefined)?.close();
    await rm(home, { recursive: true, force: true });
  });

  const as = async (member: Member, argv: readonly string[]): Promise<Ended> => {
    const file = join(home, member.id, "session.json");
    const session = { address: rest.address, token: Secret.of(member.token), personId: member.id, expiresAt: "2099-01-01T00:00:00.000Z" };
    await writeSession(file, session);
    return await runCli(argv, { environment: { ROOTKEEP_ADDRESS: rest.address, ROOTKEEP_SESSION_FILE: file } });
  };
  const alerts = async (path: string): Promise<readonly string[]> => {
    const { alerts: raised } = (await rest.http.get(path)).body as { alerts: string[] };
    return raised.filter((name) => name !== "no-second-store");
  };

  it("names person, role, accounts, who asked, who approved, and until when it counts, joined from pages", async () => {
    const items: Readonly<Record<string, unknown>>[] = [];
    for await (const { members } of crew.cyd.client.items("/v1/allowlist/report")) items.push(members);
    assert.equal(items.length, 7);
    const approver = items.find(({ role }) => role === "approver");
    const { ada, ben, cyd } = crew;
    assert.deepEqual(
      [approver?.["personName"], approver?.["askedBy"], approver?.["approvedBy"], approver?.["standing"], approver?.["givesRights"]],
      [ben.name, cyd.id, ada.id, "counts", true],
    );
    const days = (Date.parse(String(approver?.["dueAt"])) - Date.parse(String(approver?.["validFrom"]))) / 86_400_000;
    assert.equal(days, 92, "a quarter unless told");
    assert.equal(items.filter(({ isFounding, askedBy }) => isFounding === true && askedBy === null).length, 3);
  });

  it("is a table, JSON lines or a CSV file in which nothing begins like a formula", async () => {
    const table = await as(crew.cyd, ["people", "report"]);
    assert.equal(table.status, 0, table.stderr);
    assert.match(table.stdout, /Ben Okoro +approver +all +counts/);
    const lines = (await as(crew.cyd, ["people", "report", "--json"])).stdout.trim().split("\n");
    assert.equal(lines.length, 7);
    const csv = (await as(crew.cyd, ["people", "report", "--csv"])).stdout;
    assert.match(csv, /^id,personId,personName/);
    assert.equal(csv.trim().split("\r\n").length, 8);
    assert.match(csv, /,auditor,customer =cmd\|'\/C calc'!A0,/);
    assert.doesNotMatch(csv, /(?:^|,)"?[=+@-]/mu);
    assert.equal((await as(crew.cyd, ["people", "report", "--csv", "--json"])).status, 3);
  });

  it("says which accounts have too few people, to the probe as well, until they have enough", async () => {
    const look = async () => (await crew.cyd.client.get("/v1/allowlist/coverage")).members;
    let seen = await look();
    // The look of the start saw no account, and an answer may be a second old.
    while (seen["accounts"] !== 2) seen = await look();
    assert.equal(seen["uncovered"], 2);
    const shown = await as(crew.cyd, ["people", "coverage"]);
    assert.equal(shown.status, 1, shown.stderr);
    assert.match(shown.stdout, /^2 of 2 accounts have too few people\n/);
    assert.match(shown.stdout, /standalone +Other +1 +1 +1 +3/);
    for (const path of ["/readyz", "/v1/sys/health"]) assert.deepEqual(await alerts(path), ["accounts-uncovered"]);
    assert.match((await rest.http.get("/metrics")).text, /^rootkeep_accounts_uncovered 2$/m);
    assert.equal(rest.lines.filter((line) => line.includes('"coverage.changed"')).length, 1);
    await allow(crew.ada, crew.ben, crew.cyd, "approver");
    await allow(crew.ben, crew.cyd, crew.ada, "approver");
    while (seen["uncovered"] === 2) seen = await look();
    assert.equal(seen["uncovered"], 0);
    assert.deepEqual(await alerts("/readyz"), []);
  });

  it("is for custodians and auditors", async () => {
    const reading = [crew.ada, crew.ben];
    for (const { client } of reading) await client.get("/v1/allowlist/report");
    assert.equal(await refusal(crew.ada.visitor.get("/v1/allowlist/report")), "UNAUTHENTICATED");
  });
});
