import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ERRORS, type ErrorCode, isRootkeepError, RootkeepError } from "../../../src/kernel/errors.js";

const CODES = Object.keys(ERRORS) as ErrorCode[];

/** Statuses of gRPC that each HTTP status may go with: the two columns are two renderings of one error. */
const PARTNERS: Readonly<Record<number, readonly string[]>> = {
  400: ["INVALID_ARGUMENT"],
  401: ["UNAUTHENTICATED"],
  403: ["PERMISSION_DENIED"],
  404: ["NOT_FOUND"],
  409: ["FAILED_PRECONDITION", "ABORTED", "ALREADY_EXISTS"],
  429: ["RESOURCE_EXHAUSTED"],
  500: ["INTERNAL", "DATA_LOSS"],
  503: ["UNAVAILABLE"],
  504: ["DEADLINE_EXCEEDED"],
};

const RETRIES = [
  "no",
  "yes",
  "maybe",
  "with a factor",
  "after approval",
  "after check-in",
  "next time step",
  "after founding",
  "after unseal",
  "after n s",
];

describe("the table of errors", () => {
  for (const code of CODES) {
    const { http, grpc, retry, message } = ERRORS[code];
    it(`renders ${code} over both wires, and says when to try again`, () => {
      assert.match(code, /^[A-Z]+(?:_[A-Z]+)*$/);
      assert.ok(PARTNERS[http]?.includes(grpc), `${String(http)} with ${grpc}`);
      assert.ok(RETRIES.includes(retry), retry);
      assert.match(message, /^[A-Z][^"{}$\n]{10,120}\.$/);
    });
  }

  it("says something of its own for each code", () => {
    assert.equal(new Set(CODES.map((code) => ERRORS[code].message)).size, CODES.length);
  });

  it("asks to wait for a number of seconds exactly where the status is 429", () => {
    for (const code of CODES) assert.equal(ERRORS[code].retry === "after n s", (ERRORS[code].http as number) === 429, code);
  });
});

describe("an error", () => {
  it("says the constant sentence of its code and nothing else, whatever is known about it", () => {
    const error = new RootkeepError("ROW_REFUSED", { reason: "mac", facts: { row: "person/1" }, cause: new Error("inner") });
    assert.equal(error.message, ERRORS.ROW_REFUSED.message);
    assert.equal(error.reason, "mac");
    assert.deepEqual(error.facts, { row: "person/1" });
    assert.equal((error.cause as Error).message, "inner");
  });

  it("without details has empty ones", () => {
    const { fields, facts, retryAfterSeconds, reason } = new RootkeepError("NOT_FOUND");
    assert.deepEqual(
      { fields, facts, retryAfterSeconds, reason },
      { fields: [], facts: {}, retryAfterSeconds: undefined, reason: undefined },
    );
  });

  it("is known by its class, and by its code where one is named", () => {
    const error = new RootkeepError("NOT_FOUND");
    assert.equal(isRootkeepError(error), true);
    assert.equal(isRootkeepError(error, "NOT_FOUND"), true);
    assert.equal(isRootkeepError(error, "FORBIDDEN"), false);
    assert.equal(isRootkeepError(Object.assign(new Error("x"), { code: "NOT_FOUND" })), false);
    assert.equal(isRootkeepError({ code: "NOT_FOUND" }), false);
  });
});
