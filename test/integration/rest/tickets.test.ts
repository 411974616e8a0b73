// real: the whole application, PostgreSQL, HTTP; double: the ticket system behind the webhook.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Crew, castParts, importAccounts, type Member, newAccount, refusal } from "../../support/crew.js";
import { pause } from "../../support/program.js";
import { type RestApp, startRestApp } from "../../support/rest-app.js";
import { runCli } from "../../support/run-cli.js";
import { DESK_SECRET, TicketDesk } from "../../support/ticket-desk.js";

const AWS = "123456789012";

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let waits = 0; !(await isSo()); waits++) {
    assert.ok(waits < 600, "it did not come about");
    await pause(50);
  }
}

describe("tickets over the wire", () => {
  let rest: RestApp;
  let crew: Crew;
  let account = "";
  let parent = "";

  before(async () => {
    parent = await mkdtemp(join(tmpdir(), "rootkeep-tickets-"));
    rest = await startRestApp({ ROOTKEEP_TICKETS: "board" });
    crew = await rest.found();
    await castParts(crew);
    [account = ""] = await importAccounts(crew.cyd, [newAccount(AWS)]);
  });
  after(async () => {
    await (rest as RestApp | undefined)?.close();
    await rm(parent, { recursive: true, force: true });
  });

  /** A command of somebody who signs in for it. */
  async function cli(member: Member, ...argv: string[]): Promise<string> {
    const environment = { ROOTKEEP_ADDRESS: rest.address, ROOTKEEP_SESSION_FILE: join(parent, member.id, "session.json") };
    const { status, stdout, stderr } = await runCli(argv, { environment });
    assert.equal(status, 0, stderr);
    return stdout;
  }
  async function signIn(member: Member): Promise<void> {
    const { writeFile } = await import("node:fs/promises");
    const file = join(parent, `${member.id}.password`);
    await writeFile(file, member.password, { mode: 0o600 });
    const environment = { ROOTKEEP_ADDRESS: rest.address, ROOTKEEP_SESSION_FILE: join(parent, member.id, "session.json") };
    for (let tries = 0; tries < 5; tries++) {
      const argv = ["login", "--email", member.email, "--password-file", file];
      if ((await runCli(argv, { environment, stdin: `${await member.code()}\n` })).status === 0) return;
    }
    assert.fail("did not sign in");
  }

  it("are opened, listed, shown, commented and closed by command, and told what happens to a request", async () => {
    await signIn(crew.ada);
    const opened = JSON.parse(await cli(crew.ada, "ticket", "open", "--account", account, "--title", "an invoice of May", "--json")) as {
      reference: string;
      seq: number;
    };
    assert.ok(opened.reference === "OPS-1" && Number.isInteger(opened.seq));
    await cli(crew.ada, "ticket", "comment", "OPS-1", "--text", "asked for by finance");
    const requestId = await crew.ada.ask({ operation: "secret.reveal", accountId: account, purpose: "billing-root-only", ticket: "OPS-1" });
    await crew.ben.client.post(`/v1/requests/${requestId}/denials`, { reason: "not in this month" });
    const comments = async (): Promise<{ text: string; authorId: string | null }[]> =>
      (await crew.cyd.client.get("/v1/tickets/OPS-1")).members["comments"] as { text: string; authorId: string | null }[];
    await until(async () => (await comments()).length === 3);
    const [own, submitted, denied] = await comments();
    assert.deepEqual([own?.text, own?.authorId], ["asked for by finance", crew.ada.id]);
    assert.match(submitted?.text ?? "", /was submitted/);
    assert.match(denied?.text ?? "", /was denied/);
    assert.ok(![submitted, denied].some((note) => note?.authorId !== null || note.text.includes("this month")));
    assert.match(await cli(crew.ada, "ticket", "list", "--state", "OPEN"), /OPS-1/);
    assert.match(await cli(crew.ada, "ticket", "show", "OPS-1"), /an invoice of May/);
    await cli(crew.ada, "ticket", "close", "OPS-1");
    const again = crew.ada.ask({ operation: "secret.reveal", accountId: account, purpose: "billing-root-only", ticket: "OPS-1" });
    assert.equal(await refusal(again), "TICKET_CLOSED");
    assert.match(await cli(crew.ada, "ticket", "list", "--state", "CLOSED"), /OPS-1/);
  });

  it("are refused by name, and a reference of any form is no way anywhere", async () => {
    const ask = (ticket: string): Promise<string> =>
      refusal(crew.ada.ask({ operation: "secret.reveal", accountId: account, purpose: "billing-root-only", ticket }));
    assert.equal(await ask("OPS-404"), "TICKET_UNKNOWN");
    const { reference } = (await crew.ada.client.post("/v1/tickets", { title: "about no account" })).members as { reference: string };
    assert.equal(await ask(reference), "TICKET_OTHER_ACCOUNT");
    for (const path of ["OPS-404", "..%2Faccounts", "%00", "a".repeat(300)])
      assert.ok(["NOT_FOUND", "MALFORMED"].includes(await refusal(crew.ada.client.get(`/v1/tickets/${path}`))), path);
    for (const series of ["ops", "A", "A-B", "A".repeat(11), "1A"])
      assert.equal(await refusal(crew.ada.client.post("/v1/tickets", { series, title: "what it is about" })), "MALFORMED");
  });
});

