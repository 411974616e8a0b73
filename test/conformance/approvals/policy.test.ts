import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { bookId } from "../../../src/approvals/policies.service.js";
import { type Policy, policyHash } from "../../../src/approvals/policy.js";
import { bookOf, bookText, EMPTY_BOOK, parseBook } from "../../../src/approvals/policy-book.js";
import { canonicalJson } from "../../../src/audit/canonical-json.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { readVectors } from "../audit/vector-file.js";

const vectors = readVectors("policy.json", {
  books: ["name", "number", "policies", "text", "version"],
  refused: ["name", "clause", "text"],
});

describe("vectors of policies", () => {
  for (const { name, number, policies, text, version } of vectors.books) {
    it(`${name} has its text and version, and is read back as it was [PO-1] [PO-2] [PO-4]`, () => {
      const stated = JSON.parse(policies) as Policy[];
      assert.equal(bookText(stated), text);
      assert.equal(version, `p${number}-${createHash("sha256").update(text, "utf8").digest("hex").slice(0, 16)}`);
      assert.equal(bookOf(Number(number), stated).version, version);
      assert.deepEqual(parseBook(Number(number), text).policies, stated);
      for (const policy of stated) {
        assert.equal(policyHash(policy), createHash("sha256").update(canonicalJson(policy), "utf8").digest("hex"), "[PO-5]");
      }
    });
  }

  for (const { name, clause, text } of vectors.refused) {
    it(`refuses a book with ${name} [${clause}]`, () => {
      assert.throws(
        () => parseBook(1, text),
        (error) => error instanceof Error && (isRootkeepError(error, "ROW_REFUSED") || error.name !== "RootkeepError"),
      );
    });
  }

  it("are numbered in their ids, and book 0 has none [PO-6]", () => {
    assert.equal(bookId(12), "pol_00000000000000000000000012");
    assert.deepEqual([EMPTY_BOOK.number, EMPTY_BOOK.policies], [0, []]);
  });
});
