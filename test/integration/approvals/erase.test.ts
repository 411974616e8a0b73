// real: the whole application and its signer, PostgreSQL, HTTP, export and verifier; double: nothing.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Crew, castParts, refusal, verifyLog } from "../../support/crew.js";
import { withClient } from "../../support/postgres.js";
import { type RestApp, startRestApp } from "../../support/rest-app.js";
import { runCli } from "../../support/run-cli.js";

const [ASKED, SAID] = ["MARKER-asked for Erika Mustermann", "MARKER-denied for Erika Mustermann"];
const PARTS = { operation: "secret.reveal", ticket: "OPS-42" };

describe("erasing personal data", () => {
  let rest: RestApp;
  let crew: Crew;
  before(async () => {
    rest = await startRestApp();
    crew = await rest.found();
    await castParts(crew);
  });
  after(() => rest.close());

  const asSuperuser = <T>(sql: string, values: unknown[] = []): Promise<T[]> =>
    withClient(rest.database.superuser, async (client) => (await client.query(sql, values)).rows as T[]);
  const asService = (sql: string, values: unknown[] = []): Promise<unknown> =>
    withClient(rest.database.connections.rootkeep_service, (client) => client.query(sql, values));
  const openingsOf = async (seqs: readonly number[]): Promise<string[]> =>
    (
      await asSuperuser<{ seq: string; field: string }>("SELECT seq, field FROM audit.disclosure WHERE seq = ANY($1) ORDER BY 1, 2", [seqs])
    ).map(({ seq, field }) => `${seq} ${field}`);

  /** Tables in which a text stands, as itself or as bytes. */
  async function tablesWith(text: string): Promise<string[]> {
    const tables = await asSuperuser<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
    );
    const found: string[] = [];
    for (const { name } of tables) {
      const hex = Buffer.from(text, "utf8").toString("hex");
      const rows = await asSuperuser(`SELECT 1 FROM ${name} AS t WHERE t::text LIKE $1 OR t::text LIKE $2 LIMIT 1`, [
        `%${text}%`,
        `%${hex}%`,
      ]);
      if (rows.length > 0) found.push(name);
    }
    return found.sort();
  }
  /** Ada asks, Ben approves. @returns what the log says of it. */
  async function erase(subject: object): Promise<Record<string, unknown>> {
    const id = await crew.ada.ask({ operation: "disclosure.erase", subject });
    const seq = (await crew.ben.approve(id)).count("seq");
    for await (const item of crew.cyd.client.items("/v1/audit/entries", { after: seq })) {
      const { members } = item.object("entry");
      if (members["action"] === "disclosure.erase") return members;
    }
    throw new Error("the log does not tell");
  }
  async function deniedRequest(): Promise<string> {
    const subject = { personId: crew.cyd.id, role: "auditor", scope: { kind: "customer", values: ["Acme"] } };
    const id = await crew.ada.ask({ operation: "allowlist.grant", subject, reason: ASKED });
    await crew.ben.client.post(`/v1/requests/${id}/denials`, { reason: SAID });
    return id;
  }

  it("about a request takes its reasons out of every table, and the log says which openings went, not what they held [RQ-9] [AE-17]", async () => {
    const id = await deniedRequest();
    assert.deepEqual(await tablesWith(ASKED), ["approvals.request", "audit.disclosure"]);
    assert.deepEqual(await tablesWith(SAID), ["approvals.approval", "audit.disclosure"]);
    const view = await crew.ada.client.get(`/v1/requests/${id}`);
    const entry = await erase({ requestId: id });
    const { erased, approvedBy } = entry["details"] as { erased: { seq: number; fields: string[] }[]; approvedBy: string };
    assert.deepEqual([entry["actor"], approvedBy], [{ type: "person", id: crew.ada.id }, crew.ben.id]);
    assert.deepEqual(
      erased.map(({ fields }) => fields),
      [["reason", "scope.0"], ["reason"]],
    );
    assert.deepEqual(await openingsOf(erased.map(({ seq }) => seq)), []);
    assert.deepEqual([await tablesWith(ASKED), await tablesWith(SAID)], [[], []]);

    const erasedView = await crew.ada.client.get(`/v1/requests/${id}`);
    const { reason, ...rest } = view.object("body").members;
    assert.equal(reason, ASKED);
    assert.deepEqual(erasedView.object("body").members, { ...rest, nonce: "", reason: "" });
    assert.equal(erasedView.text("hash"), view.text("hash"));
    const listed: string[] = [];
    for await (const request of crew.ada.client.items("/v1/requests")) listed.push(request.text("id"));
    assert.ok(listed.includes(id), "lists still read it");
    assert.equal(await refusal(crew.cyd.approve(id)), "STATE_CONFLICT");
  });
  it("leaves every proof whole: the log verifies, with the openings that are left", async () => {
    const { report } = await verifyLog(crew.cyd);
    assert.equal(report.exitCode, 0, JSON.stringify(report.checks));
    assert.match(report.checks.find(({ check }) => check === "disclosures")?.message ?? "", /^[1-9]\d* openings match/);
  });
  it("about a person takes the openings of name and address, and the person goes on", async () => {
    const [{ id }] = (await asSuperuser<{ id: string }>("SELECT id FROM people.person WHERE name = 'Cyd Ilves'")) as [{ id: string }];
    const entry = await erase({ personId: id });
    const { erased } = entry["details"] as { erased: { seq: number; fields: string[] }[] };
    const founded = erased.find(({ fields }) => fields.some((field) => field.startsWith("custodian.")));
    assert.deepEqual(founded?.fields, ["custodian.2.email", "custodian.2.name"]);
    assert.deepEqual(
      await openingsOf([founded.seq]),
      ["custodian.0.email", "custodian.0.name", "custodian.1.email", "custodian.1.name"].map((field) => `${String(founded.seq)} ${field}`),
    );
    // One human is one person, also after leaving: the row stays, and so does the sign-in.
    assert.deepEqual(await tablesWith("Cyd Ilves"), ["people.person"]);
    await crew.cyd.signIn();
    assert.equal((await crew.cyd.client.get("/v1/people/self")).text("id"), id);
  });
  it("of one field of one entry leaves the others", async () => {
    const id = await deniedRequest();
    const rows = await asSuperuser<{ seq: string }>("SELECT max(seq) AS seq FROM audit.disclosure WHERE field = 'scope.0'");
    const seq = Number(rows[0]?.seq);
    const entry = await erase({ seq, field: "scope.0" });
    assert.deepEqual(
      [entry["target"], (entry["details"] as { erased: unknown }).erased],
      [{ type: "entry", id: String(seq) }, [{ seq, fields: ["scope.0"] }]],
    );
    assert.deepEqual(await openingsOf([seq]), [`${String(seq)} reason`]);
    assert.equal((await crew.ada.client.get(`/v1/requests/${id}`)).object("body").text("reason"), ASKED);
    assert.equal(await refusal(crew.ada.ask({ operation: "disclosure.erase", subject: { seq, field: "scope.0" } })), "NOT_FOUND");
  });
  it("is asked for at the command line", async () => {
    const id = await deniedRequest();
    const home = await mkdtemp(join(tmpdir(), "rootkeep-erase-"));
    try {
      const sessionFile = join(home, "session");
      const session = { address: rest.address, token: crew.ada.token, personId: crew.ada.id, expiresAt: "2100-01-01T00:00:00Z" };
      await writeFile(sessionFile, JSON.stringify(session), { mode: 0o600 });
      const run = (...argv: string[]) => runCli(["audit", "erase", ...argv], { environment: { ROOTKEEP_SESSION_FILE: sessionFile } });
      const asked = await run("--request", id, "--reason", "DSR 17", "--json");
      assert.equal(asked.status, 0, asked.stderr);
      await crew.ben.approve((JSON.parse(asked.stdout) as { id: string }).id);
      assert.equal((await crew.ada.client.get(`/v1/requests/${id}`)).object("body").text("reason"), "");
      for (const argv of [[], ["--entry", "1"], ["--request", id, "--person", crew.cyd.id]])
        assert.equal((await run(...argv, "--reason", "x")).status, 3);
    } finally {
      await rm(home, { recursive: true, force: true });
    }
  });
  it("takes two custodians, neither of whom is the person", async () => {
    const id = await deniedRequest();
    const asked = await crew.ada.ask({ operation: "disclosure.erase", subject: { requestId: id } });
    assert.equal(await refusal(crew.ada.approve(asked)), "SELF_APPROVAL");
    await crew.ben.client.post(`/v1/requests/${asked}/denials`, { reason: "not without the data protection officer" });
    assert.deepEqual(await tablesWith(ASKED), ["approvals.request", "audit.disclosure"]);
    assert.equal(await refusal(crew.ada.ask({ operation: "disclosure.erase", subject: { personId: crew.ada.id } })), "SELF_APPROVAL");
    const about = await crew.ada.ask({ operation: "disclosure.erase", subject: { personId: crew.ben.id } });
    assert.equal(await refusal(crew.ben.approve(about)), "SELF_APPROVAL");
  });
  it("is not asked for what is open, unknown or not said", async () => {
    const open = await crew.ada.ask({
      ...PARTS,
      operation: "allowlist.grant",
      subject: { personId: crew.cyd.id, role: "approver", scope: { kind: "all" } },
    });
    const ask = (subject: object): Promise<string> => refusal(crew.ada.ask({ operation: "disclosure.erase", subject }));
    assert.equal(await ask({ requestId: open }), "STATE_CONFLICT");
    assert.equal(await ask({ requestId: open.replace(/.{3}$/, "000") }), "NOT_FOUND");
    assert.equal(await ask({ seq: 0, field: "reason" }), "NOT_FOUND");
    for (const subject of [
      {},
      { seq: 1 },
      { seq: -1, field: "reason" },
      { seq: 1, field: "A B" },
      { requestId: "x" },
      { requestId: open, seq: 1, field: "reason" },
    ])
      assert.equal(await ask(subject), "MALFORMED", JSON.stringify(subject));
    // What enrolled somebody may still be needed for their invitation.
    const enrolled = await crew.ada.ask({ operation: "person.enrol", subject: { name: "Dora Lind", email: "dora.lind@example.com" } });
    await crew.ben.approve(enrolled);
    assert.equal(await ask({ requestId: enrolled }), "STATE_CONFLICT");
  });
  it("is done by the database for an entry that names it, and by nothing else that the service can call", async () => {
    const id = await deniedRequest();
    const denied = { code: "42501" };
    await assert.rejects(asService("DELETE FROM audit.disclosure"), denied);
    await assert.rejects(asService("UPDATE audit.disclosure SET value = ''"), denied);
    await assert.rejects(asService("TRUNCATE audit.disclosure"), denied);
    const [last] = await asSuperuser<{ seq: string }>("SELECT max(seq) AS seq FROM audit.entry");
    for (const seq of [0, Number(last?.seq), Number(last?.seq) + 1])
      await assert.rejects(asService("SELECT audit.erase($1)", [seq]), denied);
    await assert.rejects(asService("UPDATE approvals.request SET body = ''"), denied);
    await assert.rejects(asService("UPDATE approvals.approval SET reason = ''"), denied);
    const [row] = await asSuperuser<{ body: string }>("SELECT body FROM approvals.request WHERE id = $1", [id]);
    const body = JSON.parse(row?.body ?? "") as Record<string, unknown>;
    const erasedForm = { ...body, nonce: "", reason: "", format: "rk-request-erased-1" };
    for (const other of [
      { ...erasedForm, requester: crew.cyd.id },
      { ...erasedForm, subject: {} },
      { ...erasedForm, format: "rk-request-1" },
      { ...erasedForm, reason: "another" },
      { ...erasedForm, nonce: body["nonce"] },
    ])
      await assert.rejects(asService("SELECT approvals.erase_request($1, $2)", [id, JSON.stringify(other)]), denied);
    const [open] = await asSuperuser<{ id: string; body: string }>(
      "SELECT id, body FROM approvals.request WHERE state = 'SUBMITTED' LIMIT 1",
    );
    const openForm = { ...(JSON.parse(open?.body ?? "") as object), nonce: "", reason: "", format: "rk-request-erased-1" };
    await assert.rejects(asService("SELECT approvals.erase_request($1, $2)", [open?.id, JSON.stringify(openForm)]), denied);
    assert.deepEqual(await tablesWith(ASKED), ["approvals.request", "audit.disclosure"]);
  });
});
