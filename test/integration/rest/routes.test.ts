// real: the whole application, PostgreSQL, HTTP; double: nothing.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Response } from "supertest";
import { type Access, isOperation, ROLES, type Role, ruleOf } from "../../../src/kernel/operations.js";
import { allow, type Crew, Member } from "../../support/crew.js";
import { assertHeaders, assertProblem } from "../../support/problem-check.js";
import { type RestApp, startRestApp } from "../../support/rest-app.js";

interface Route {
  readonly verb: "get" | "post" | "delete";
  readonly path: string;
  readonly operation: string;
  readonly access: Access;
}

/** An id of the right form that nothing has. */
const UNKNOWN = {
  requests: "req",
  grants: "grt",
  accounts: "acc",
  people: "per",
  allowlist: "alw",
  sessions: "ses",
  imports: "imp",
} as const;

describe("every route of the API description", () => {
  let rest: RestApp;
  let routes: readonly Route[] = [];
  let crew: Crew;
  before(async () => {
    rest = await startRestApp();
    const { body } = await rest.http.get("/openapi.json");
    const { paths } = body as { paths: Record<string, Record<string, { "x-operation": string }>> };
    routes = Object.entries(paths).flatMap(([path, verbs]) =>
      Object.entries(verbs).map(([verb, { "x-operation": operation }]) => {
        assert.ok(isOperation(operation), operation);
        return { verb: verb as Route["verb"], path: filled(path), operation, access: ruleOf(operation).access };
      }),
    );
  });
  after(() => (rest as RestApp | undefined)?.close());

  function filled(path: string): string {
    const kind = Object.entries(UNKNOWN).find(([name]) => path.startsWith(`/v1/${name}/`))?.[1];
    return path
      .replace("{id}", `${kind ?? "xxx"}_00000000000000000000000000`)
      .replace("{seq}", "0")
      .replace("{path}", "0/000.p/1");
  }
  function call({ verb, path }: Route, token?: string): Promise<Response> {
    const sent = rest.http[verb](path).set("Accept", "application/json");
    if (token !== undefined) sent.set("Authorization", `Bearer ${token}`);
    return verb === "post" ? sent.send({}) : sent;
  }

  it("is closed before the founding, but for founding and probes", async () => {
    assert.ok(routes.length >= 35, String(routes.length));
    for (const route of routes) {
      const response = await call(route);
      const isOpen = isOperation(route.operation) && ruleOf(route.operation).beforeFounding === true;
      if (isOpen) assert.notEqual(response.body.code, "NOT_FOUNDED", route.path);
      else assertProblem(response, "NOT_FOUNDED", route.path);
    }
  });

  it("answers with security headers and a request id of its own", async () => {
    crew = await rest.found();
    const ids = new Set<string>();
    for (const route of routes) {
      const response = await rest.http[route.verb](route.path).set("X-Request-Id", "chosen-by-the-caller");
      assertHeaders(response, route.path);
      ids.add(String(response.headers["x-request-id"]));
    }
    assert.equal(ids.size, routes.length);
    assert.equal(ids.has("chosen-by-the-caller"), false);
  });

  it("refuses callers without a session, and with one that is not theirs to have", async () => {
    for (const route of routes.filter(({ access }) => access !== "anyone")) {
      assertProblem(await call(route), "UNAUTHENTICATED", route.path);
      assertProblem(await call(route, `rks_${"A".repeat(43)}`), "UNAUTHENTICATED", route.path);
      // A token in the query would stand in access logs; it is no token at all.
      assertProblem(await call({ ...route, path: `${route.path}?access_token=${crew.ada.token}` }), "UNAUTHENTICATED", route.path);
    }
  });

  it("refuses people of other roles, and no others", async () => {
    const noor = new Member("Noor Haddad", rest.address);
    const requestId = await crew.ada.ask({ operation: "person.enrol", subject: { name: noor.name, email: noor.email } });
    await crew.ben.approve(requestId);
    const link = await crew.ada.takeHalf(requestId, "link");
    const code = await crew.ben.takeHalf(requestId, "code");
    const acceptance = { token: link.secret, code: code.secret, password: noor.password };
    noor.enrolAuthenticator(await noor.visitor.release("/v1/invitations/acceptances", acceptance, "otpauth"));
    await noor.withCode((fresh) => noor.visitor.post("/v1/invitations/confirmations", { token: link.secret, code: fresh }));
    await noor.signIn();

    await walkAs(noor, null);
    for (const role of ROLES) {
      // Asking and approving alternate between custodians, so that nobody waits for a time step of their own.
      const [asking, approving] = role === "approver" || role === "auditor" ? [crew.ben, crew.cyd] : [crew.cyd, crew.ada];
      await allow(asking, approving, noor, role);
      await walkAs(noor, role);
      const entries = (await asking.client.get("/v1/allowlist", { limit: 200 })).list("items");
      const own = entries.find((entry) => entry.text("personId") === noor.id && entry.textOrNull("endedAt") === null);
      await asking.client.post(`/v1/allowlist/${own?.text("id") ?? ""}/revocations`);
      // Whoever is taken off the list is signed out.
      await noor.signIn();
    }
    await walkAs(noor, null);
  });

  async function walkAs(person: Member, role: Role | null): Promise<void> {
    for (const route of routes) {
      const { access, operation } = route;
      const response = await call(route, person.token);
      const where = `${String(role)} at ${operation}`;
      const may = access === "anyone" || access === "person" || (role !== null && access.includes(role));
      if (may) assert.ok(response.status !== 401 || access === "anyone", `${where} ${JSON.stringify(response.body)}`);
      if (may) assert.notEqual(response.body.code, "FORBIDDEN", where);
      else assertProblem(response, "FORBIDDEN", where);
    }
  }

  it("knows no other verb, and no path beside itself", async () => {
    for (const path of new Set(routes.map((route) => route.path))) {
      const verbs = routes.filter((route) => route.path === path).map(({ verb }) => verb as string);
      for (const verb of ["get", "post", "put", "patch", "delete"] as const) {
        if (!verbs.includes(verb))
          assertProblem(await rest.http[verb](path).set("Authorization", `Bearer ${crew.ada.token}`), "NOT_FOUND", path);
      }
      // Below a wildcard every path is the route's own, and what is no tile is not found by whoever may ask (tlog.test.ts).
      const isWildcard = path.startsWith("/v1/audit/tlog/tile/");
      assertProblem(await rest.http.get(`${path}/more/than/that`), isWildcard ? "UNAUTHENTICATED" : "NOT_FOUND", path);
    }
  });
});
