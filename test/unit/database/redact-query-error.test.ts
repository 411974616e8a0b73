import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inspect } from "node:util";
import { redactQueryError } from "../../../src/database/redact-query-error.js";

function databaseError(code: string, message: string): Error {
  const driver = Object.assign(new Error(message), { code, detail: "Key (x)=(mark)", where: "mark", constraint: "entry_pk" });
  return Object.assign(new Error(message), {
    driverError: driver,
    code,
    parameters: ["mark"],
    query: "SELECT 'mark'",
    constraint: "entry_pk",
  });
}

describe("a database error", () => {
  for (const code of ["22P02", "22001", "42704", "42601", "XX000"]) {
    it(`of SQLSTATE ${code} keeps no word that may quote a value`, () => {
      const error = redactQueryError(databaseError(code, 'invalid input: "mark"'));
      assert.equal(inspect(error, { showHidden: true, depth: 9 }).includes("mark"), false);
      assert.match(inspect(error), new RegExp(code));
    });
  }

  it("of a broken constraint keeps its message and the constraint's name", () => {
    const error = redactQueryError(databaseError("23505", 'duplicate key value violates unique constraint "entry_pk"'));
    assert.match(error.message, /duplicate key/);
    assert.equal(Reflect.get(error, "constraint"), "entry_pk");
    assert.equal(inspect(error, { showHidden: true, depth: 9 }).includes("mark"), false);
  });

  it("that is none stays what it is", () => {
    const lost = Object.assign(new Error("connect ENOENT /run/x"), { code: "ENOENT" });
    assert.equal(redactQueryError(lost).message, "connect ENOENT /run/x");
    assert.equal(redactQueryError("text"), "text");
  });
});
