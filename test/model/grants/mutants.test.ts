import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { tally } from "../../fault/tally.js";
import { aimed, type DrawnHistory } from "./aim.js";
import { compare, newCounts } from "./compare.js";
import { explore } from "./explore.js";
import type { Fact } from "./facts.js";
import { CALM_FATES, histories, NO_LIMIT } from "./generate.js";
import { Machine } from "./machine.js";
import { MemoryEngine } from "./memory-engine.js";
import { RIGHT, type RuleName, type Rules, without } from "./rules.js";
import { violationsIn } from "./safety.js";
import { SMALL_WORLDS } from "./small-worlds.js";
import { DAY, type ModelEvent, type World } from "./world.js";

const SEED = 20_260_105;
/** Histories after which a mutant counts as not found. */
const MOST = 60_000;

type Kind = ModelEvent["do"];
const BASE: readonly Kind[] = ["submit", "approve", "open", "sign-in", "wait"];

interface Mutant {
  /** The rule that is left out, with those behind it that would hold where it does not. */
  readonly off: readonly RuleName[];
  /** The law that it breaks, as safety.ts has it. */
  readonly breaks: RegExp;
  /** Kinds of event that are enough to break it. */
  readonly by: readonly Kind[];
  readonly brake?: World["brake"];
}

/** A mutant for every rule of the model. */
const MUTANTS: Readonly<Record<RuleName, Mutant>> = {
  requesterIsNoApprover: { off: [], breaks: /without enough distinct/, by: [] },
  holderIsNoApprover: { off: [], breaks: /without enough distinct/, by: [] },
  countsPeople: { off: [], breaks: /without enough distinct/, by: [] },
  approversAreAllowed: { off: [], breaks: /without enough distinct/, by: [] },
  approversStandAtUse: { off: ["comebackStartsAnew"], breaks: /opened without enough distinct/, by: ["suspend", "take-off"] },
  comebackStartsAnew: { off: [], breaks: /without enough distinct/, by: ["suspend", "restore"] },
  holderStartsAnew: { off: [], breaks: /had lost everything since/, by: ["suspend", "restore", "take-off"] },
  leaversLoseGrants: { off: [], breaks: /kept a grant/, by: ["suspend", "take-off", "reset"] },
  holderStandsAtUse: { off: ["holderStartsAnew", "leaversLoseGrants"], breaks: /not on the allowlist/, by: ["take-off"] },
  sessionCounts: { off: [], breaks: /without a session|without enough/, by: ["wait-for"] },
  halvesApart: { off: [], breaks: /holds no part/, by: [] },
  tightenedCounts: { off: [], breaks: /without enough distinct|after its time/, by: ["policy"] },
  loosenedDoesNot: { off: [], breaks: /without enough distinct/, by: ["policy"] },
  glassNeverNone: { off: [], breaks: /without enough distinct/, by: ["suspend", "take-off"] },
  glassIsPaged: { off: [], breaks: /without a page/, by: ["paging"] },
  glassIsReviewed: { off: [], breaks: /before the last time was reviewed/, by: ["return"] },
  endIsOver: { off: [], breaks: /after its time/, by: ["wait-for"] },
  overIsOver: { off: [], breaks: /granted twice|denied or withdrawn/, by: ["deny", "withdraw"] },
  failureSpends: { off: [], breaks: /one grant opened one version twice/, by: [] },
  opensOnce: { off: [], breaks: /one grant opened one version twice/, by: [] },
  codesAreCounted: { off: [], breaks: /more codes than were granted/, by: ["policy"] },
  stepsRise: { off: [], breaks: /a time step twice/, by: [] },
  checkOutIsExclusive: { off: [], breaks: /another/, by: [] },
  burntWaits: { off: [], breaks: /burnt password/, by: ["return"] },
  splitRemembers: { off: [], breaks: /password and code/, by: ["policy", "return"] },
  movedTeamsDoNotCount: { off: [], breaks: /without enough distinct/, by: ["policy", "team"] },
  authenticatorWaits: { off: [], breaks: /without enough distinct|second factor/, by: [] },
  brakeHolds: { off: [], breaks: /more than the brake/, by: [], brake: { person: 1, deployment: 2, minutes: 60 } },
  unsignedOpensNothing: { off: [], breaks: /nobody signs/, by: ["signing"] },
  skewOpensNothing: { off: [], breaks: /clocks differ/, by: ["skewed"] },
};

/** What happens on the model. */
function run(rules: Rules, { world, events }: DrawnHistory): { facts: Fact[]; tried: ModelEvent[] } {
  const machine = new Machine(world, rules);
  const [facts, tried]: [Fact[], ModelEvent[]] = [[], []];
  for (const drawn of events) {
    const event = aimed(world, machine.state, drawn);
    const answer = machine.step(event);
    tried.push(event);
    if (answer !== "skip" && "happened" in answer) facts.push(...answer.happened);
  }
  return { facts, tried };
}

function drawn({ by, brake = NO_LIMIT }: Mutant): fc.Arbitrary<DrawnHistory> {
  return histories({ events: 30, fates: CALM_FATES, brake, only: [...BASE, ...by] });
}

