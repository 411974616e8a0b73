import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { newId } from "../../../src/kernel/ids.js";
import { cursorOf, pageOf, parsePage } from "../../../src/wire/paging.js";

describe("paging", () => {
  it("starts at the beginning with the default size", () => {
    assert.deepEqual(parsePage({}), { after: null, limit: 50 });
  });

  it("goes on after the last id of a page", () => {
    const ids = [newId("account"), newId("account"), newId("account")];
    const page = pageOf(ids, 2, (id) => id);
    assert.deepEqual(page.items, ids.slice(0, 2));
    assert.deepEqual(parsePage({ after: page.next ?? "", limit: "200" }), { after: ids[1], limit: 200 });
    assert.equal(pageOf(ids, 3, (id) => id).next, null);
    assert.equal(pageOf([], 3, String).next, null);
  });

  const BAD_LIMITS = ["0", "201", "-1", "1e2", "050", "", ["1", "2"], 5, "9".repeat(400)];
  // The second one spells the same bytes as the good cursor of "acc_1", with other spare bits.
  const BAD_CURSORS = [
    "",
    "YWNjXzF",
    "a",
    "!!!!",
    `${cursorOf("acc_1")}=`,
    Buffer.from("a'; drop").toString("base64url"),
    ["a"],
    "A".repeat(400),
  ];
  it("refuses odd sizes and cursors, naming the field", () => {
    for (const limit of BAD_LIMITS) assert.throws(() => parsePage({ limit }), isMalformed("limit"), JSON.stringify(limit));
    for (const after of BAD_CURSORS) assert.throws(() => parsePage({ after }), isMalformed("after"), JSON.stringify(after));
  });

  it("makes a cursor of nothing but an id", () => {
    assert.throws(() => cursorOf("a b"), /made of an id/);
  });
});

function isMalformed(field: string): (error: unknown) => boolean {
  return (error) => isRootkeepError(error, "MALFORMED") && error.fields.some((row) => row.field === field);
}
