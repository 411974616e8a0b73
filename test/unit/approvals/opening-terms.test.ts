import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CATALOGUE } from "../../../src/approvals/catalogue.js";
import { compareBooks, compareTerms } from "../../../src/approvals/compare-terms.js";
import { brokenTerm, catalogueTerms, termsOf } from "../../../src/approvals/opening-terms.js";
import type { Policy } from "../../../src/approvals/policy.js";
import { isReferral, type Purpose } from "../../../src/approvals/purpose.js";

const ACCOUNT = { id: "acc_0123456789abcdefghjkmnpqrs", customer: "Acme", tags: { env: "prod" } };
const ALL = { kind: "all" } as const;

function purposeNamed(slug: string): Purpose {
  const entry = CATALOGUE.entries.find((row): row is Purpose => row.slug === slug && !isReferral(row));
  assert.ok(entry);
  return entry;
}

describe("terms of an opening", () => {
  const drill = purposeNamed("drill");
  const policy = (name: string, rest: Partial<Policy>): Policy => ({ name, purposes: "all", scope: ALL, ...rest });

  it("are the catalogue's where no policy matches", () => {
    const elsewhere = [
      policy("other-purpose", { purposes: ["abuse-response"], approvals: 3 }),
      policy("other-customer", { scope: { kind: "customer", values: ["Globex"] }, approvals: 3 }),
      policy("other-tag", { scope: { kind: "tag", values: ["env=test"] }, approvals: 3 }),
      policy("other-account", { scope: { kind: "account", values: ["acc_00000000000000000000000000"] }, approvals: 3 }),
    ];
    const { terms, policies, decidedBy } = termsOf(drill, elsewhere, ACCOUNT);
    assert.deepEqual(terms, catalogueTerms(drill));
    assert.deepEqual([policies, decidedBy], [[], {}]);
  });

  it("keep every gate of every policy that matches (peer's mistake: a merge of two policies dropped the control group of one) [PO-3]", () => {
    const gated = policy("gated", { approvals: 2, otherTeam: true, split: true });
    const ungated = policy("ungated", { minutes: 10, scope: { kind: "account", values: [ACCOUNT.id] } });
    for (const book of [
      [gated, ungated],
      [ungated, gated],
    ]) {
      const { terms, decidedBy } = termsOf(drill, book, ACCOUNT);
      assert.deepEqual([terms.approvals, terms.otherTeam, terms.split, terms.minutes], [2, true, true, 10]);
      assert.deepEqual(decidedBy, { approvals: ["gated"], otherTeam: ["gated"], split: ["gated"], minutes: ["ungated"] });
    }
  });

  it("name everybody who decided, and nobody who would have been laxer", () => {
    const book = [
      policy("a", { approvals: 3, ticketPrefix: "SEC-" }),
      policy("b", { approvals: 3 }),
      policy("c", { approvals: 2, ticketPrefix: "S" }),
    ];
    const { terms, decidedBy } = termsOf(drill, book, ACCOUNT);
    assert.deepEqual(terms.ticketPrefixes, ["S", "SEC-"]);
    assert.deepEqual(decidedBy, { approvals: ["a", "b"], ticketPrefixes: ["a", "c"] });
  });

  it("are never laxer than the catalogue, whatever a policy says", () => {
    const lax = policy("lax", { approvals: 1, minutes: 1440, codes: 6, kinds: ["root-password", "mfa-seed", "mail-code"] });
    for (const entry of CATALOGUE.entries) {
      if (!isReferral(entry)) assert.deepEqual(termsOf(entry, [lax], ACCOUNT).terms, catalogueTerms(entry), entry.slug);
    }
  });

  it("refuse an opening that breaks one of them, by name", () => {
    const terms = catalogueTerms(drill);
    const opening = (over: object = {}) => ({
      requester: "rita",
      secrets: [
        { kind: "root-password", holder: "rita" },
        { kind: "mfa-seed", holder: "rita" },
      ],
      ticket: "OPS-1",
      ...over,
    });
    const halves = opening({
      secrets: [
        { kind: "root-password", holder: "rita" },
        { kind: "mfa-seed", holder: "hugo" },
      ],
    });
    const others = opening({ secrets: [{ kind: "root-password", holder: "hugo" }] });
    const mailed = opening({
      secrets: [
        { kind: "root-password", holder: "rita" },
        { kind: "mail-code", holder: "rita" },
      ],
    });
    assert.equal(brokenTerm(terms, opening()), null);
    assert.equal(brokenTerm({ ...terms, kinds: ["root-password"] }, opening())?.term, "kinds");
    assert.equal(brokenTerm({ ...terms, kinds: [] }, others)?.term, "kinds");
    assert.equal(brokenTerm({ ...terms, ticketPrefixes: ["SEC-"] }, opening())?.term, "ticketPrefixes");
    assert.equal(brokenTerm({ ...terms, ticketPrefixes: ["SEC-"] }, opening({ ticket: null }))?.term, "ticketPrefixes");
    assert.equal(brokenTerm({ ...terms, ticketPrefixes: ["OPS-", "SEC-"] }, opening())?.term, "ticketPrefixes");
    assert.equal(brokenTerm({ ...terms, split: true }, opening())?.term, "split");
    assert.equal(brokenTerm({ ...terms, split: true, kinds: ["root-password", "mail-code"] }, mailed)?.term, "split");
    assert.equal(brokenTerm({ ...terms, split: true }, halves), null);
    assert.equal(brokenTerm({ ...terms, selfService: false }, halves)?.term, "selfService");
    assert.equal(brokenTerm({ ...terms, selfService: false }, others), null);
  });
});