// real: the model, the search and the laws that it searches by; in the second part the engine in memory, too.
describe("a model without one of its rules", () => {
  for (const [name, mutant] of Object.entries(MUTANTS) as [RuleName, Mutant][]) {
    it(`is found out: ${name}`, () => {
      const rules = mutant.off.reduce<Rules>((left, rule) => ({ ...left, [rule]: false }), without(name));
      let tried = 0;
      const isSafe = fc.property(drawn(mutant), (history) => {
        tried++;
        return !violationsIn(history.world, run(rules, history).facts).some((violation) => mutant.breaks.test(violation));
      });
      const { failed, counterexample } = fc.check(isSafe, { numRuns: MOST, seed: SEED });
      assert.ok(failed, `nothing found in ${String(MOST)} histories`);
      const [smallest] = counterexample ?? [];
      assert.ok(smallest);
      // Whoever wants to read them: what is left after shrinking is short.
      assert.ok(smallest.events.length <= 14, JSON.stringify(run(rules, smallest).tried));
      // The same history breaks nothing where the rules hold.
      assert.deepEqual(violationsIn(smallest.world, run(RIGHT, smallest).facts), []);
      tally("mutants of the model", { tried, counts: { "mutants found": 1, "events of their histories": smallest.events.length } });
    });
  }

  it("is found out in a small world, too, by one of its shortest histories", () => {
    const found = (world: keyof typeof SMALL_WORLDS, rule: RuleName, depth: number) => {
      const { broken } = explore(SMALL_WORLDS[world], without(rule), depth);
      return broken === null ? null : broken.events.length;
    };
    assert.equal(found("people", "requesterIsNoApprover", 3), 3);
    assert.equal(found("grants", "failureSpends", 5), 4);
    assert.equal(found("grants", "stepsRise", 5), 4);
    assert.equal(found("people", "overIsOver", 4), 4);
  });

  it("differs from the engine", async () => {
    for (const name of [
      "requesterIsNoApprover",
      "opensOnce",
      "burntWaits",
      "endIsOver",
      "comebackStartsAnew",
      "checkOutIsExclusive",
    ] as const) {
      const mutant = MUTANTS[name];
      let tried = 0;
      const isSame = fc.asyncProperty(drawn(mutant), async (history) => {
        tried++;
        await compare(await MemoryEngine.open(history.world.brake), history, newCounts(), without(name));
      });
      const { failed, errorInstance } = await fc.check(isSame, { numRuns: 3_000, seed: SEED, endOnFailure: true });
      assert.ok(failed, name);
      assert.match(String(errorInstance), /the model|chronicles differ/);
      tally("mutants against the engine", { tried });
    }
  });
});

describe("the laws, as they are searched by", () => {
  it("are said about what happened: a chronicle that nobody's rules let through is found out", () => {
    const entry = { role: "requester" as const, account: null, days: 365 };
    const approver = { ...entry, role: "approver" as const };
    const person = { team: null, waits: 0 };
    const people = [
      { ...person, entries: [entry] },
      { ...person, entries: [approver] },
      { ...person, entries: [{ ...approver, days: 1 }] },
    ];
    const world: World = { people, accounts: 1, brake: NO_LIMIT, pace: 1 };
    const asked: Fact = {
      fact: "submitted",
      request: 0,
      who: 0,
      account: 0,
      purpose: 0,
      holders: { password: 0 },
      glass: false,
      minutes: 60,
      at: 1,
    };
    const opened: Fact = { fact: "intended", request: 0, who: 0, kind: "password", number: 1, paged: false, at: 4 };
    const right: Fact[] = [asked, { fact: "signed-in", who: 0, at: 1 }, { fact: "signed-in", who: 1, at: 1 }];
    right.push({ fact: "approved", request: 0, who: 1, at: 2 }, { fact: "granted", request: 0, at: 2 }, opened);
    assert.deepEqual(violationsIn(world, right), []);
    const cases: readonly [RegExp, readonly Fact[]][] = [
      [/nobody asked/, right.slice(1)],
      [/nobody granted/, right.filter(({ fact }) => fact !== "granted")],
      [/opened without enough distinct/, right.filter(({ fact }) => fact !== "approved")],
      [/one version twice/, [...right, opened]],
      [/without an entry before it/, [...right.slice(0, -1), { fact: "received", request: 0, who: 0, kind: "password", number: 1, at: 4 }]],
      [/is suspended/, [...right.slice(0, -1), { fact: "suspended", who: 0, at: 3 }, opened]],
      [/after its time/, [...right.slice(0, -1), { ...opened, at: 2 + 3600 }]],
      [/not on the allowlist/, [...right.slice(0, -1), { ...opened, at: 92 * DAY + 2 }]],
    ];
    for (const [expected, facts] of cases) {
      const violations = violationsIn(world, facts);
      assert.ok(
        violations.some((violation) => expected.test(violation)),
        `${String(expected)}: ${violations.join("; ")}`,
      );
    }
  });
});
