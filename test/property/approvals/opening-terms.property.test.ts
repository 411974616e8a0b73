import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { CATALOGUE } from "../../../src/approvals/catalogue.js";
import { compareTerms } from "../../../src/approvals/compare-terms.js";
import { catalogueTerms, termsOf } from "../../../src/approvals/opening-terms.js";
import { checkPolicy, type Policy } from "../../../src/approvals/policy.js";
import { isReferral, PURPOSE_KINDS, type Purpose } from "../../../src/approvals/purpose.js";

const ACCOUNT = { id: "acc_0123456789abcdefghjkmnpqrs", customer: "Acme", tags: { env: "prod" } };
const PURPOSES = CATALOGUE.entries.filter((entry): entry is Purpose => !isReferral(entry));

const scope = fc.constantFrom(
  { kind: "all" },
  { kind: "customer", values: ["Acme", "Globex"] },
  { kind: "customer", values: ["Globex"] },
  { kind: "tag", values: ["env=prod"] },
  { kind: "account", values: [ACCOUNT.id] },
);
const fields = fc.record(
  {
    approvals: fc.integer({ min: 1, max: 5 }),
    otherTeam: fc.constant(true),
    minutes: fc.integer({ min: 1, max: 1440 }),
    kinds: fc.subarray([...PURPOSE_KINDS]),
    codes: fc.integer({ min: 0, max: 6 }),
    rotateAfter: fc.constant(true),
    ticketPrefix: fc.constantFrom("A-", "B-", "A"),
    split: fc.constant(true),
    selfService: fc.constant(false),
  },
  { requiredKeys: [] },
);
const policies = fc.array(fc.tuple(scope, fields), { maxLength: 6 }).map((drawn) =>
  drawn.map(([where, rest], at): Policy => {
    const checked = checkPolicy({ name: `p${String(at)}`, purposes: "all", scope: where, ...rest });
    assert.ok("policy" in checked);
    return checked.policy;
  }),
);

/** True if no field of `one` is laxer than of `other`. */
const isAtLeast = (one: Policy[], other: Policy[], purpose: Purpose): boolean =>
  compareTerms(termsOf(purpose, other, ACCOUNT).terms, termsOf(purpose, one, ACCOUNT).terms).every(({ effect }) => effect === "stricter");

describe("terms under any policies", () => {
  it("do not depend on their order", () => {
    fc.assert(
      fc.property(policies, fc.constantFrom(...PURPOSES), (book, purpose) => {
        assert.deepEqual(termsOf(purpose, book.toReversed(), ACCOUNT).terms, termsOf(purpose, book, ACCOUNT).terms);
      }),
    );
  });

  it("are never laxer than the catalogue, have an approver, and no policy more makes them laxer [PO-3]", () => {
    fc.assert(
      fc.property(policies, fc.constantFrom(...PURPOSES), (book, purpose) => {
        const { terms } = termsOf(purpose, book, ACCOUNT);
        assert.ok(terms.approvals >= 1);
        assert.ok(compareTerms(catalogueTerms(purpose), terms).every(({ effect }) => effect === "stricter"));
        for (let count = 0; count < book.length; count++) assert.ok(isAtLeast(book.slice(0, count + 1), book.slice(0, count), purpose));
      }),
    );
  });
});
