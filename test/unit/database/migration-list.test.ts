import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compareMigrations } from "../../../src/database/migration-list.js";

describe("the standing of a database", () => {
  it("names what is pending, unknown and late", () => {
    assert.deepEqual(compareMigrations(["a", "b"], []), { pending: ["a", "b"], unknown: [], late: [] });
    assert.deepEqual(compareMigrations(["a", "b", "c"], ["a"]), { pending: ["b", "c"], unknown: [], late: [] });
    assert.deepEqual(compareMigrations(["a", "b", "c"], ["a", "c"]), { pending: ["b"], unknown: [], late: ["b"] });
    assert.deepEqual(compareMigrations(["a"], ["a", "z"]), { pending: [], unknown: ["z"], late: [] });
  });
});
