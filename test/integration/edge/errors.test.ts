import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import { after, before, describe, it } from "node:test";
import { Body, Controller, Get, HttpCode, Post, Query } from "@nestjs/common";
import request from "supertest";
import { RootkeepError } from "../../../src/kernel/errors.js";
import { LIMITS } from "../../../src/kernel/limits.js";
import { ChoiceField, CodeField, ObjectField, TextField, WholeField } from "../../../src/wire/fields.js";
import { Operation } from "../../../src/wire/operation.decorator.js";
import { PageQuery } from "../../../src/wire/page.dto.js";
import { type EdgeApp, edgeApp } from "../../support/edge-app.js";

class Form {
  @TextField({ max: 20 }) readonly name!: string;
  @CodeField() readonly code!: string;
  @ChoiceField(["red", "green"], { isOptional: true }) readonly colour?: string;
  @WholeField({ min: 1, max: 9, isOptional: true }) readonly minutes?: number;
  @ObjectField({ isOptional: true }) readonly subject?: object;
}

class NoteForm {
  @TextField({ max: 20, isOptional: true }) readonly note?: string;
}

@Controller("t")
class Forms {
  @Post("forms")
  @HttpCode(200)
  @Operation("invitation.confirm")
  form(@Body() form: Form): object {
    return form;
  }

  @Post("empty")
  @HttpCode(200)
  @Operation("founding.confirm")
  empty(@Body() form: NoteForm): object {
    return { isForm: form instanceof NoteForm };
  }

  @Get("lists")
  @Operation("person.self")
  list(@Query() query: PageQuery): object {
    return query;
  }

  @Post("broken")
  @Operation("session.create")
  broken(): never {
    throw new TypeError("cAnArY in a message", { cause: new Error("cAnArY in a cause") });
  }

  @Post("down")
  @Operation("founding.accept")
  down(): never {
    throw new RootkeepError("KEY_UNAVAILABLE", { reason: "kms timeout", cause: new Error("cAnArY") });
  }
}

@Controller("v1/imports")
class Imports {
  @Post()
  @Operation("account.import")
  take(@Body() csv: unknown): object {
    return { bytes: Buffer.isBuffer(csv) ? csv.length : -1 };
  }
}

const GOOD = { name: "Ada", code: "123456" };

interface Problem {
  readonly code: string;
  readonly errors: readonly { field: string; rule: string }[];
  readonly requestId: string;
}

