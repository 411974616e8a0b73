// real: the whole application, PostgreSQL, HTTP; double: nothing.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import type { Response } from "supertest";
import { type Crew, castParts, importAccounts, importFile, newAccount, obtainGrant } from "../../support/crew.js";
import { assertHeaders, assertProblem, type RawAnswer } from "../../support/problem-check.js";
import { type RestApp, startRestApp } from "../../support/rest-app.js";

const ACCOUNTS = Array.from({ length: 5 }, (_, index) => newAccount(`12345678901${String(index)}`));

describe("operations over REST", () => {
  let rest: RestApp;
  let crew: Crew;
  let accountIds: readonly string[] = [];
  before(async () => {
    rest = await startRestApp();
    crew = await rest.found();
    await castParts(crew);
    accountIds = await importAccounts(crew.cyd, ACCOUNTS);
  });
  after(() => (rest as RestApp | undefined)?.close());

  type Sender = { readonly token: string };
  const get = (path: string, by: Sender = crew.cyd): Promise<Response> => rest.http.get(path).set("Authorization", `Bearer ${by.token}`);
  const post = (path: string, by: Sender, key: string, body: object): Promise<Response> =>
    rest.http.post(path).set("Authorization", `Bearer ${by.token}`).set("Idempotency-Key", key).send(body);
  const logSize = async (): Promise<number> => Number((await get("/v1/audit/head")).body.size);
  const opening = (accountId: string): object => ({
    operation: "secret.reveal",
    reason: "an invoice",
    purpose: "billing-root-only",
    ticket: "OPS-1",
    accountId,
  });

  describe("pages", () => {
    async function pages(path: string, limit: number): Promise<{ items: Record<string, unknown>[]; count: number }> {
      const items: Record<string, unknown>[] = [];
      let after = "";
      for (let count = 1; ; count++) {
        const response = await get(`${path}?limit=${String(limit)}${after === "" ? "" : `&after=${encodeURIComponent(after)}`}`);
        assert.equal(response.status, 200, JSON.stringify(response.body));
        assertHeaders(response);
        const { items: page, next } = response.body as { items: Record<string, unknown>[]; next: string | null };
        assert.ok(page.length <= limit);
        items.push(...page);
        if (next === null) return { items, count };
        assert.equal(page.length, limit, "only the last page may be shorter");
        after = next;
      }
    }

    for (const path of ["/v1/accounts", "/v1/people", "/v1/allowlist", "/v1/sessions", "/v1/requests", "/v1/audit/entries"]) {
      it(`of ${path} join to the whole, without a gap or a repetition, whatever their size`, async () => {
        const whole = (await get(`${path}?limit=200`)).body as { items: Record<string, unknown>[]; next: unknown };
        assert.equal(whole.next, null);
        assert.ok(whole.items.length > 0);
        for (const limit of [1, 2, whole.items.length]) {
          const { items, count } = await pages(path, limit);
          assert.deepEqual(items, whole.items, `${path} by ${String(limit)}`);
          assert.equal(count, Math.ceil(whole.items.length / limit));
        }
      });
    }

    it("have bounds, and cursors that we made", async () => {
      for (const query of [
        "limit=0",
        "limit=201",
        "limit=-1",
        "limit=1e2",
        "limit=",
        "limit=1&limit=2",
        "after=%00",
        "after=%20",
        "unknown=1",
      ])
        assertProblem(await get(`/v1/accounts?${query}`), "MALFORMED", query);
      assertProblem(await get("/v1/accounts?after=bm90IGFuIGlk"), "MALFORMED", "a cursor of something else");
      assertProblem(await get("/v1/audit/entries?after=-1"), "MALFORMED");
      assertProblem(await get("/v1/requests?state=NONSENSE"), "MALFORMED");
      // One beyond the end is no error: there is nothing more.
      const beyond = await get(`/v1/accounts?after=${Buffer.from("acc_7zzzzzzzzzzzzzzzzzzzzzzzzz").toString("base64url")}`);
      assert.deepEqual(beyond.body, { items: [], next: null });
    });
  });

  describe("an idempotency key", () => {
    it("makes a request happen once, and answers the repeat with its id", async () => {
      const key = randomUUID();
      const first = await post("/v1/requests", crew.ada, key, opening(accountIds[0] ?? ""));
      assert.equal(first.status, 201, JSON.stringify(first.body));
      const size = await logSize();
      const second = await post("/v1/requests", crew.ada, key, opening(accountIds[0] ?? ""));
      assert.deepEqual([second.status, second.body], [201, { id: first.body.id, seq: first.body.seq }]);
      assert.equal(second.headers["idempotency-replayed"], "true");
      assert.equal(await logSize(), size);
      assertProblem(await post("/v1/requests", crew.ada, key, opening(accountIds[1] ?? "")), "ALREADY_EXISTS");
      // Somebody else's key of the same name is another one.
      const others = await post("/v1/requests", crew.ben, key, {
        operation: "person.enrol",
        reason: "joins the team",
        subject: { name: "Eva Roth", email: "eva@example.com" },
      });
      assert.equal(others.status, 201, JSON.stringify(others.body));
    });

    it("lets one of many calls at once through", async () => {
      const key = randomUUID();
      const mine = async (): Promise<number> => ((await get("/v1/requests?mine=true&limit=200", crew.ada)).body.items as unknown[]).length;
      const before = await mine();
      const answers = await Promise.all(Array.from({ length: 6 }, () => post("/v1/requests", crew.ada, key, opening(accountIds[2] ?? ""))));
      const made = answers.filter(({ status }) => status === 201);
      assert.ok(made.length >= 1);
      assert.equal(new Set(made.map(({ body }) => String(body.id))).size, 1);
      for (const answer of answers.filter(({ status }) => status !== 201)) assertProblem(answer, "STATE_CONFLICT");
      assert.equal(await mine(), before + 1);
    });

    it("covers approvals and imports", async () => {
      const request = await post("/v1/requests", crew.ada, randomUUID(), opening(accountIds[3] ?? ""));
      const path = `/v1/requests/${String(request.body.id)}/approvals`;
      const [key, form] = [randomUUID(), { code: await crew.ben.code() }];
      const first = await post(path, crew.ben, key, form);
      assert.equal(first.status, 200, JSON.stringify(first.body));
      const second = await post(path, crew.ben, key, form);
      assert.deepEqual([second.status, second.headers["idempotency-replayed"], second.body.seq], [200, "true", first.body.seq]);

      const csv = importFile([newAccount("999988887777")]);
      const upload = async (body: string): Promise<Response> =>
        await rest.http
          .post("/v1/imports")
          .set("Authorization", `Bearer ${crew.cyd.token}`)
          .set("Idempotency-Key", key)
          .set("Content-Type", "text/csv")
          .send(body);
      const imported = await upload(csv);
      assert.equal(imported.body.imported, 1, JSON.stringify(imported.body));
      const again = await upload(csv);
      assert.deepEqual([again.status, again.body.id], [imported.status, imported.body.importId]);
      assertProblem(await upload(`${csv}\n`), "ALREADY_EXISTS");
    });

    it("never gives an opened value twice: the repeat names the entry, and uses up no second factor", async () => {
      const grantId = await obtainGrant(crew, accountIds[4] ?? "");
      const key = randomUUID();
      const path = `/v1/grants/${grantId}/openings`;
      const opened = await post(path, crew.ada, key, { kind: "root-password", code: await crew.ada.code() });
      assert.equal(opened.body.value, ACCOUNTS[4]?.password);
      for (const code of ["000000", await crew.ada.code()]) {
        const repeat = await post(path, crew.ada, key, { kind: "root-password", code });
        assert.equal(assertProblem(repeat, "ALREADY_RELEASED")["seq"], opened.body.intentSeq);
        assert.equal(JSON.stringify(repeat.body).includes(ACCOUNTS[4]?.password ?? "?"), false);
      }
      assertProblem(await post(path, crew.ben, key, { kind: "root-password", code: "000000" }), "FORBIDDEN");
    });

    it("of a sign-in never gives the token twice", async () => {
      const { email, password } = crew.ben;
      const [key, code] = [randomUUID(), await crew.ben.code()];
      const send = async (form: object): Promise<Response> => await rest.http.post("/v1/sessions").set("Idempotency-Key", key).send(form);
      const first = await send({ email, password, code });
      assert.match(String(first.body.token), /^rks_/);
      assertProblem(await send({ email, password, code }), "ALREADY_RELEASED");
    });
  });

  describe("what does not parse", () => {
    /** Bytes as they are: the client of the other tests would make JSON of them. */
    async function raw(type: string, body: string | Buffer, more: Readonly<Record<string, string>> = {}): Promise<RawAnswer> {
      const headers = { Authorization: `Bearer ${crew.ada.token}`, "Content-Type": type, ...more };
      const response = await fetch(new URL("/v1/requests", rest.address), { method: "POST", headers, body });
      return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.json() };
    }

    it("is refused with the rule, and without what was sent", async () => {
      const cases: readonly [string, string | Buffer, Record<string, string>?][] = [
        ["application/json", "{"],
        ["application/json", '"a text"'],
        ["application/json", "[]"],
        ["application/json", "null"],
        ["application/json", '{"mark-of-a-member":1}'],
        ["application/json", '{"__proto__":{"mark-of":1}}'],
        ["application/json", '{"constructor":{"prototype":{"mark-of":1}}}'],
        ["application/json", `${"[".repeat(20_000)}${"]".repeat(20_000)}`],
        ["application/json", JSON.stringify({ reason: "mark-of".repeat(10_000) })],
        ["application/json", JSON.stringify({ ...opening(accountIds[0] ?? ""), reason: "mark-of \ud800" })],
        ["application/json; charset=utf-16", Buffer.from(JSON.stringify(opening(accountIds[0] ?? "")), "utf16le")],
        ["application/json", gzipSync(JSON.stringify(opening(accountIds[0] ?? ""))), { "Content-Encoding": "gzip" }],
        ["text/plain", "mark-of"],
        ["text/csv", "mark-of"],
        ["application/x-www-form-urlencoded", "mark-of=1"],
        ["multipart/form-data; boundary=mark-of", "--mark-of--"],
        ["application/xml", "<mark-of/>"],
        ["nonsense", "mark-of"],
      ];
      for (const [type, body, headers] of cases) {
        const response = await raw(type, body, headers);
        const problem = assertProblem(response, "MALFORMED", `${type} ${body.toString("latin1").slice(0, 60)}`);
        assert.equal(JSON.stringify(problem).includes("mark-of"), false);
        assert.ok((problem["errors"] as unknown[]).length >= 1);
      }
      assert.equal(Object.hasOwn({}, "mark-of") || "mark-of" in {}, false);
    });

    // A byte that is no UTF-8 would be read as U+FFFD: what is stored is not what was sent, and several passwords become one.
    it("is refused in an encoding that is not UTF-8", async () => {
      const latin = Buffer.from(JSON.stringify({ ...opening(accountIds[0] ?? ""), reason: "mark-of-\u00e9" }), "latin1");
      assertProblem(await raw("application/json", latin), "MALFORMED", "no UTF-8");
      assertProblem(await raw("application/json; charset=iso-8859-1", latin), "MALFORMED", "another charset");
      const plain = JSON.stringify(opening(accountIds[0] ?? ""));
      assertProblem(await raw("application/json", plain, { "Content-Encoding": "gzip" }), "MALFORMED", "a content encoding");
    });

    it("is refused where ids and paths are odd", async () => {
      for (const id of [
        "acc_1",
        "ACC_00000000000000000000000000",
        "req_00000000000000000000000000",
        "acc_0000000000000000000000000'",
        "..%2f..%2fpeople",
        "%00",
        "acc_%E2%80%AE",
      ])
        assertProblem(await get(`/v1/accounts/${id}`), "NOT_FOUND", id);
      const long = await get(`/v1/accounts/${"a".repeat(300)}`);
      assert.ok(["NOT_FOUND", "MALFORMED"].includes(String(long.body.code)), JSON.stringify(long.body));
      const broken = await get("/v1/accounts/%zz");
      assertProblem(broken, "MALFORMED");
      for (const path of [
        "//v1/accounts",
        "/V1/accounts",
        "/v1/accounts/",
        "/v1/./accounts%2f",
        "/v1/audit/tlog/tile/0/0",
        "/v1/audit/entries/01/proof",
      ])
        assertProblem(await get(path), "NOT_FOUND", path);
    });

    it("is refused as a key", async () => {
      for (const key of ["", "a b", "é", "x".repeat(129)])
        assertProblem(
          await post("/v1/requests", crew.ada, key, opening(accountIds[0] ?? "")).catch(() => ({}) as Response),
          "MALFORMED",
          key,
        );
    });
  });
});
