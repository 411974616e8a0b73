import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ACCOUNT_STATES, type AccountState } from "../../../src/accounts/account.js";
import { CATALOGUE } from "../../../src/approvals/catalogue.js";
import { purposesOpenIn } from "../../../src/approvals/purposes-by-state.js";
import type { LifeFacts, Verdict } from "../../../src/lifecycle/account-states.js";
import * as states from "../../../src/lifecycle/account-states.js";

const NOW = new Date("2026-03-01T10:00:00.000Z");
const PAPER = "ab".repeat(32);
const TWO = { request: "req_1", askedBy: "per_a", approvedBy: "per_b" };
const DONE = { checklist: "chk_1", needed: ["A1"], done: new Set(["A1"]) };

/** Every move there is, with all the evidence that it can want. */
const MOVES: Readonly<Record<string, (facts: LifeFacts) => Verdict>> = {
  assume: (facts) => states.assume(facts, { document: PAPER, checklist: "chk_1" }),
  secure: (facts) => states.secure(facts, DONE),
  activate: (facts) => states.activate(facts, DONE),
  suspect: (facts) => states.suspect(facts, TWO),
  rotate: (facts) => states.rotate(facts, TWO),
  settle: (facts) => states.settle(facts, TWO),
  close: (facts) => states.close(facts, { ...TWO, document: PAPER, checklist: "chk_1" }),
  confirmClosed: (facts) => states.confirmClosed(facts, DONE, NOW),
  sealFinal: (facts) => states.sealFinal(facts, DONE, TWO, NOW),
  reopen: (facts) => states.reopen(facts, { ...TWO, checklist: "chk_1" }, NOW),
  resume: (facts) => states.resume(facts, DONE),
  release: (facts) => states.release(facts, { ...TWO, document: PAPER, checklist: "chk_1", target: "standalone" }),
  handOver: (facts) => states.handOver(facts, DONE),
  withdraw: (facts) => states.withdraw(facts, DONE, [], TWO),
  abandon: (facts) => states.abandon(facts, TWO),
};

function factsOf(state: AccountState | "declared", rest: Partial<LifeFacts> = {}): LifeFacts {
  const isDeclared = state === "declared";
  return { state: isDeclared ? "assuming" : state, isDeclared, isCheckedOut: false, finalAt: new Date(NOW.getTime() - 1), ...rest };
}

function refusal(verdict: Verdict): string | null {
  return "refused" in verdict ? verdict.refused : null;
}

