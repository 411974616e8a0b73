import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Controller, Get, HttpCode, Param, Post } from "@nestjs/common";
import request from "supertest";
import { RootkeepError } from "../../../src/kernel/errors.js";
import { newId } from "../../../src/kernel/ids.js";
import { CurrentCaller, CurrentPerson } from "../../../src/wire/caller.decorator.js";
import type { Caller, PersonCaller } from "../../../src/wire/caller.js";
import { Operation } from "../../../src/wire/operation.decorator.js";
import { CurrentRoles } from "../../../src/wire/roles.decorator.js";
import { type EdgeApp, edgeApp } from "../../support/edge-app.js";

@Controller("t")
class Probe {
  @Get("self")
  @Operation("person.self")
  self(@CurrentPerson() caller: PersonCaller, @CurrentRoles() roles: readonly string[]): object {
    return { personId: caller.personId, roles };
  }

  @Post("confirm")
  @HttpCode(200)
  @Operation("invitation.confirm")
  confirm(@CurrentCaller() caller: Caller): object {
    return caller;
  }

  @Post("grants/:id/openings")
  @Operation("secret.reveal")
  reveal(): never {
    throw new RootkeepError("GRANT_SPENT");
  }

  @Post("acceptances")
  @Operation("invitation.accept")
  accept(): never {
    throw new RootkeepError("ALREADY_RELEASED");
  }

  @Get("accounts/:id")
  @Operation("account.read")
  account(@Param("id") id: string): never {
    throw new RootkeepError(id === "forbidden" ? "NOT_ALLOWLISTED" : "STATE_CONFLICT");
  }

  @Post("denials/:id")
  @Operation("request.deny")
  deny(@Param("id") id: string): never {
    throw new RootkeepError(id === "malformed" ? "MALFORMED" : "NOT_FOUND");
  }
}

describe("the guard of operations", () => {
  let edge: EdgeApp;
  const agent = () => request(edge.app.getHttpServer());
  before(async () => {
    edge = await edgeApp({ controllers: [Probe] });
  });
  after(() => edge.close());

  it("names the person behind a bearer token, and their roles, to the controller", async () => {
    const { token, personId } = edge.signIn("requester", "auditor");
    const { body, status } = await agent().get("/t/self").set("authorization", `bearer ${token}`);
    assert.equal(status, 200);
    assert.deepEqual(body, { personId, roles: ["requester", "auditor"] });
  });

  it("takes no token from the query, where it would end up in access logs", async () => {
    const { token } = edge.signIn("auditor");
    const { status, body } = await agent().get("/t/self").query({ access_token: token });
    assert.equal(status, 401);
    assert.equal((body as { code: string }).code, "UNAUTHENTICATED");
  });

  it("takes no token from the body", async () => {
    const { token } = edge.signIn("requester");
    const { status } = await agent()
      .post(`/t/grants/${newId("grant")}/openings`)
      .send({ access_token: token });
    assert.equal(status, 401);
  });

  it("refuses headers that are no bearer token, saying which scheme would help", async () => {
    const { token } = edge.signIn("auditor");
    for (const header of [token, "Bearer", "Bearer ", `Basic ${token}`, `Bearer ${token} x`, `Bearer ${"a".repeat(201)}`]) {
      const reply = await agent().get("/t/self").set("authorization", header);
      assert.equal(reply.status, 401, header);
      assert.equal(reply.headers["www-authenticate"], 'Bearer realm="rootkeep"');
      assert.equal(reply.headers["content-type"], "application/problem+json");
    }
  });

  it("asks nobody about a token that is too long to be one of ours", async () => {
    const { status } = await agent()
      .get("/t/self")
      .set("authorization", `Bearer ${"b".repeat(201)}`);
    assert.equal(status, 401);
    assert.ok(edge.asked.every((token) => token.length <= 200));
  });

  it("does not look at a token where nobody need be signed in", async () => {
    const { token } = edge.signIn("custodian");
    const { body } = await agent().post("/t/confirm").set("authorization", `Bearer ${token}`);
    assert.deepEqual(body, { type: "anonymous" });
  });

  it("keeps the sessions of two applications in one process apart", async () => {
    const other = await edgeApp({ controllers: [Probe] });
    try {
      const here = edge.signIn("auditor");
      const there = other.signIn("auditor");
      const call = (app: EdgeApp, token: string) => request(app.app.getHttpServer()).get("/t/self").set("authorization", `Bearer ${token}`);
      assert.equal((await call(edge, here.token)).status, 200);
      assert.equal((await call(other, there.token)).status, 200);
      assert.equal((await call(edge, there.token)).status, 401);
      assert.equal((await call(other, here.token)).status, 401);
    } finally {
      await other.close();
    }
  });

  it("never mixes up callers that ask at the same time", async () => {
    const people = Array.from({ length: 20 }, () => edge.signIn("auditor"));
    const replies = await Promise.all(people.map(({ token }) => agent().get("/t/self").set("authorization", `Bearer ${token}`)));
    assert.deepEqual(
      replies.map(({ body }) => (body as { personId: string }).personId),
      people.map(({ personId }) => personId),
    );
  });
});

