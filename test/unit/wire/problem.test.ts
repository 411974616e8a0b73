import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ErrorCode } from "../../../src/kernel/errors.js";
import { ERRORS, RootkeepError } from "../../../src/kernel/errors.js";
import { problemOf } from "../../../src/wire/problem.js";

const REQUEST_ID = "6f9c2d1e-8f0a-4c7e-9b1d-2f3a4b5c6d7e";

describe("problem documents", () => {
  for (const code of Object.keys(ERRORS) as ErrorCode[])
    it(`render ${code} with the status of the table`, () => {
      const { status, body, headers } = problemOf(new RootkeepError(code), REQUEST_ID);
      assert.equal(status, ERRORS[code].http);
      assert.equal(body.status, status);
      assert.equal(body.code, code);
      assert.equal(body.title, ERRORS[code].message);
      assert.equal(body.instance, `urn:uuid:${REQUEST_ID}`);
      assert.equal(headers["www-authenticate"] !== undefined, status === 401);
    });

  it("show nothing of an error that is not ours", () => {
    const { status, body } = problemOf(new Error("cAnArY", { cause: new Error("cAnArY") }), REQUEST_ID);
    assert.equal(status, 500);
    assert.equal(body.code, "INTERNAL");
    assert.ok(!JSON.stringify(body).includes("cAnArY"));
  });

  it("show neither reason nor cause of an error that is ours", () => {
    const error = new RootkeepError("KEY_UNAVAILABLE", { reason: "cAnArY", cause: new Error("cAnArY") });
    assert.ok(!JSON.stringify(problemOf(error, REQUEST_ID)).includes("cAnArY"));
  });

  it("let no fact pass for a member of the document", () => {
    const { body } = problemOf(new RootkeepError("BETTER_WAY", { facts: { way: "iam-role", status: 200, code: "OK" } }), REQUEST_ID);
    assert.equal(body["way"], "iam-role");
    assert.equal(body.status, 409);
    assert.equal(body.code, "BETTER_WAY");
  });

  it("carry fields, and say when to come back", () => {
    const fields = [{ field: "reason", rule: "must not be empty" }];
    assert.deepEqual(problemOf(new RootkeepError("MALFORMED", { fields }), REQUEST_ID).body.errors, fields);
    const { headers, body } = problemOf(new RootkeepError("LOCKED_OUT", { retryAfterSeconds: 1.2 }), REQUEST_ID);
    assert.equal(headers["retry-after"], "2");
    assert.equal(body["retryAfterSeconds"], 1.2);
  });
});
