import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { reachCondition } from "../../../src/accounts/account-reach.js";
import { canonicalJson } from "../../../src/audit/canonical-json.js";
import { reachOfScopes } from "../../../src/people/reach.js";
import { covers, type Scope } from "../../../src/people/scope.js";

const word = fc.constantFrom("a", "b", "A", "ä", '"', "\\", "=", "x%", "_", ",", "{}");
const text = fc.array(word, { minLength: 1, maxLength: 3 }).map((parts) => parts.join(""));
const tagKey = fc.constantFrom("env", "team", "e");
const tags = fc.dictionary(tagKey, text);
const account = fc.record({ id: fc.constantFrom("acc_1", "acc_2", "acc_3"), customer: text, tags });
const scope: fc.Arbitrary<Scope> = fc.oneof(
  { weight: 1, arbitrary: fc.constant({ kind: "all" } as const) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("customer" as const), values: fc.array(text, { minLength: 1, maxLength: 3 }) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("tag" as const),
      values: fc.array(
        fc.tuple(tagKey, text).map(([key, value]) => `${key}=${value}`),
        { minLength: 1, maxLength: 3 },
      ),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ kind: "account", values: ["acc_1"] } as const) },
);

/** What PostgreSQL does with the condition's values. */
function isFound({ id, customer, tags: own }: { id: string; customer: string; tags: string }, values: unknown[]): boolean {
  const [accounts = [], customers = [], wanted = []] = values as string[][];
  return accounts.includes(id) || customers.includes(customer) || wanted.some((tag) => own.includes(tag));
}

describe("a reach", () => {
  it("is the union of its scopes, and without any covers nothing", () => {
    fc.assert(
      fc.property(fc.array(scope, { maxLength: 4 }), account, (scopes, one) => {
        const row = { ...one, tags: canonicalJson(one.tags) };
        const expected = scopes.some((item) => covers(item, one));
        assert.equal(reachOfScopes(scopes).covers(row), expected);
      }),
      { numRuns: 2_000 },
    );
    assert.equal(reachOfScopes([]).covers({ id: "acc_1", customer: "A", tags: "{}" }), false);
    assert.equal(reachOfScopes([]).isAll, false);
  });

  it("is looked for by a condition that leaves out no account that it covers, whatever stands in tags", () => {
    fc.assert(
      fc.property(fc.array(scope, { maxLength: 4 }), account, (scopes, one) => {
        const reach = reachOfScopes(scopes);
        const row = { ...one, tags: canonicalJson(one.tags) };
        const { sql, values } = reachCondition(reach, "a", 3);
        if (reach.isAll) assert.equal(sql, "TRUE");
        else if (reach.covers(row)) assert.ok(isFound(row, values));
      }),
      { numRuns: 2_000 },
    );
  });

  it("finds nothing by another tag whose name or value only ends or begins alike", () => {
    const reach = reachOfScopes([{ kind: "tag", values: ["env=prod"] }]);
    const { values } = reachCondition(reach, "a", 3);
    for (const other of [{ env: "production" }, { env: "pre-prod" }, { eenv: "prod" }, { note: '"env":"prod"' }, {}]) {
      const row = { id: "acc_1", customer: "A", tags: canonicalJson(other) };
      assert.deepEqual([isFound(row, values), reach.covers(row)], [false, false], row.tags);
    }
  });
});
