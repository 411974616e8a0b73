// real: the program, PostgreSQL, HTTP, files; double: nothing.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { EXPORT_FILES } from "../../../src/audit/export-format.js";
import { exportLog } from "../../../src/cli/export-log.js";
import type { Secret } from "../../../src/kernel/secret.js";
import { type Crew, castParts, found, importAccounts, importFile, Member, newAccount, obtainGrant } from "../../support/crew.js";
import { type Mark, MarkSearch } from "../../support/marks.js";
import { withClient } from "../../support/postgres.js";
import { Program, removeHome, superuserOf } from "../../support/program.js";

/** A value that occurs nowhere else in the world. */
const mark = (name: string): Mark => ({ name, text: `mk-${name.replaceAll(" ", "-")}-${randomBytes(9).toString("hex")}` });

/** Texts of people that may stand where people must be able to read them again, and nowhere else. */
const PROSE = { reason: mark("reason of a request"), remark: mark("remark of an approval"), refusal: mark("reason of a denial") };
const PROSE_PLACES = ["approvals.request.body", "approvals.approval.reason", "audit.disclosure.value"];

/** What callers put where it does not belong; it may stand nowhere at all. */
const STRAY = {
  path: mark("path"),
  query: mark("query"),
  header: mark("header"),
  member: mark("name of a member"),
  value: mark("value of a wrong body"),
  cell: mark("cell of a bad file"),
  huge: mark("huge body"),
  login: mark("wrong password"),
  bearer: mark("wrong token"),
};