describe("a comparison of terms", () => {
  const drill = purposeNamed("drill");
  const base = catalogueTerms(drill);

  it("calls each field stricter or looser, and its way back the other", () => {
    const steps: [string, object][] = [
      ["approvals", { approvals: 2 }],
      ["otherTeam", { otherTeam: true }],
      ["minutes", { minutes: 5 }],
      ["kinds", { kinds: ["root-password"] }],
      ["codes", { codes: 1 }],
      ["ticketPrefixes", { ticketPrefixes: ["SEC-"] }],
      ["split", { split: true }],
      ["selfService", { selfService: false }],
    ];
    for (const [term, change] of steps) {
      const strict = { ...base, ...change };
      assert.deepEqual(
        compareTerms(base, strict).map(({ effect }) => effect),
        ["stricter"],
        term,
      );
      assert.deepEqual(
        compareTerms(strict, base).map(({ effect }) => effect),
        ["looser"],
        term,
      );
    }
    const swapped = compareTerms({ ...base, ticketPrefixes: ["A"] }, { ...base, ticketPrefixes: ["B"] });
    assert.deepEqual(
      swapped.map(({ effect }) => effect),
      ["looser"],
    );
  });

  it("of books shows purposes and accounts that change, and what no account has yet", () => {
    const acme: Policy = { name: "acme", purposes: ["drill"], scope: { kind: "customer", values: ["Acme"] }, approvals: 3 };
    const wide: Policy = { name: "wide", purposes: "all", scope: ALL, approvals: 2 };
    const member = { kind: "member", scoped: ACCOUNT } as const;
    const more = { kind: "member", scoped: { ...ACCOUNT, id: "acc_1123456789abcdefghjkmnpqrs" } } as const;
    const globex = { kind: "standalone", scoped: { ...ACCOUNT, customer: "Globex" } } as const;
    const changes = compareBooks(CATALOGUE, [wide], [wide, acme], [member, more, globex]);
    assert.deepEqual(changes, [
      {
        purpose: "drill",
        kind: "member",
        accounts: 2,
        example: ACCOUNT.id,
        beside: ["wide"],
        changes: [{ term: "approvals", before: 2, after: 3, effect: "stricter" }],
      },
    ]);
    const unreached = compareBooks(CATALOGUE, [acme], [], [globex]);
    assert.deepEqual([...new Set(unreached.map(({ accounts, purpose }) => `${purpose} ${String(accounts)}`))], ["drill 0"]);
    assert.ok(unreached.every(({ changes: [change] }) => change?.effect === "looser"));
  });
});
