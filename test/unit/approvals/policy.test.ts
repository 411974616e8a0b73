import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { checkPolicy, type Policy, policyHash } from "../../../src/approvals/policy.js";
import { bookOf, bookText, changedBook, EMPTY_BOOK, parseBook } from "../../../src/approvals/policy-book.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";

const WHOLE = {
  name: "acme",
  purposes: ["drill", "billing-root-only"],
  scope: { kind: "customer", values: ["Acme"] },
  approvals: 2,
  otherTeam: true,
  minutes: 15,
  kinds: ["mfa-seed", "root-password"],
  codes: 1,
  rotateAfter: true,
  ticketPrefix: "SEC-",
  split: true,
  selfService: false,
};

function policyOf(value: unknown): Policy {
  const checked = checkPolicy(value);
  assert.ok("policy" in checked, JSON.stringify(checked));
  return checked.policy;
}

describe("a policy", () => {
  const faults: [string, unknown][] = [
    ["is no object", "x"],
    ["is a list", []],
    // Peer's mistake (OpenBao #3666): zero approvers meant an open gate.
    ["wants no approver", { ...WHOLE, approvals: 0 }],
    ["wants fewer than none", { ...WHOLE, approvals: -1 }],
    ["wants half an approver", { ...WHOLE, approvals: 1.5 }],
    ["wants a text of approvers", { ...WHOLE, approvals: "2" }],
    ["wants null approvers", { ...WHOLE, approvals: null }],
    ["wants more than anybody has", { ...WHOLE, approvals: 6 }],
    ["has a field that is not known", { ...WHOLE, approvers: 2 }],
    ["has no name", { ...WHOLE, name: "" }],
    ["has a name of another form", { ...WHOLE, name: "Acme" }],
    ["is about no purpose", { ...WHOLE, purposes: [] }],
    ["names a purpose twice", { ...WHOLE, purposes: ["drill", "drill"] }],
    ["is about no account", { ...WHOLE, scope: undefined }],
    ["stands for no time", { ...WHOLE, minutes: 0 }],
    ["stands for more than a day", { ...WHOLE, minutes: 1441 }],
    ["opens another kind", { ...WHOLE, kinds: ["note"] }],
    ["gives too many codes", { ...WHOLE, codes: 7 }],
    ["switches a mark off", { ...WHOLE, split: false }],
    ["switches teams off", { ...WHOLE, otherTeam: false }],
    ["switches rotation off", { ...WHOLE, rotateAfter: false }],
    ["allows what is allowed", { ...WHOLE, selfService: true }],
    ["has a pattern for a prefix", { ...WHOLE, ticketPrefix: ".*" }],
  ];
  for (const [what, value] of faults) {
    it(`does not load when it ${what}`, () => assert.ok("errors" in checkPolicy(value)));
  }

  it("loads whole, and is one policy however it is written", () => {
    const policy = policyOf(WHOLE);
    assert.deepEqual(policy.kinds, ["root-password", "mfa-seed"]);
    assert.equal(
      policyHash(policyOf({ ...WHOLE, purposes: ["billing-root-only", "drill"], kinds: ["root-password", "mfa-seed"] })),
      policyHash(policy),
    );
    for (const field of Object.keys(WHOLE).filter((name) => !["name", "purposes", "scope"].includes(name))) {
      assert.notEqual(policyHash(policyOf({ ...WHOLE, [field]: undefined })), policyHash(policy), field);
    }
  });
});

describe("a book of policies", () => {
  const one = policyOf(WHOLE);
  const other = policyOf({ name: "all", purposes: "all", scope: { kind: "all" }, minutes: 20 });

  it("is read back as it was written, and has a version by number and content", () => {
    const book = bookOf(3, [one, other]);
    assert.deepEqual(parseBook(3, bookText([one, other])), book);
    assert.match(book.version, /^p3-[0-9a-f]{16}$/);
    assert.notEqual(bookOf(3, [one]).version, book.version);
  });

  it("is refused whole when there is a word in it that this build does not know", () => {
    const text = bookText([one, { ...other, approvals: 0 }]);
    const unknown = bookText([one, { ...other, ...{ quorum: 3 } }]);
    for (const bad of [text, unknown, bookText([one]).replace("rk-policies-1", "rk-policies-2"), "{}", "[]"]) {
      assert.throws(() => parseBook(1, bad), bad);
    }
  });

  it("changes only from what the change replaces: of two that race, one hears of the other", () => {
    const first = changedBook(EMPTY_BOOK, { name: "acme", policy: one, replaces: null });
    assert.equal(first.number, 1);
    const laxer = policyOf({ ...WHOLE, approvals: 1 });
    const conflict = (error: unknown) => isRootkeepError(error, "STATE_CONFLICT");
    assert.throws(() => changedBook(first, { name: "acme", policy: laxer, replaces: null }), conflict);
    assert.throws(() => changedBook(first, { name: "acme", policy: laxer, replaces: policyHash(laxer) }), conflict);
    assert.throws(() => changedBook(EMPTY_BOOK, { name: "acme", policy: laxer, replaces: policyHash(one) }), conflict);
    assert.throws(() => changedBook(first, { name: "acme", policy: one, replaces: policyHash(one) }), conflict);
    const second = changedBook(first, { name: "acme", policy: laxer, replaces: policyHash(one) });
    assert.deepEqual([second.number, second.policies], [2, [laxer]]);
    assert.deepEqual(changedBook(second, { name: "acme", policy: null, replaces: policyHash(laxer) }).policies, []);
  });
});
