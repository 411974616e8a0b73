// real: the whole application with its signer, PostgreSQL, HTTP. seeded: people and their entries, by the application's own transactions.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { AccountRow } from "../../../src/accounts/account.entity.js";
import { draftEntry, SYSTEM_ACTOR } from "../../../src/audit/draft.js";
import { Transactions } from "../../../src/audit/transactions.service.js";
import { newId } from "../../../src/kernel/ids.js";
import type { Role } from "../../../src/kernel/operations.js";
import { AllowlistEntry } from "../../../src/people/allowlist-entry.entity.js";
import type { Scope } from "../../../src/people/scope.js";
import { must, send } from "../../support/authz/caller.js";
import { type Actor, Seeds } from "../../support/authz/people.js";
import { newAccount } from "../../support/crew.js";
import { DatabaseOwner } from "../../support/database-owner.js";
import { type RestApp, startRestApp } from "../../support/rest-app.js";

const STEP_SECONDS = 60;
const customer = (...values: string[]): Scope => ({ kind: "customer", values });
type Body = Readonly<Record<string, unknown>>;
interface Item {
  readonly id: string;
}

describe("reading follows scope", () => {
  let rest: RestApp;
  let seeds: Seeds;
  let ada: Actor;
  /** Ids of accounts by customer, and of those with the tag env=prod. */
  const ids = { Acme: [] as string[], Globex: [] as string[], prod: [] as string[] };
  let acme: Actor;
  let acmeApprover: Actor;
  let globex: Actor;

  before(async () => {
    rest = await startRestApp({ ROOTKEEP_TRIAL_TOTP_PERIOD_SECONDS: String(STEP_SECONDS) });
    await rest.found();
    seeds = new Seeds(rest, STEP_SECONDS);
    ada = await person("Ada Chief", ["custodian", "auditor"], { kind: "all" });
    const lines = Array.from({ length: 12 }, (_, index) => {
      const { awsId, password, seed } = newAccount(String(310_000_000_000 + index));
      const owner = index % 3 === 0 ? "Globex" : "Acme";
      return `${awsId},aws,standalone,${owner},root-${awsId}@example.com,${password},${seed},${index % 4 === 0 ? "prod" : "production"}`;
    });
    const csv = ["aws_account_id,partition,kind,customer,root_email,password,mfa_seed,tag:env", ...lines, ""].join("\n");
    await must(rest.address, { verb: "POST", path: "/v1/imports", token: ada.token, csv });
    for (const { id, customer: owner, tags } of await listed<Item & { customer: "Acme" | "Globex"; tags: Record<string, string> }>(
      ada,
      "/v1/accounts",
    )) {
      ids[owner].push(id);
      if (tags["env"] === "prod") ids.prod.push(id);
    }
    acme = await person("Rita Acme", ["requester"], customer("Acme"));
    acmeApprover = await person("Alan Acme", ["approver"], customer("Acme"));
    globex = await person("Otto Globex", ["requester", "approver"], customer("Globex"));
  });
  after(() => (rest as RestApp | undefined)?.close());

  const person = async (name: string, roles: readonly Role[], scope: Scope): Promise<Actor> =>
    await seeds.person({ name, roles, scope, use: "acting" });
  const call = async ({ token }: Actor, path: string, json?: object) =>
    await send(rest.address, { verb: json === undefined ? "GET" : "POST", path, token, ...(json === undefined ? {} : { json }) });
  const get = async ({ token }: Actor, path: string): Promise<Body> => await must(rest.address, { verb: "GET", path, token });
  const post = async ({ token }: Actor, path: string, json: object): Promise<Body> =>
    await must(rest.address, { verb: "POST", path, token, json });
  /** Every page of a list; each is full but the last, and each cursor is of a row that was shown. */
  async function listed<T extends Item>(reader: Actor, path: string, limit = 200): Promise<T[]> {
    const all: T[] = [];
    for (let next: string | null = null; ; ) {
      const query = `${path.includes("?") ? "&" : "?"}limit=${String(limit)}${next === null ? "" : `&after=${next}`}`;
      const body: Body = await get(reader, path + query);
      const items = body["items"] as T[];
      all.push(...items);
      next = body["next"] as string | null;
      if (next === null) return all;
      assert.equal(items.length, limit, "a page is full unless it is the last");
      assert.equal(Buffer.from(next, "base64url").toString("utf8"), items.at(-1)?.id);
    }
  }
  const idsOf = async (reader: Actor, path: string, limit?: number): Promise<string[]> =>
    (await listed(reader, path, limit)).map(({ id }) => id);
  /** The answer without what differs from call to call. */
  const refused = async (reader: Actor, path: string, json?: object): Promise<Body> => {
    const { status, body } = await call(reader, path, json);
    assert.ok(status >= 400, `${path}: ${String(status)}`);
    const { requestId: _requestId, instance: _instance, ...rest } = body;
    return { status, ...rest };
  };
  const asked = async (requester: Actor, accountId: string): Promise<string> =>
    String(
      (
        await post(requester, "/v1/requests", {
          ...{ operation: "secret.reveal", reason: "because the test says so", ticket: "OPS-7" },
          ...{ purpose: "billing-root-only", accountId },
        })
      )["id"],
    );
  const granted = async (requester: Actor, approver: Actor, accountId: string): Promise<{ request: string; grant: string }> => {
    const request = await asked(requester, accountId);
    await post(approver, `/v1/requests/${request}/approvals`, { code: await approver.app.next() });
    return { request, grant: String((await get(requester, `/v1/requests/${request}`))["grantId"]) };
  };
  /** Everything that can be read of one thing, out of reach or unknown. */
  const readings = (of: { account: string; request: string; grant: string; ticket: string }) =>
    [
      [`/v1/accounts/${of.account}`],
      [`/v1/accounts/${of.account}/secrets`],
      [`/v1/requests/${of.request}`],
      [`/v1/grants/${of.grant}`],
      [`/v1/tickets/${of.ticket}`],
      [`/v1/tickets/${of.ticket}/comments`, { text: "what came of it" }],
      [`/v1/tickets/${of.ticket}/closings`, {}],
      ["/v1/policies/explanations", { accountId: of.account, purpose: "billing-root-only" }],
    ] as const;
  const change = async <R extends AccountRow | AllowlistEntry>(entity: new () => R, id: string, patch: Partial<R>): Promise<void> => {
    await rest.part(Transactions).run(async (tx) => {
      const row = await tx.lock<R>(entity, id);
      assert.ok(row !== null);
      tx.change(entity, row, patch);
      return {
        result: undefined,
        entries: [{ draft: draftEntry({ action: "account.changed", outcome: "committed", actor: SYSTEM_ACTOR }) }],
      };
    });
  };
  const moveTo = (accountId: string, owner: string): Promise<void> => change(AccountRow, accountId, { customer: owner });

  it("lists the accounts of one's entries and no others, in full pages, by customer, account, tag and all of them together", async () => {
    const single = await person("Sam Single", ["requester"], { kind: "account", values: [ids.Globex[1] ?? "", newId("account")] });
    const tagged = await person("Tom Tagged", ["approver"], { kind: "tag", values: ["env=prod"] });
    const both = await person("Bea Both", ["requester"], customer("Globex"));
    await seeds.allow(both.personId, ["auditor"], { kind: "tag", values: ["env=prod"] });
    const all = [...ids.Acme, ...ids.Globex].sort();
    const cases: readonly (readonly [Actor, readonly string[]])[] = [
      [acme, ids.Acme],
      [globex, ids.Globex],
      [single, ids.Globex.slice(1, 2)],
      [tagged, ids.prod],
      [both, all.filter((id) => ids.Globex.includes(id) || ids.prod.includes(id))],
      [ada, all],
    ];
    assert.ok(ids.prod.length > 0 && ids.prod.length < all.length && ids.Acme.length > 3);
    for (const [reader, expected] of cases) {
      for (const limit of [1, 2, 3, 200]) assert.deepEqual(await idsOf(reader, "/v1/accounts", limit), expected);
    }
  });

  it("answers for what is out of reach exactly as for what there is not, and with nothing of it in any list", async () => {
    const [account = ""] = ids.Acme;
    const { reference } = (await post(acme, "/v1/tickets", { title: "the March invoice", accountId: account })) as { reference: string };
    const { request, grant } = await granted(acme, acmeApprover, account);
    const there = readings({ account, request, grant, ticket: reference });
    const unknown = readings({ account: newId("account"), request: newId("request"), grant: newId("grant"), ticket: "OPS-999999" });
    for (const [index, [path, json]] of there.entries()) {
      const [other = "", otherJson] = unknown[index] ?? [];
      const answer = await refused(globex, path, json);
      assert.equal(answer["code"], "NOT_FOUND", path);
      assert.deepEqual(answer, await refused(globex, other, otherJson), path);
    }
    const tickets = await listed<Item & { reference: string }>(globex, "/v1/tickets");
    assert.equal(
      tickets.some((ticket) => ticket.reference === reference),
      false,
    );
    for (const path of ["/v1/requests", "/v1/requests?mine=true", "/v1/requests?awaiting=me"]) {
      assert.deepEqual(await idsOf(globex, path), [], path);
    }
    // And within reach all of it is read, by whoever took no part.
    const watching = await person("Wim Acme", ["auditor"], customer("Acme"));
    for (const [path, json] of there.filter(([path]) => !/comments|closings/.test(path))) {
      const { status, body } = await call(watching, path, json);
      assert.equal(status, 200, `${path}: ${JSON.stringify(body)}`);
    }
    assert.deepEqual(await idsOf(watching, "/v1/requests"), [request]);
    await post(acme, `/v1/grants/${grant}/returns`, {});
  });

  it("keeps one's own requests and grants, and nothing else, when the account has moved out of reach", async () => {
    const account = ids.Acme[1] ?? "";
    const mine = await granted(acme, acmeApprover, account);
    const others = await asked(acme, account);
    const colleague = await person("Cora Acme", ["requester"], customer("Acme"));
    assert.ok((await idsOf(colleague, "/v1/requests")).includes(mine.request));
    await post(acme, `/v1/grants/${mine.grant}/returns`, {});
    await moveTo(account, "Globex");
    try {
      for (const reader of [acme, acmeApprover]) {
        assert.equal((await get(reader, `/v1/requests/${mine.request}`))["id"], mine.request);
        assert.equal((await get(reader, `/v1/grants/${mine.grant}`))["id"], mine.grant);
        assert.ok((await idsOf(reader, "/v1/requests")).includes(mine.request));
        assert.equal((await refused(reader, `/v1/accounts/${account}`))["code"], "NOT_FOUND");
        assert.equal((await refused(reader, `/v1/accounts/${account}/secrets`))["code"], "NOT_FOUND");
      }
      // Who has not decided it has no part in it.
      assert.equal((await refused(acmeApprover, `/v1/requests/${others}`))["code"], "NOT_FOUND");
      assert.equal((await refused(colleague, `/v1/requests/${mine.request}`))["code"], "NOT_FOUND");
      assert.equal((await refused(colleague, `/v1/grants/${mine.grant}`))["code"], "NOT_FOUND");
      assert.equal((await idsOf(colleague, "/v1/requests")).includes(mine.request), false);
      assert.ok((await idsOf(globex, "/v1/requests")).includes(mine.request));
    } finally {
      await moveTo(account, "Acme");
    }
  });

  it("ends with the entry: one that has ended reaches nothing, and the others go on", async () => {
    const reader = await person("Lea Lapsing", ["requester"], customer("Acme"));
    await seeds.allow(reader.personId, ["requester"], { kind: "account", values: ids.Globex.slice(0, 1) });
    assert.equal((await idsOf(reader, "/v1/accounts")).length, ids.Acme.length + 1);
    const [entryId = ""] = reader.entryIds;
    await change(AllowlistEntry, entryId, { endedAt: new Date() });
    assert.deepEqual(await idsOf(reader, "/v1/accounts"), ids.Globex.slice(0, 1));
    assert.equal((await refused(reader, `/v1/accounts/${ids.Acme[0] ?? ""}`))["code"], "NOT_FOUND");
  });

  it("widens nothing by a scope that came with a role to which the operation is closed", async () => {
    const reader = await person("Rob Report", ["requester"], { kind: "all" });
    await seeds.allow(reader.personId, ["auditor"], customer("Globex"));
    const size = Number((await get(ada, "/v1/audit/head"))["size"]);
    for (const deadline = performance.now() + 60_000; performance.now() < deadline; ) {
      if (Number((await get(ada, "/v1/reports/activity?limit=1"))["size"]) >= size) break;
    }
    const lines = async (by: Actor, query = ""): Promise<{ account: string | null }[]> => {
      const all: { account: string | null }[] = [];
      for (let after: string | null = null; ; ) {
        const body: Body = await get(by, `/v1/reports/activity?limit=3${query}${after === null ? "" : `&after=${after}`}`);
        all.push(...(body["items"] as { account: string | null }[]));
        after = body["next"] as string | null;
        if (after === null) return all;
      }
    };
    const whole = await lines(ada);
    const part = await lines(reader);
    const expected = whole.filter(({ account }) => account !== null && ids.Globex.includes(account));
    assert.ok(expected.length > 3 && expected.length < whole.length / 2);
    assert.deepEqual(part.slice(0, expected.length), expected);
    assert.ok(part.every(({ account }) => account !== null && ids.Globex.includes(account)));
    assert.deepEqual(await lines(reader, `&account=${ids.Acme[0] ?? ""}`), []);
    assert.deepEqual(await lines(reader, `&account=${newId("account")}`), []);
    // The list of accounts is open to requesters, too.
    assert.equal((await idsOf(reader, "/v1/accounts")).length, ids.Acme.length + ids.Globex.length);
  });

  it("shows what tells of all accounts together only to whom all are", async () => {
    const part = await person("Pia Part", ["auditor"], customer("Acme", "Globex"));
    const policy = { name: "matrix", purposes: ["tax-invoice-view"], scope: { kind: "all" }, minutes: 20 };
    const whole = [
      ["/v1/audit/entries"],
      ["/v1/audit/disclosures?from=0&to=1"],
      ["/v1/audit/tlog/tile/entries/000.p/1"],
      ["/v1/audit/tlog/tile/0/000.p/1"],
      ["/v1/allowlist"],
      ["/v1/allowlist/certification"],
      ["/v1/allowlist/report"],
      ["/v1/allowlist/coverage"],
      ["/v1/ticket-updates"],
      ["/v1/policies/previews", { name: "matrix", policy, replaces: null }],
    ] as const;
    for (const [path, json] of whole) {
      assert.equal((await refused(part, path, json))["code"], "NOT_ALLOWLISTED", path);
      assert.equal((await call(ada, path, json)).status, 200, path);
    }
    for (const path of ["/v1/audit/head", "/v1/audit/checkpoints", "/v1/audit/verifier-key", "/v1/audit/tlog/checkpoint"]) {
      assert.equal((await call(part, path)).status, 200, path);
    }
  });

  it("shows acts about people and settings to custodians, to auditors of all accounts, and to those who take part", async () => {
    const custodian = await person("Cyd Keeper", ["custodian"], { kind: "all" });
    const subject = { name: "New Comer", email: "new.comer@example.com" };
    const { id } = (await post(ada, "/v1/requests", { operation: "person.enrol", reason: "a new colleague", subject })) as { id: string };
    const requester = await person("Ray All", ["requester", "approver"], { kind: "all" });
    const auditor = await person("Aud All", ["auditor"], { kind: "all" });
    const part = await person("Aud Part", ["auditor"], customer("Acme"));
    for (const reader of [ada, custodian, auditor]) {
      assert.equal((await call(reader, `/v1/requests/${id}`)).status, 200);
      assert.ok((await idsOf(reader, "/v1/requests")).includes(id));
    }
    for (const reader of [requester, part, acme]) {
      assert.equal((await refused(reader, `/v1/requests/${id}`))["code"], "NOT_FOUND");
      assert.equal((await idsOf(reader, "/v1/requests")).includes(id), false);
    }
  });

  it("believes no row that somebody edited to be read: of an account, and of an entry [L11]", async () => {
    const owner = await DatabaseOwner.take(rest.database);
    const account = ids.Globex[2] ?? "";
    const before = (await owner.rows("SELECT customer FROM accounts.account WHERE id = $1", [account]))[0];
    assert.deepEqual(before, { customer: "Globex" });
    await owner.run("UPDATE accounts.account SET customer = 'Acme' WHERE id = $1", [account]);
    try {
      assert.equal((await refused(acme, `/v1/accounts/${account}`))["code"], "ROW_REFUSED");
      assert.equal((await refused(acme, "/v1/accounts"))["code"], "ROW_REFUSED");
    } finally {
      await owner.run("UPDATE accounts.account SET customer = 'Globex' WHERE id = $1", [account]);
    }
    const [entryId = ""] = acme.entryIds;
    const [entry] = await owner.rows<{ scope: string }>("SELECT scope FROM people.allowlist_entry WHERE id = $1", [entryId]);
    await owner.run(`UPDATE people.allowlist_entry SET scope = '{"kind":"all"}' WHERE id = $1`, [entryId]);
    try {
      assert.equal((await refused(acme, "/v1/accounts"))["code"], "ROW_REFUSED");
    } finally {
      await owner.run("UPDATE people.allowlist_entry SET scope = $2 WHERE id = $1", [entryId, entry?.scope]);
    }
    await owner.close();
    assert.deepEqual(await idsOf(acme, "/v1/accounts"), ids.Acme);
  });
});