describe("a connected ticket system that is not there", () => {
  let rest: RestApp;
  let desk: TicketDesk;
  let crew: Crew;
  let account = "";

  before(async () => {
    desk = await TicketDesk.start();
    rest = await startRestApp({
      ROOTKEEP_TICKETS: "webhook",
      ROOTKEEP_TICKET_WEBHOOK: desk.url,
      ROOTKEEP_TICKET_WEBHOOK_SECRET: DESK_SECRET,
    });
    crew = await rest.found();
    await castParts(crew);
    [account = ""] = await importAccounts(crew.cyd, [newAccount(AWS)]);
  });
  after(async () => {
    await (rest as RestApp | undefined)?.close();
    await desk.stop();
  });

  it("refuses with 503, says why to the operator and not to the caller, and is told everything once it is back", async () => {
    desk.ticket("OPS-7", AWS);
    const ask = (): Promise<string> =>
      crew.ada.ask({ operation: "secret.reveal", accountId: account, purpose: "billing-root-only", ticket: "OPS-7" });
    const requestId = await ask();
    desk.manner = "refuse";
    assert.equal(await refusal(ask()), "TICKETS_UNAVAILABLE");
    assert.ok(rest.lines.some((line) => line.includes('"tickets.unavailable"') && line.includes("tickets_answered_503")));
    assert.ok(!rest.lines.some((line) => line.includes("secret reason") || line.includes(DESK_SECRET)));
    await crew.ada.client.post(`/v1/requests/${requestId}/withdrawals`, { reason: "not needed any more" });
    desk.manner = "answer";
    await until(() => desk.events("OPS-7").length === 2);
    assert.deepEqual(desk.events("OPS-7"), ["request.submitted", "request.withdrawn"]);
    const { text: metrics } = await rest.http.get("/metrics");
    assert.match(metrics, /rootkeep_ticket_looks_total\{system="webhook",outcome="unavailable"\} 1/);
    assert.match(metrics, /rootkeep_ticket_updates_sent_total\{system="webhook"\} 2/);
  });

  it("that knows a ticket no more leaves a change to be looked at: listed, alarmed, and put back in line by a custodian", async () => {
    desk.ticket("OPS-8", AWS);
    const requestId = await crew.ada.ask({
      operation: "secret.reveal",
      accountId: account,
      purpose: "billing-root-only",
      ticket: "OPS-8",
    });
    await until(() => desk.events("OPS-8").length === 1);
    desk.tickets.delete("OPS-8");
    await crew.ada.client.post(`/v1/requests/${requestId}/withdrawals`, { reason: "not needed any more" });
    const dead = async (): Promise<Record<string, unknown>[]> =>
      (await crew.ben.client.get("/v1/ticket-updates")).members["items"] as Record<string, unknown>[];
    await until(async () => (await dead()).length === 1);
    const [update] = await dead();
    assert.deepEqual([update?.["event"], update?.["reason"], update?.["reference"]], ["request.withdrawn", "ticket_unknown", "OPS-8"]);
    assert.ok(rest.lines.some((line) => line.includes('"ticket_update.dead"') && line.includes('"page":true')));
    desk.ticket("OPS-8", AWS);
    await crew.ben.client.post(`/v1/ticket-updates/${String(update?.["id"])}/retries`);
    await until(() => desk.events("OPS-8").length === 1);
    assert.deepEqual(await dead(), []);
  });
});