describe("the edge", () => {
  let edge: EdgeApp;
  const agent = () => request(edge.app.getHttpServer());
  const refused = async (body: unknown): Promise<Problem> => {
    const reply = await agent()
      .post("/t/forms")
      .send(body as object);
    assert.equal(reply.status, 400);
    return reply.body as Problem;
  };
  before(async () => {
    edge = await edgeApp({ controllers: [Forms, Imports], rateLimit: { burst: 1e6, perSecond: 1e6, addressesMax: 10 } });
  });
  after(() => edge.close());

  it("hands a form that keeps all rules to the controller", async () => {
    const { body, status } = await agent()
      .post("/t/forms")
      .send({ ...GOOD, colour: "red", minutes: 9, subject: { a: [{ b: 1 }] } });
    assert.equal(status, 200);
    assert.deepEqual(body, { ...GOOD, colour: "red", minutes: 9, subject: { a: [{ b: 1 }] } });
  });

  it("takes null for a member that may be left out", async () => {
    assert.equal(
      (
        await agent()
          .post("/t/forms")
          .send({ ...GOOD, colour: null })
      ).status,
      200,
    );
  });

  it("takes no body for a form that demands nothing", async () => {
    assert.deepEqual((await agent().post("/t/empty")).body, { isForm: true });
    assert.deepEqual((await agent().post("/t/empty").send({})).body, { isForm: true });
    assert.equal((await agent().post("/t/empty").send({ a: 1 })).status, 400);
  });

  it("names every broken field with a constant rule, and no value", async () => {
    const problem = await refused({ name: "cAnArY".repeat(9), code: "cAnArY", colour: "cAnArY", minutes: 1.5, subject: ["cAnArY"] });
    assert.equal(problem.code, "MALFORMED");
    assert.deepEqual(
      problem.errors.map(({ field }) => field),
      ["name", "code", "colour", "minutes", "subject"],
    );
    assert.equal(problem.errors[2]?.rule, "is one of red, green");
    assert.ok(!JSON.stringify(problem).includes("cAnArY"));
  });

  it("names missing fields", async () => {
    assert.deepEqual(
      (await refused({})).errors.map(({ field }) => field),
      ["name", "code"],
    );
    assert.deepEqual((await refused([])).errors, [{ field: "body", rule: "is an object" }]);
  });

  it("refuses unknown members once, without repeating their names", async () => {
    const problem = await refused({ ...GOOD, cAnArY: 1, cAnArY2: 2 });
    assert.deepEqual(problem.errors, [{ field: "body", rule: "has a member that is not known here" }]);
  });

  it("refuses members that would reach a prototype", async () => {
    for (const text of [
      '{"__proto__":{"a":1},"name":"Ada","code":"123456"}',
      '{"constructor":{"prototype":{}},"name":"Ada","code":"123456"}',
    ]) {
      const reply = await agent().post("/t/forms").type("json").send(text);
      assert.equal(reply.status, 400);
      assert.equal((reply.body as Problem).code, "MALFORMED");
    }
  });

  it("refuses a body that is nested deeper than any form before walking through it", async () => {
    const deep = `{"name":"Ada","code":"123456","subject":{"a":${"[".repeat(20_000)}${"]".repeat(20_000)}}}`;
    const reply = await agent().post("/t/forms").type("json").send(deep);
    assert.equal(reply.status, 400);
    assert.equal((reply.body as Problem).errors[0]?.rule, "is nested too deeply or has too many members");
  });

  it("refuses a query parameter that comes twice", async () => {
    const { token } = edge.signIn("auditor");
    const reply = await agent().get("/t/lists?limit=1&limit=2").set("authorization", `Bearer ${token}`);
    assert.equal(reply.status, 400);
  });

  it("renders what the framework refuses as problem documents of the closed table", async () => {
    const large = JSON.stringify({ name: "a".repeat(LIMITS.bodyBytesMax) });
    const replies = [
      [await agent().post("/t/forms").type("json").send("{cAnArY"), 400, "MALFORMED"],
      [await agent().post("/t/forms").type("json").send(large), 400, "MALFORMED"],
      [await agent().post("/t/forms").type("form").send("name=cAnArY"), 400, "MALFORMED"],
      [await agent().post("/t/forms").type("text/plain").send("cAnArY"), 400, "MALFORMED"],
      [await agent().get("/cAnArY"), 404, "NOT_FOUND"],
      [await agent().put("/t/forms").send({}), 404, "NOT_FOUND"],
      [await agent().head("/livez"), 404, undefined],
      [await agent().get("/%E0%A4%A"), 400, "MALFORMED"],
    ] as const;
    for (const [reply, status, code] of replies) {
      assert.equal(reply.status, status);
      assert.equal(reply.headers["content-type"], "application/problem+json");
      assert.equal(reply.headers["cache-control"], "no-store");
      if (code !== undefined) assert.equal((reply.body as Problem).code, code);
      assert.ok(!JSON.stringify(reply.body).includes("cAnArY"));
    }
  });

  it("takes CSV for imports alone, and for callers with a token alone", async () => {
    const csv = "a,b\n".repeat(40_000);
    assert.equal((await agent().post("/t/forms").type("text/csv").send("a,b")).status, 400);
    assert.equal((await agent().post("/t/forms").type("Text/CSV; charset=utf-8").send(csv)).status, 400);
    assert.equal((await agent().post("/v1/imports").type("text/csv").send(csv)).status, 401);
    const { token } = edge.signIn("custodian");
    const sent = await agent().post("/v1/imports").set("authorization", `Bearer ${token}`).type("text/csv").send(csv);
    assert.deepEqual([sent.status, sent.body], [201, { bytes: csv.length }]);
  });

  it("refuses a large file of a caller without a token before a byte of it was read", async () => {
    const other = await edgeApp({ controllers: [Imports] });
    await other.app.listen(0, "127.0.0.1");
    const socket = connect((other.app.getHttpServer().address() as AddressInfo).port, "127.0.0.1");
    try {
      // The body never comes, so an answer can only have been given without it.
      const size = String(LIMITS.importBytesMax);
      socket.write(`POST /v1/imports HTTP/1.1\r\nhost: x\r\ncontent-type: text/csv\r\ncontent-length: ${size}\r\n\r\n`);
      const [answer] = (await once(socket, "data")) as [Buffer];
      assert.match(answer.toString("latin1"), /^HTTP\/1\.1 401 /);
    } finally {
      socket.destroy();
      await other.close();
    }
  });

  it("says of text that no operation takes it", async () => {
    const reply = await agent().post("/t/forms").type("text/plain").send("Ada");
    assert.equal((reply.body as Problem).errors[0]?.rule, "is of a media type that this operation does not take");
  });

  it("shows nothing of a bug but a request id, which the operators' log has too", async () => {
    const reply = await agent().post("/t/broken");
    const problem = reply.body as Problem;
    assert.equal(reply.status, 500);
    assert.equal(problem.code, "INTERNAL");
    assert.equal(reply.headers["x-request-id"], problem.requestId);
    const line = JSON.parse(edge.lines.at(-1) ?? "") as Record<string, unknown>;
    assert.equal(line["event"], "request.broken");
    assert.equal(line["requestId"], problem.requestId);
    assert.equal(line["operation"], "session.create");
    assert.match(String(line["site"]), /^TypeError/);
    assert.ok(!`${reply.text}${edge.lines.join("")}`.includes("cAnArY"));
  });

  it("tells the operators of a dependency that is down by code and reason", async () => {
    assert.equal((await agent().post("/t/down")).status, 503);
    const line = JSON.parse(edge.lines.at(-1) ?? "") as Record<string, unknown>;
    assert.deepEqual([line["event"], line["code"], line["reason"]], ["request.failed", "KEY_UNAVAILABLE", "kms-timeout"]);
    assert.ok(!edge.lines.join("").includes("cAnArY"));
  });

  it("puts a request id of its own and the security headers on every reply", async () => {
    for (const path of ["/livez", "/nowhere"]) {
      const { headers } = await agent().get(path).set("x-request-id", "cAnArY");
      assert.match(headers["x-request-id"] as string, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      assert.equal(headers["x-content-type-options"], "nosniff");
      assert.match(headers["content-security-policy"] as string, /^default-src 'none'/);
      assert.equal(headers["referrer-policy"], "no-referrer");
      assert.equal(headers["cache-control"], "no-store");
      assert.equal(headers["strict-transport-security"], undefined);
    }
  });

  it("counts answers by operation and code", () => {
    const text = edge.metrics.render();
    assert.match(text, /rootkeep_requests_total\{operation="session.create",code="INTERNAL"\} 1/);
    assert.match(text, /rootkeep_requests_total\{operation="sys.live",code="OK"\} \d/);
    assert.match(text, /rootkeep_requests_total\{operation="other",code="NOT_FOUND"\} \d/);
  });

  it("asks browsers for TLS where it does not listen on loopback", async () => {
    const other = await edgeApp({ isLoopback: false });
    try {
      const { headers } = await request(other.app.getHttpServer()).get("/livez");
      assert.match(headers["strict-transport-security"] as string, /^max-age=\d{8}$/);
    } finally {
      await other.close();
    }
  });

  it("slows down outsiders who keep trying, and neither probes nor signed-in people", async () => {
    const other = await edgeApp({ controllers: [Forms], rateLimit: { burst: 2, perSecond: 0.001, addressesMax: 10 } });
    try {
      const agentOf = () => request(other.app.getHttpServer());
      const { token } = other.signIn("auditor");
      const statuses: number[] = [];
      for (let count = 0; count < 3; count++) statuses.push((await agentOf().post("/t/forms").send(GOOD)).status);
      assert.deepEqual(statuses, [200, 200, 429]);
      const reply = await agentOf().post("/t/forms").send(GOOD);
      assert.equal((reply.body as Problem).code, "RATE_LIMITED");
      assert.ok(Number(reply.headers["retry-after"]) >= 1);
      assert.equal((await agentOf().get("/livez")).status, 200);
      assert.equal((await agentOf().get("/t/lists").set("authorization", `Bearer ${token}`)).status, 200);
    } finally {
      await other.close();
    }
  });

  it("closes although a client keeps an idle connection open", async () => {
    const other = await edgeApp();
    await other.app.listen(0, "127.0.0.1");
    const { port } = other.app.getHttpServer().address() as AddressInfo;
    const socket = connect(port, "127.0.0.1");
    await new Promise((resolve) => socket.once("connect", resolve));
    socket.write("GET /livez HTTP/1.1\r\nhost: x\r\n\r\n");
    await new Promise((resolve) => socket.once("data", resolve));
    const isClosed = new Promise((resolve) => socket.once("close", resolve));
    await other.close();
    await isClosed;
  });
});