/** Runs everything that there is with marked secrets, and then looks for them everywhere. */
describe("the canary run", () => {
  let parent = "";
  let directory = "";
  let service: Program;
  let crew: Crew;
  const accounts = [newAccount("123456789012"), newAccount("210987654321")];
  const secrets: Mark[] = [];
  const codes: string[] = [];
  /** Every answer that came, with its headers; those that release a secret stand apart. */
  const answers: string[] = [];

  before(async () => {
    parent = await mkdtemp(join(tmpdir(), "rootkeep-canary-"));
    directory = join(parent, "data");
    // Printed invitations are a loopback trial's; here each goes into a file of its own.
    service = await Program.start({ directory, environment: { ROOTKEEP_TRIAL_PRINT_INVITATIONS: "no" } });
  });
  after(async () => {
    await (service as Program | undefined)?.kill();
    await removeHome(directory);
    await rm(parent, { recursive: true, force: true });
  });

  const keep = (name: string, text: string | Secret<string>): void => {
    secrets.push({ name, text: typeof text === "string" ? text : text.expose((value) => value) });
  };
  async function send(
    method: string,
    path: string,
    init: { headers?: Record<string, string>; body?: string | Buffer } = {},
  ): Promise<number> {
    const response = await fetch(new URL(path, service.address), { method, redirect: "error", ...init });
    answers.push(`${JSON.stringify([...response.headers])}\n${await response.text()}`);
    return response.status;
  }
  const json = (body: unknown, token = crew.ada.token): { headers: Record<string, string>; body: string } => ({
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });

  it("does the main job from founding to check-in, with enrolment, denial, withdrawal, reset", async () => {
    crew = await found(service.address, await service.invitations());
    await castParts(crew);
    const [first = "", second = ""] = await importAccounts(crew.cyd, accounts);
    const { ada, ben } = crew;
    const asked = {
      operation: "secret.reveal",
      accountId: second,
      purpose: "billing-root-only",
      ticket: "OPS-42",
      reason: PROSE.reason.text,
    };
    const denied = await ada.ask(asked);
    await ben.client.post(`/v1/requests/${denied}/denials`, { reason: PROSE.refusal.text });
    await ada.client.post(`/v1/requests/${await ada.ask(asked)}/withdrawals`, { reason: PROSE.remark.text });

    const grantId = await obtainGrant(crew, first);
    await ada.open(grantId);
    const released = await ada.withCode((code) => ada.client.release(`/v1/grants/${grantId}/codes`, { code }, "value"));
    released.secret.expose((code) => codes.push(code));
    await ada.client.post(`/v1/grants/${grantId}/returns`);

    const dora = new Member("Dora Lind", service.address);
    const enrolment = await ada.ask({
      operation: "person.enrol",
      subject: { name: dora.name, email: dora.email },
      reason: PROSE.reason.text,
    });
    await ben.withCode((code) => ben.client.post(`/v1/requests/${enrolment}/approvals`, { code, reason: PROSE.remark.text }));
    const link = await ada.takeHalf(enrolment, "link");
    const code = await ben.takeHalf(enrolment, "code");
    const acceptance = { token: link.secret, code: code.secret, password: dora.password };
    dora.enrolAuthenticator(await dora.visitor.release("/v1/invitations/acceptances", acceptance, "otpauth"));
    await dora.withCode((fresh) => dora.visitor.post("/v1/invitations/confirmations", { token: link.secret, code: fresh }));
    await dora.signIn();
    await dora.client.remove("/v1/sessions/current");

    keep("token of a link", link.secret);
    keep("code of an invitation", code.secret);
    for (const member of [...Object.values(crew), dora]) {
      for (const [index, text] of member.secrets.entries()) keep(`secret ${String(index)} of ${member.name}`, text);
      codes.push(...member.codes);
    }
    for (const { awsId, password, seed } of accounts) {
      keep(`password of ${awsId}`, password);
      keep(`seed of ${awsId}`, seed);
    }
    assert.ok(secrets.length > 20 && codes.length > 12);
  });

  it("is sent marks in paths, queries, headers, member names and values of every operation", async () => {
    const response = await fetch(new URL("/openapi.json", service.address));
    const { paths } = (await response.clone().json()) as { paths: Record<string, Record<string, unknown>> };
    answers.push(await response.text());
    const headers = { Authorization: `Bearer ${crew.ada.token}`, "X-Mark": STRAY.header.text, Cookie: `session=${STRAY.header.text}` };
    const body = JSON.stringify({
      [STRAY.member.text]: 1,
      reason: { value: STRAY.value.text },
      token: STRAY.value.text,
      code: STRAY.value.text,
    });
    for (const [template, verbs] of Object.entries(paths)) {
      for (const verb of Object.keys(verbs)) {
        const path = template.replaceAll(/\{\w+\}/g, STRAY.path.text);
        const isPost = verb === "post";
        await send(verb.toUpperCase(), `${path}?${STRAY.query.text}=${STRAY.query.text}&after=${STRAY.query.text}`, { headers });
        const withBody = { headers: { ...headers, "Content-Type": "application/json" }, ...(isPost ? { body } : {}) };
        await send(verb.toUpperCase(), path, withBody);
        await send(verb.toUpperCase(), path, { headers: { ...headers, Authorization: `Bearer ${STRAY.bearer.text}` } });
      }
    }
    for (const path of [`/${STRAY.path.text}`, `/v1/%zz${STRAY.path.text}`, `/v1/accounts/${STRAY.path.text.repeat(20)}`])
      await send("GET", path, { headers });
    await send("PROPFIND", `/v1/${STRAY.path.text}`, { headers });
  });

  it("is sent marks in bodies that do not parse, of wrong types, too large, and in bad files", async () => {
    const text = STRAY.value.text;
    const types = [
      "application/json",
      "text/plain",
      "text/csv",
      "application/xml",
      "multipart/form-data; boundary=x",
      `application/${text}`,
    ];
    for (const type of types) {
      for (const path of ["/v1/requests", "/v1/sessions", "/v1/imports"]) {
        const headers = { "Content-Type": type, Authorization: `Bearer ${crew.cyd.token}` };
        await send("POST", path, { headers, body: `{"password":"${text}", ${text}` });
      }
    }
    await send("POST", "/v1/requests", json(JSON.stringify({ reason: STRAY.huge.text.repeat(4_000) })));
    await send(
      "POST",
      "/v1/requests",
      json({ operation: "secret.reveal", reason: text, purpose: text, accountId: text, ticket: text, kinds: [text] }),
    );
    await send(
      "POST",
      "/v1/requests",
      json({ operation: "allowlist.grant", reason: "long enough", subject: { personId: text, role: text, scope: text } }, crew.cyd.token),
    );
    await send("POST", "/v1/sessions", { ...json({ email: crew.ben.email, password: STRAY.login.text, code: "000000" }, "") });
    await send("POST", "/v1/sessions", { ...json({ email: `${text}@example.com`, password: STRAY.login.text, code: "000000" }, "") });
    await send("POST", "/v1/founding/acceptances", json({ token: text, name: text, email: text, password: text }));

    const cell = STRAY.cell.text;
    const good = importFile([newAccount("321098765432")]);
    const files = [
      good.replace("aws_account_id", cell),
      good.replace("321098765432", cell),
      good.replace("Acme", `"${cell}`),
      good.replace(/,[A-Z2-7]{32}\n/, `,${cell}\n`),
      good.replace("root-321098765432@example.com", cell),
      `${good}${cell},${cell}\n`,
      `${cell}\n${cell}`,
    ];
    for (const onError of ["reject", "skip"]) {
      for (const body of files) {
        const headers = { "Content-Type": "text/csv", Authorization: `Bearer ${crew.cyd.token}` };
        assert.ok((await send("POST", `/v1/imports?onError=${onError}`, { headers, body })) < 500);
      }
    }
    const huge = Buffer.alloc(9 * 1024 * 1024, STRAY.huge.text);
    // A connection that is cut in the middle of what nobody reads is an answer as well.
    await send("POST", "/v1/imports", {
      headers: { "Content-Type": "text/csv", Authorization: `Bearer ${crew.cyd.token}` },
      body: huge,
    }).catch(() => 0);
    for (const path of ["/readyz", "/livez", "/v1/sys/health", "/v1/audit/entries?limit=200", "/v1/people", "/v1/accounts"])
      await send("GET", path, { headers: { Authorization: `Bearer ${crew.cyd.token}` } });
  });

  it("has no secret and no stray text in its output, its answers, its tables, its export, its files", async () => {
    const exported = join(parent, "export");
    const options = { directory: exported, from: 0, hasDisclosures: true, tool: "test", created: new Date(), onProgress: () => undefined };
    await exportLog(crew.cyd.client, options);
    const search = new MarkSearch([...secrets, ...Object.values(STRAY)]);
    const connection = await superuserOf(directory);
    const tables = await withClient(connection, (client) => search.inTables(client));
    assert.ok(tables.columns.includes("people.authenticator.sealed") && tables.columns.includes("edge.idempotency.key"));
    const found = [
      ...search.in(service.output, "output"),
      ...answers.flatMap((text, index) => search.in(text, `answer ${String(index)}`)),
      ...tables.found,
    ];
    found.push(...(await search.inFiles(exported)));
    assert.deepEqual(found, []);

    // A search that finds nothing must be one that can find: people's own texts are there, exactly where they may be.
    const prose = new MarkSearch(Object.values(PROSE));
    const { found: read } = await withClient(connection, (client) => prose.inTables(client));
    assert.deepEqual([...new Set(read.map(({ place }) => place))].toSorted(), PROSE_PLACES.toSorted());
    assert.deepEqual(prose.in(service.output, "output"), []);
    assert.deepEqual([...new Set((await prose.inFiles(exported)).map(({ place }) => place))], [EXPORT_FILES.disclosures]);
  });

  it("has no code of anybody in its output, its answers, its tables", async () => {
    // Six digits turn up by chance inside longer numbers and hashes; a code by itself is what is looked for.
    const alone = new RegExp(`(?<![0-9A-Za-z.+-])(?:${[...new Set(codes)].join("|")})(?![0-9A-Za-z])`);
    assert.ok(alone.test(`{"code":"${codes[0] ?? ""}"}`));
    assert.doesNotMatch(service.output, alone);
    for (const answer of answers) assert.doesNotMatch(answer, alone);
    const rows = await withClient(await superuserOf(directory), async (client) => {
      const { rows: entries } = await client.query<{ text: string }>(
        `SELECT convert_from(entry, 'UTF8') AS text FROM audit.entry UNION ALL SELECT to_jsonb(r)::text FROM approvals.request r
         UNION ALL SELECT to_jsonb(a)::text FROM approvals.approval a UNION ALL SELECT to_jsonb(i)::text FROM edge.idempotency i
         UNION ALL SELECT to_jsonb(d)::text FROM audit.disclosure d UNION ALL SELECT to_jsonb(f)::text FROM people.signin_failure f`,
      );
      return entries;
    });
    assert.ok(rows.length > 50);
    for (const { text } of rows) assert.doesNotMatch(text, alone);
  });

  it("has left nothing in the files of its data directory either, the database's own log of changes included", async () => {
    await service.stop();
    const search = new MarkSearch([...secrets, ...Object.values(STRAY)]);
    const found = await search.inFiles(directory);
    assert.deepEqual(
      found.filter(({ place }) => !/^founding-invitation-[123]\.txt$/.test(place)),
      [],
    );
    assert.equal(found.length, 3, "each founder's file holds the one token that was theirs");
    assert.ok((await new MarkSearch([PROSE.reason]).inFiles(directory)).length > 0, "the search finds what is there");
  });
});