describe("the states of an account", () => {
  it("are reached along the edges of the machine and no others [LC-2]", () => {
    const found = new Set<string>();
    for (const from of [...ACCOUNT_STATES, "declared"] as const) {
      for (const finalAt of [new Date(NOW.getTime() - 1), new Date(NOW.getTime() + 1)]) {
        for (const move of Object.values(MOVES)) {
          const verdict = move(factsOf(from, { finalAt }));
          if ("to" in verdict) found.add(`${from} ${verdict.to}`);
        }
      }
    }
    // A takeover that was begun after the import goes the way of every other.
    found.delete("declared secured");
    assert.deepEqual([...found].sort(), states.EDGES.map((edge) => edge.join(" ")).sort());
  });

  it("are left by nobody who is released, sealed for good or abandoned [LC-2]", () => {
    for (const from of ["released", "sealed_final", "abandoned"] as const) {
      for (const [name, move] of Object.entries(MOVES)) assert.notEqual(refusal(move(factsOf(from))), null, `${from} ${name}`);
    }
  });

  it("do not change by a checklist of which a step is missing, and the refusal names it [LC-3]", () => {
    const missing = { ...DONE, needed: ["A1", "A2"] };
    for (const verdict of [
      states.secure(factsOf("assuming"), missing),
      states.activate(factsOf("secured"), missing),
      states.confirmClosed(factsOf("closing"), missing, NOW),
      states.sealFinal(factsOf("closed"), missing, TWO, NOW),
      states.resume(factsOf("reopening"), missing),
      states.handOver(factsOf("releasing"), missing),
    ]) {
      assert.equal(refusal(verdict), "steps are not done: A2");
    }
  });

  it("do not change by the word of one person [LC-3]", () => {
    assert.throws(() => states.suspect(factsOf("active"), { ...TWO, approvedBy: TWO.askedBy }));
  });

  it("want the customer's paper to close, to hand back and to take over [LC-3]", () => {
    assert.notEqual(refusal(states.assume(factsOf("invited"), { document: "", checklist: "chk_1" })), null);
    assert.notEqual(refusal(states.close(factsOf("active"), { ...TWO, document: "AB".repeat(32), checklist: "chk_1" })), null);
    assert.notEqual(refusal(states.release(factsOf("active"), { ...TWO, document: "", checklist: "chk_1", target: "standalone" })), null);
  });

  it("do not close, hand over, seal or abandon what somebody has checked out [LC-3]", () => {
    const out = { isCheckedOut: true };
    for (const name of ["close", "release"])
      assert.equal(refusal(MOVES[name]?.(factsOf("active", out)) ?? { refused: "" }), "the account is checked out");
    assert.equal(refusal(states.handOver(factsOf("releasing", out), DONE)), "the account is checked out");
    assert.equal(refusal(states.sealFinal(factsOf("closed", out), DONE, TWO, NOW)), "the account is checked out");
    assert.equal(refusal(states.abandon(factsOf("secured", out), TWO)), "the account is checked out");
  });

  it("seal a closed account for good after 90 days to the second, and reopen it until then [LC-11]", () => {
    const closedAt = new Date("2026-01-01T00:00:00.000Z");
    const finalAt = states.finalAfter(closedAt);
    assert.equal(finalAt.toISOString(), "2026-04-01T00:00:00.000Z");
    const closed = factsOf("closed", { finalAt });
    const last = new Date(finalAt.getTime() - 1);
    assert.notEqual(refusal(states.sealFinal(closed, DONE, TWO, last)), null);
    assert.equal(refusal(states.reopen(closed, { ...TWO, checklist: "chk_1" }, last)), null);
    assert.equal(refusal(states.sealFinal(closed, DONE, TWO, finalAt)), null);
    assert.notEqual(refusal(states.reopen(closed, { ...TWO, checklist: "chk_1" }, finalAt)), null);
    // A date that somebody lost opens neither way.
    for (const move of ["sealFinal", "reopen"])
      assert.notEqual(refusal(MOVES[move]?.(factsOf("closed", { finalAt: null })) ?? { refused: "" }), null);
  });

  it("go back to active when the order is taken back, unless a step is done that cannot be undone [LC-12]", () => {
    assert.equal(refusal(states.withdraw(factsOf("releasing"), DONE, ["R7"], TWO)), null);
    assert.equal(refusal(states.withdraw(factsOf("releasing"), DONE, ["A1"], TWO)), "step A1 is done: there is no way back from it");
  });

  it("each open purposes of the catalogue: before an account is ours what takes it over, on its way out what ends it, and then none [LC-4]", () => {
    const slugs = new Set(CATALOGUE.entries.map(({ slug }) => slug));
    for (const state of ACCOUNT_STATES) {
      const open = purposesOpenIn(state, false);
      if (open !== "all") for (const slug of open) assert.ok(slugs.has(slug), slug);
      assert.equal(open === "all", state === "active" || state === "rotating", state);
    }
    for (const state of ["invited", "released", "sealed_final", "abandoned"]) assert.deepEqual(purposesOpenIn(state, false), []);
    assert.deepEqual(purposesOpenIn("closed", false), ["account-reopen", "billing-root-only", "tax-invoice-view"]);
    assert.deepEqual(purposesOpenIn("releasing", false), ["release-handback", "rotate-verify"]);
    assert.deepEqual(purposesOpenIn("ACTIVE", true), [], "a state that we do not know");
    for (const state of ACCOUNT_STATES) {
      assert.equal(
        purposesOpenIn(state, true) === "all",
        ["active", "rotating", "assuming", "secured"].includes(state),
        `declared ${state}`,
      );
    }
  });
});
