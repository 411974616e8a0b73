import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Body, Controller, HttpCode, Param, Post } from "@nestjs/common";
import request from "supertest";
import type { DataSource } from "typeorm";
import { CreateSchemas1763800000000 } from "../../../migrations/1763800000000-create-schemas.js";
import { CreateIdempotency1763800700000 } from "../../../migrations/1763800700000-create-idempotency.js";
import { createDataSource } from "../../../src/database/data-source.service.js";
import { IdempotencyRecord } from "../../../src/edge/idempotency.entity.js";
import { IdempotencyRecords } from "../../../src/edge/idempotency.repository.js";
import { type ErrorCode, RootkeepError } from "../../../src/kernel/errors.js";
import { CodeField, TextField } from "../../../src/wire/fields.js";
import { Operation } from "../../../src/wire/operation.decorator.js";
import { type EdgeApp, edgeApp } from "../../support/edge-app.js";
import { createTestDatabase, type TestDatabase, withClient } from "../../support/postgres.js";

const GRANT = "grt_00000000000000000000000000";
const REQUEST = "req_00000000000000000000000000";

class ReasonForm {
  @TextField({ max: 100 }) readonly reason!: string;
}

class CodeForm {
  @CodeField() readonly code!: string;
}

/** What the controller was asked to do, and how it is to end. */
const work = { calls: 0, failure: undefined as ErrorCode | Error | undefined, gate: undefined as Promise<void> | undefined };

async function done(): Promise<void> {
  work.calls++;
  await work.gate;
  if (work.failure instanceof Error) throw work.failure;
  if (work.failure !== undefined) throw new RootkeepError(work.failure);
}

@Controller("t")
class Work {
  @Post("requests")
  @Operation("request.submit")
  async submit(@Body() _form: ReasonForm): Promise<object> {
    await done();
    return { id: REQUEST, seq: 7, secret: "cAnArY" };
  }

  @Post("grants/:id/returns")
  @HttpCode(204)
  @Operation("grant.return")
  async giveBack(@Param("id") _id: string): Promise<void> {
    await done();
  }

  @Post("grants/:id/openings")
  @HttpCode(200)
  @Operation("secret.reveal")
  async reveal(@Body() _form: CodeForm): Promise<object> {
    await done();
    return { value: "cAnArY", intentSeq: 41, outcomeSeq: 42 };
  }
}

