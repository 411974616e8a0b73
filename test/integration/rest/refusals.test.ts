// real: the whole application, PostgreSQL, HTTP; double: nothing.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Response } from "supertest";
import { allow, type Crew, importAccounts, newAccount, obtainGrant } from "../../support/crew.js";
import { withClient } from "../../support/postgres.js";
import { assertProblem } from "../../support/problem-check.js";
import { pause } from "../../support/program.js";
import { type RestApp, startRestApp } from "../../support/rest-app.js";

const ACCOUNTS = [newAccount("123456789012"), newAccount("210987654321"), newAccount("321098765432", "Other")];
const WRONG = "000000";

/** What a caller is refused with, over the wire, by the acts themselves. */
describe("a refusal", () => {
  let rest: RestApp;
  let crew: Crew;
  let [first, second, foreign] = ["", "", ""];
  let grantId = "";
  before(async () => {
    rest = await startRestApp();
    crew = await rest.found();
    await allow(crew.ben, crew.cyd, crew.ada, "requester", { kind: "customer", values: ["Acme"] });
    await allow(crew.cyd, crew.ada, crew.ben, "approver");
    [first = "", second = "", foreign = ""] = await importAccounts(crew.cyd, ACCOUNTS);
    grantId = await obtainGrant(crew, first);
  });
  after(() => (rest as RestApp | undefined)?.close());

  const post = (path: string, token: string, body: object): Promise<Response> =>
    rest.http.post(path).set("Authorization", `Bearer ${token}`).send(body);
  const ask = (fields: object): Promise<Response> =>
    post("/v1/requests", crew.ada.token, {
      operation: "secret.reveal",
      reason: "an invoice",
      purpose: "billing-root-only",
      ticket: "OPS-1",
      ...fields,
    });
  const open = async (kind = "root-password"): Promise<Response> =>
    post(`/v1/grants/${grantId}/openings`, crew.ada.token, { kind, code: await crew.ada.code() });
  const code = async (): Promise<Response> => post(`/v1/grants/${grantId}/codes`, crew.ada.token, { code: await crew.ada.code() });

  it("of a sign-in says the same whatever was wrong", async () => {
    const { email, password } = crew.cyd;
    for (const form of [
      { email, password, code: WRONG },
      { email, password: "another pass phrase", code: await crew.cyd.code() },
      { email: "nobody@example.com", password, code: WRONG },
    ]) {
      const body = assertProblem(await rest.http.post("/v1/sessions").send(form), "UNAUTHENTICATED");
      assert.deepEqual(Object.keys(body).toSorted(), ["code", "detail", "errors", "instance", "requestId", "status", "title", "type"]);
    }
  });

  it("of a request says what is missing: ticket, allowlist, another way", async () => {
    assertProblem(await ask({ accountId: second, ticket: null }), "TICKET_INVALID");
    assertProblem(await ask({ accountId: second, ticket: "not a ticket" }), "TICKET_INVALID");
    assertProblem(await ask({ accountId: foreign }), "NOT_ALLOWLISTED");
    const better = assertProblem(await ask({ accountId: second, purpose: "account-name-change" }), "BETTER_WAY");
    assert.match(String(better["way"]), /PutAccountName/);
    assertProblem(await ask({ accountId: "acc_00000000000000000000000000" }), "NOT_FOUND");
    const unknown = assertProblem(await ask({ accountId: second, purpose: "no-such-purpose" }), "MALFORMED");
    assert.deepEqual(
      (unknown["errors"] as { field: string }[]).map(({ field }) => field),
      ["purpose"],
    );
    assertProblem(await ask({ operation: "person.enrol", subject: { name: crew.ben.name, email: "new@example.com" } }), "ALREADY_EXISTS");
  });

  it("of an approval says that nobody decides on their own, needs a factor, and decides once", async () => {
    const request = await ask({ accountId: second });
    assert.equal(request.status, 201);
    const path = `/v1/requests/${String(request.body.id)}`;
    assert.equal(request.headers["location"], path);
    assertProblem(await post(`${path}/approvals`, crew.ada.token, { code: WRONG }), "SELF_APPROVAL");
    assertProblem(await post(`${path}/approvals`, crew.cyd.token, { code: WRONG }), "NOT_ALLOWLISTED");
    assertProblem(await post(`${path}/approvals`, crew.ben.token, { code: WRONG }), "STEP_UP_REQUIRED");
    assertProblem(await post(`${path}/withdrawals`, crew.ben.token, { reason: "not mine" }), "NOT_FOUND");
    assert.equal((await post(`${path}/denials`, crew.ben.token, { reason: "not today" })).status, 204);
    assertProblem(await post(`${path}/approvals`, crew.ben.token, { code: WRONG }), "STATE_CONFLICT");
  });

  it("of half an invitation is that of the factor, the custodian and the repetition, and an auditor reads it", async () => {
    const enrolment = { operation: "person.enrol", reason: "joins the team", subject: { name: "Iris Holm", email: "iris@example.com" } };
    const id = String((await post("/v1/requests", crew.ada.token, enrolment)).body.id);
    await crew.ben.approve(id);
    const [link, code] = [`/v1/requests/${id}/invitation-link`, `/v1/requests/${id}/invitation-code`];
    const { errors } = assertProblem(await post(code, crew.ben.token, {}), "MALFORMED") as { errors: { field: string }[] };
    assert.deepEqual(
      errors.map(({ field }) => field),
      ["code"],
    );
    assertProblem(await post(code, crew.ada.token, { code: WRONG }), "NOT_FOUND");
    assertProblem(await post(link, crew.ben.token, { code: WRONG }), "NOT_FOUND");
    assertProblem(await post(link, crew.ada.token, { code: WRONG }), "STEP_UP_REQUIRED");
    assertProblem(await post(code, crew.ben.token, { code: WRONG }), "STEP_UP_REQUIRED");
    const entries = await crew.cyd.client.get("/v1/audit/entries", { after: "0", limit: 200 });
    for (const [half, by] of [
      ["link", crew.ada],
      ["code", crew.ben],
    ] as const) {
      const told = entries.list("items").filter(({ members }) => {
        const { action, outcome, actor, target, details } = members["entry"] as {
          action: string;
          outcome: string;
          actor: { id?: string };
          target?: { id: string };
          details?: { code?: string };
        };
        const isTheirs = action === `invitation.${half}` && outcome === "denied" && actor.id === by.id && target?.id === id;
        return isTheirs && details?.code === "STEP_UP_REQUIRED";
      });
      assert.equal(told.length, 1, half);
    }
    const taken = await crew.ben.takeHalf(id, "code");
    assert.ok(taken.secret.expose((text) => text.length) > 0);
    const again = assertProblem(await post(code, crew.ben.token, { code: WRONG }), "ALREADY_RELEASED");
    assert.equal(again["seq"], taken.answer.count("seq"));
  });

  it("of an account that is checked out names until when", async () => {
    const again = await ask({ accountId: first });
    const path = `/v1/requests/${String(again.body.id)}/approvals`;
    const body = assertProblem(await post(path, crew.ben.token, { code: await crew.ben.code() }), "CHECKED_OUT");
    assert.ok(Date.parse(String(body["until"])) > Date.now());
  });

  it("of an opening is that of the role, the holder, the factor, the kind, the count", async () => {
    const path = `/v1/grants/${grantId}/openings`;
    assertProblem(await post(path, crew.ben.token, { kind: "root-password", code: WRONG }), "FORBIDDEN");
    assertProblem(await post(path, crew.ada.token, { kind: "root-password", code: WRONG }), "STEP_UP_REQUIRED");
    assertProblem(await open("mfa-seed"), "NOT_FOUND");
    const opened = await open();
    assert.equal(opened.status, 200, JSON.stringify(opened.body));
    assert.equal(opened.headers["cache-control"], "no-store");
    assert.equal(opened.headers["audit-seq"], String(opened.body.intentSeq));
    assert.match(String(opened.headers["audit-leaf"]), /^[0-9a-f]{64}$/);
    assert.ok(Number(assertProblem(await open(), "GRANT_SPENT")["seq"]) > 0);
  });

  it("of a code that was given out already says how long to wait", async () => {
    // Both calls must lie in one time step of AWS's.
    while ((Date.now() / 1000) % 30 > 25) await pause(100);
    assert.equal((await code()).status, 200);
    const response = await code();
    assertProblem(response, "CODE_WAIT");
    const wait = Number(response.headers["retry-after"]);
    assert.ok(wait >= 1 && wait <= 30, String(wait));
  });

  it("of a returned grant, and of a password that was seen, is final", async () => {
    assert.equal((await post(`/v1/grants/${grantId}/returns`, crew.ada.token, {})).status, 204);
    assertProblem(await code(), "APPROVAL_EXPIRED");
    assertProblem(await post(`/v1/grants/${grantId}/returns`, crew.ada.token, {}), "STATE_CONFLICT");
    assertProblem(await ask({ accountId: first }), "BURNT");
  });

  it("of a row that was edited, or of a log that cannot be written, tells the caller only that", async () => {
    const { superuser } = rest.database;
    await withClient(superuser, (client) => client.query("REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA audit FROM rootkeep_service"));
    const unwritten = await ask({ accountId: second });
    assert.ok([503].includes(unwritten.status), JSON.stringify(unwritten.body));
    assertProblem(unwritten, unwritten.body.code === "UNAVAILABLE" ? "UNAVAILABLE" : "AUDIT_UNAVAILABLE");
    await withClient(superuser, (client) => client.query("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA audit TO rootkeep_service"));
    assert.equal((await ask({ accountId: second })).status, 201);

    await withClient(superuser, (client) =>
      client.query('UPDATE people.allowlist_entry SET scope = \'{"kind":"all"}\' WHERE person_id = $1', [crew.ada.id]),
    );
    assertProblem(await ask({ accountId: foreign }), "ROW_REFUSED");
    assert.ok(rest.lines.some((line) => line.includes('"row.refused"') && line.includes('"page":true')));
  });

  it("after too many wrong factors makes the person wait, and nobody else", async () => {
    const enrolment = { operation: "person.enrol", reason: "joins the team", subject: { name: "Dora Lind", email: "dora@example.com" } };
    const request = await post("/v1/requests", crew.ben.token, enrolment);
    const path = `/v1/requests/${String(request.body.id)}/approvals`;
    let response = await post(path, crew.cyd.token, { code: WRONG });
    for (let tries = 1; tries < 6 && response.status === 401; tries++) response = await post(path, crew.cyd.token, { code: WRONG });
    assertProblem(response, "LOCKED_OUT");
    assert.ok(Number(response.headers["retry-after"]) >= 1);
    assertProblem(await post(path, crew.cyd.token, { code: await crew.cyd.code() }), "LOCKED_OUT");
    assert.equal((await rest.http.get("/v1/people/self").set("Authorization", `Bearer ${crew.cyd.token}`)).status, 200);
  });

  it("of an outsider who keeps trying says how long to wait, and probes go on", async () => {
    let response: Response;
    let count = 0;
    do response = await rest.http.post("/v1/sessions").send({});
    while (response.status === 400 && ++count < 1_000);
    assertProblem(response, "RATE_LIMITED");
    assert.ok(Number(response.headers["retry-after"]) >= 1);
    assert.equal((await rest.http.get("/livez")).status, 200);
    assert.equal((await rest.http.get("/v1/people/self").set("Authorization", `Bearer ${crew.ben.token}`)).status, 200);
  });
});
