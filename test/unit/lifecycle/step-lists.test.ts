import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ACCOUNT_STATES } from "../../../src/accounts/account.js";
import { CATALOGUE } from "../../../src/approvals/catalogue.js";
import { PURPOSES_BY_STATE } from "../../../src/approvals/purposes-by-state.js";
import { isEntryAction } from "../../../src/audit/actions.js";
import { ROLES } from "../../../src/kernel/operations.js";
import { EDGES } from "../../../src/lifecycle/account-states.js";
import {
  type Applied,
  CHECKLIST_KINDS,
  CUSTODIES,
  EVIDENCE_KINDS,
  neededFor,
  type Step,
  stepsOf,
  TARGETS,
} from "../../../src/lifecycle/checklist.js";
import { STEP_LISTS, STEPS_VERSION } from "../../../src/lifecycle/step-lists.js";

const SLUGS = new Set(CATALOGUE.entries.map(({ slug }) => slug));
const LISTS = CHECKLIST_KINDS.map((kind) => STEP_LISTS[kind]);

/** Steps that come before `step`, directly or through others. */
function before(steps: readonly Step[], step: Step, seen = new Set<string>()): Set<string> {
  for (const id of step.needs) {
    if (seen.has(id)) continue;
    seen.add(id);
    const other = steps.find((one) => one.id === id);
    if (other !== undefined) before(steps, other, seen);
  }
  return seen;
}

/** Every way in which an account can meet the list. */
function every(kind: string): Applied[] {
  const targets = kind === "handback" ? TARGETS : [null];
  return (["standalone", "management", "member"] as const).flatMap((accountKind) =>
    CUSTODIES.flatMap((custody) => targets.map((target) => ({ accountKind, custody, target }))),
  );
}

describe("the checklists", () => {
  for (const list of LISTS) {
    describe(list.kind, () => {
      it("has steps with names of their own, each with evidence, a role, and words that say what to do [LC-6] [LC-7]", () => {
        assert.equal(new Set(list.steps.map(({ id }) => id)).size, list.steps.length);
        for (const step of list.steps) {
          assert.match(step.id, /^[A-Z][0-9]{1,2}[a-z]?$/);
          assert.ok(step.evidence.length > 0, step.id);
          assert.equal(new Set(step.evidence.map(({ kind }) => kind)).size, step.evidence.length, step.id);
          assert.ok(step.roles.length > 0 && step.roles.every((role) => ROLES.includes(role)), step.id);
          assert.ok(step.title.length >= 10 && step.instruction.length >= 40, step.id);
        }
      });

      it("names kinds of evidence, actions, purposes, states and steps that there are", () => {
        for (const step of list.steps) {
          for (const accepted of step.evidence) {
            assert.ok(EVIDENCE_KINDS.includes(accepted.kind));
            if (accepted.kind === "entry") for (const action of accepted.actions) assert.ok(isEntryAction(action), action);
            if (accepted.kind === "aws-event")
              assert.ok(accepted.events.length > 0 && accepted.events.every((name) => /^[A-Z][A-Za-z]+$/.test(name)));
          }
          for (const slug of step.purposes ?? []) assert.ok(SLUGS.has(slug), slug);
          for (const id of [...step.needs, ...(step.apartFrom ?? [])])
            assert.ok(
              list.steps.some((other) => other.id === id),
              `${step.id} ${id}`,
            );
        }
        for (const state of [...list.states, ...list.milestones.flatMap(({ from, to }) => [from, to])])
          assert.ok(ACCOUNT_STATES.includes(state));
        for (const id of [...list.noWayBack, ...list.milestones.flatMap(({ steps }) => steps)])
          assert.ok(
            list.steps.some((step) => step.id === id),
            id,
          );
      });

      it("has no step that comes before itself, and none that comes after a later one", () => {
        list.steps.forEach((step, at) => {
          assert.ok(!before(list.steps, step).has(step.id), step.id);
          for (const id of step.needs) assert.ok(list.steps.findIndex((other) => other.id === id) < at, `${step.id} needs ${id}`);
        });
      });

      it("opens in a state of its own whatever purpose a step needs [LC-4]", () => {
        for (const step of list.steps) {
          for (const slug of step.purposes ?? []) {
            const isOpen = list.states.some((state) => {
              const open = PURPOSES_BY_STATE[state];
              return open === "all" || open.includes(slug);
            });
            // A brokered purpose opens no root credential; no state bars it.
            const isBrokered = CATALOGUE.entries.every(
              (entry) => entry.slug !== slug || (entry.route !== "ROOT_CONSOLE" && entry.route !== "SUPPORT"),
            );
            assert.ok(isOpen || isBrokered, `${step.id} ${slug}`);
          }
        }
      });

      it("leads along edges of the machine, and in every kind of account from each of its states to the next [LC-2]", () => {
        for (const milestone of list.milestones) {
          assert.ok(EDGES.some(([from, to]) => from === milestone.from && to === milestone.to));
          for (const about of every(list.kind)) {
            const steps = stepsOf(list, about);
            const needed = neededFor(milestone, steps);
            assert.ok(needed.length > 0, `${JSON.stringify(about)} ${milestone.to}`);
            // What a needed step waits for is done while the account is where that can be done.
            const earlier = list.milestones.slice(0, list.milestones.indexOf(milestone) + 1).flatMap(({ steps: ids }) => ids);
            const waitedFor = needed.flatMap((id) => steps.filter((one) => one.id === id)).flatMap((step) => [...before(steps, step)]);
            const others = waitedFor.filter((id) => steps.some((one) => one.id === id) && !earlier.includes(id));
            // What comes before closing at AWS is done while the account is closing, and may be waived.
            assert.deepEqual(list.kind === "closure" ? [] : others, [], `${JSON.stringify(about)} ${milestone.to}`);
          }
        }
      });

      it("has nothing waivable of which there is no way back [LC-9]", () => {
        for (const id of list.noWayBack) assert.equal(list.steps.find((step) => step.id === id)?.isWaivable, false, id);
      });
    });
  }

  it("carries a version over all of it", () => {
    assert.match(STEPS_VERSION, /^s1-[0-9a-f]{16}$/);
  });

  it("lets nobody waive what the customer's safety rests on: the specification names those steps, and they are all [LC-9]", () => {
    const unwaivable = LISTS.flatMap(({ steps }) => steps.filter(({ isWaivable }) => !isWaivable).map(({ id }) => id));
    assert.deepEqual(unwaivable, [
      ...["O13", "C4", "C5", "C7", "P1", "P2", "P3"],
      ...["R0", "R3", "R5", "R7", "R8", "R9", "R10", "R11", "R12a", "R12b", "R13"],
    ]);
  });

  it("keeps the order of a hand-back: phone before password before mail before MFA, recovery before leaving [LC-13]", () => {
    const { steps } = STEP_LISTS.handback;
    const order = (earlier: string, later: string): void => {
      const step = steps.find(({ id }) => id === later);
      assert.ok(step !== undefined && before(steps, step).has(earlier), `${earlier} before ${later}`);
    };
    for (const [earlier, later] of [
      ["R5", "R7"],
      ["R6", "R7"],
      ["R5", "R6"],
      ["R7", "R8"],
      ["R8", "R9"],
      ["R3", "R11"],
      ["R10", "R11"],
      ["R12a", "R13"],
      ["R12b", "R13"],
    ] as const)
      order(earlier, later);
  });
});