describe("refusals", () => {
  let edge: EdgeApp;
  const call = (verb: "get" | "post", path: string, token?: string) => {
    const agent = request(edge.app.getHttpServer())[verb](path);
    return token === undefined ? agent : agent.set("authorization", `Bearer ${token}`);
  };
  before(async () => {
    edge = await edgeApp({ controllers: [Probe] });
  });
  after(() => edge.close());

  it("of an opening by the use case are recorded with person, target and code", async () => {
    const { token, personId } = edge.signIn("requester");
    const grant = newId("grant");
    assert.equal((await call("post", `/t/grants/${grant}/openings`, token)).status, 409);
    const entry = edge.entries.at(-1);
    assert.equal(entry?.action, "secret.reveal");
    assert.equal(entry.outcome, "denied");
    assert.deepEqual(entry.actor, { type: "person", id: personId });
    assert.deepEqual(entry.target, { type: "grant", id: grant });
    assert.equal(entry.details?.["code"], "GRANT_SPENT");
  });

  it("of an opening by the guard are recorded too", async () => {
    const { token, personId } = edge.signIn("auditor");
    assert.equal((await call("post", `/t/grants/${newId("grant")}/openings`, token)).status, 403);
    assert.deepEqual(edge.entries.at(-1)?.actor, { type: "person", id: personId });
    assert.equal(edge.entries.at(-1)?.details?.["code"], "FORBIDDEN");
  });

  it("put nothing of a path into the log but an id of ours", async () => {
    const { token } = edge.signIn("requester");
    await call("post", "/t/grants/cAnArY/openings", token);
    assert.equal(edge.entries.at(-1)?.target, undefined);
    assert.ok(!JSON.stringify(edge.entries).includes("cAnArY"));
  });

  it("of callers who are nobody, of mere reading, and of what does not parse are not recorded", async () => {
    const before = edge.entries.length;
    const { token } = edge.signIn("requester", "approver");
    assert.equal((await call("post", `/t/grants/${newId("grant")}/openings`)).status, 401);
    assert.equal((await call("post", "/t/acceptances")).status, 409);
    assert.equal((await call("post", "/t/acceptances", token)).status, 409);
    assert.equal((await call("get", "/t/accounts/forbidden", token)).status, 403);
    assert.equal((await call("post", "/t/denials/malformed", token)).status, 400);
    assert.equal((await call("post", "/t/denials/gone", token)).status, 404);
    assert.equal(edge.entries.length, before);
  });

  it("stay refusals when they cannot be recorded", async () => {
    const { token } = edge.signIn("requester");
    edge.failLog();
    const reply = await call("post", `/t/grants/${newId("grant")}/openings`, token);
    assert.equal((reply.body as { code: string }).code, "GRANT_SPENT");
    const other = edge.signIn("auditor");
    assert.equal((await call("post", `/t/grants/${newId("grant")}/openings`, other.token)).status, 403);
  });
});