describe("an idempotency key", () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  let edge: EdgeApp;
  let token: string;
  let keys = 0;
  const newKey = (): string => `key-${String(keys++)}`;

  interface Answer {
    readonly status: number;
    readonly body: Readonly<Record<string, unknown>>;
    readonly headers: Readonly<Record<string, string>>;
  }
  const post = async (path: string, key: string, body?: object, as = token): Promise<Answer> => {
    const call = request(edge.app.getHttpServer()).post(path).set("authorization", `Bearer ${as}`).set("idempotency-key", key);
    const { status, body: answer, headers } = await (body === undefined ? call : call.send(body));
    return { status, body: answer, headers };
  };
  const submit = (key: string, reason = "because", as = token): Promise<Answer> => post("/t/requests", key, { reason }, as);
  const reveal = (key: string, code: string, grant = GRANT): Promise<Answer> => post(`/t/grants/${grant}/openings`, key, { code });
  const reset = (failure?: ErrorCode | Error): void => {
    Object.assign(work, { calls: 0, failure, gate: undefined });
  };

  before(async () => {
    database = await createTestDatabase({ migrations: [CreateSchemas1763800000000, CreateIdempotency1763800700000] });
    dataSource = createDataSource(database.connections.rootkeep_service, { entities: [IdempotencyRecord], poolSize: 4 });
    await dataSource.initialize();
    edge = await edgeApp({ controllers: [Work], dataSource });
    ({ token } = edge.signIn("requester", "custodian"));
  });
  after(async () => {
    await edge.close();
    await dataSource.destroy();
    await database.drop();
  });

  it("lets a repeated call happen once, and answers the repeat with status, id and seq", async () => {
    reset();
    const key = newKey();
    assert.equal((await submit(key)).body["secret"], "cAnArY");
    const repeat = await submit(key);
    assert.equal(work.calls, 1);
    assert.equal(repeat.status, 201);
    assert.deepEqual(repeat.body, { id: REQUEST, seq: 7 });
    assert.equal(repeat.headers["idempotency-replayed"], "true");
  });

  it("answers the repeat of a call without content without content", async () => {
    reset();
    const key = newKey();
    const path = `/t/grants/${GRANT}/returns`;
    assert.equal((await post(path, key)).status, 204);
    assert.equal((await post(path, key)).status, 204);
    assert.equal(work.calls, 1);
  });

  it("is refused with another body, or for another path", async () => {
    reset();
    const key = newKey();
    await submit(key, "one reason");
    assert.equal((await submit(key, "another reason")).body["code"], "ALREADY_EXISTS");
    await post(`/t/grants/${GRANT}/returns`, key);
    assert.equal((await post(`/t/grants/${GRANT.replace(/.$/, "1")}/returns`, key)).body["code"], "ALREADY_EXISTS");
    assert.equal(work.calls, 2);
  });

  it("is the caller's and the operation's own", async () => {
    reset();
    const key = newKey();
    await submit(key);
    assert.equal((await submit(key, "because", edge.signIn("requester").token)).body["secret"], "cAnArY");
    assert.equal((await post(`/t/grants/${GRANT}/returns`, key)).status, 204);
    assert.equal(work.calls, 3);
  });

  it("makes the second of two calls at once wait its turn, and the work happens once", async () => {
    reset();
    const key = newKey();
    let open = (): void => undefined;
    work.gate = new Promise((resolve) => {
      open = resolve;
    });
    const first = submit(key);
    while (work.calls === 0) await new Promise((resolve) => setImmediate(resolve));
    assert.equal((await submit(key)).body["code"], "STATE_CONFLICT");
    open();
    assert.equal((await first).status, 201);
    assert.equal((await submit(key)).headers["idempotency-replayed"], "true");
    assert.equal(work.calls, 1);
  });

  it("may be used again after a call that was refused, and after a form that did not stand", async () => {
    reset("STATE_CONFLICT");
    const key = newKey();
    assert.equal((await submit(key)).status, 409);
    assert.equal((await submit(key, "")).status, 400);
    reset();
    assert.equal((await submit(key)).status, 201);
    assert.equal(work.calls, 1);
  });

  for (const failure of ["DEADLINE", "AUDIT_UNAVAILABLE", new Error("a bug")] as const)
    it(`is not used again after ${failure instanceof Error ? "a bug" : failure}, because the call may have taken effect`, async () => {
      reset(failure);
      const key = newKey();
      assert.ok((await submit(key)).status >= 500);
      reset();
      assert.equal((await submit(key)).body["code"], "DEADLINE");
      assert.equal(work.calls, 0);
    });

  it("never gives a released value twice: the repeat names the entry, before the second factor is looked at", async () => {
    reset();
    const key = newKey();
    assert.equal((await reveal(key, "123456")).body["value"], "cAnArY");
    // A fresh code, and none that is valid: neither is looked at.
    for (const code of ["654321", "not a code"]) {
      const repeat = await reveal(key, code);
      assert.equal(repeat.status, 409);
      assert.deepEqual([repeat.body["code"], repeat.body["seq"]], ["ALREADY_RELEASED", 41]);
    }
    assert.equal(work.calls, 1);
  });

  it("tells of such a repeat in the log", () => {
    assert.deepEqual([edge.entries.at(-1)?.action, edge.entries.at(-1)?.details?.["code"]], ["secret.reveal", "ALREADY_RELEASED"]);
  });

  it("counts a value as seen when its release failed half way", async () => {
    reset("AUDIT_UNAVAILABLE");
    const key = newKey();
    assert.equal((await reveal(key, "123456")).status, 503);
    reset();
    assert.equal((await reveal(key, "654321")).body["code"], "ALREADY_RELEASED");
    assert.equal(work.calls, 0);
  });

  it("leaves a release free to be tried again that the ticket system's being away refused: nothing was used up; it makes no entry", async () => {
    reset("TICKETS_UNAVAILABLE");
    const key = newKey();
    const entries = edge.entries.length;
    assert.equal((await reveal(key, "123456")).status, 503);
    assert.equal(edge.entries.length, entries);
    reset();
    assert.equal((await reveal(key, "123456")).body["value"], "cAnArY");
  });

  it("leaves a release that asked for a second factor free to be tried with another one", async () => {
    reset("STEP_UP_REQUIRED");
    const key = newKey();
    assert.equal((await reveal(key, "123456")).status, 401);
    reset();
    assert.equal((await reveal(key, "654321")).body["value"], "cAnArY");
  });

  it("leaves neither body nor answer in the table", async () => {
    const { rows } = await withClient(database.superuser, (client) => client.query("SELECT r::text AS text FROM edge.idempotency r"));
    const text = JSON.stringify(rows);
    assert.ok(rows.length > 5);
    for (const trace of ["cAnArY", "because", "123456", Buffer.from("cAnArY").toString("hex"), Buffer.from("because").toString("hex")]) {
      assert.ok(!text.includes(trace), trace);
    }
  });

  it("has to have its form", async () => {
    for (const key of ["a".repeat(129), "with blank", "ümlaut"]) {
      const call = request(edge.app.getHttpServer()).post("/t/requests").set("authorization", `Bearer ${token}`);
      const { status } = await call.set("idempotency-key", key).send({ reason: "because" });
      assert.equal(status, 400, key);
    }
  });

  it("counts for a day, and is swept away afterwards", async () => {
    reset();
    const key = newKey();
    await submit(key);
    await withClient(database.superuser, (client) =>
      client.query("UPDATE edge.idempotency SET created_at = created_at - interval '25 hours' WHERE key = $1", [key]),
    );
    assert.equal((await submit(key)).body["secret"], "cAnArY");
    assert.equal(work.calls, 2);
    await withClient(database.superuser, (client) =>
      client.query("UPDATE edge.idempotency SET created_at = created_at - interval '25 hours'"),
    );
    const records = new IdempotencyRecords(dataSource);
    assert.ok((await records.sweep()) > 5);
    assert.equal(await records.sweep(), 0);
  });

  it("without which nothing is stored", async () => {
    reset();
    await request(edge.app.getHttpServer()).post("/t/requests").set("authorization", `Bearer ${token}`).send({ reason: "because" });
    assert.equal(await dataSource.getRepository(IdempotencyRecord).count(), 0);
  });
});
