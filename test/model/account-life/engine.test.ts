import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { tally, times } from "../../fault/tally.js";
import { wrongWith } from "./judge.js";
import { LifeEngine } from "./life-engine.js";

const HISTORIES = times(60, 3_000);
const COMMANDS = 90;
/** Draws the histories; a run that went wrong names its own. */
const SEED = Number(process.env["ROOTKEEP_MODEL_SEED"] ?? randomInt(2 ** 31));

const person = fc.nat(3);
const command = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant("work" as const), by: person, other: person }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("claim" as const), by: person, at: fc.nat(20), isNext: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("attest" as const), by: person, at: fc.nat(3), isOld: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("waive" as const), by: person, at: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("begin" as const), by: person, hasPaper: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("move" as const),
      by: person,
      to: fc.constantFrom(
        "active",
        "quarantined",
        "rotating",
        "closing",
        "closing",
        "reopening",
        "sealed_final",
        "releasing",
        "releasing",
        "abandoned",
      ),
      hasPaper: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("pass" as const), days: fc.constantFrom(1, 5, 8, 89, 90, 91) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("checkOut" as const), isOut: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("suspend" as const), by: person }) },
);
type Command = typeof command extends fc.Arbitrary<infer T> ? T : never;

async function run(life: LifeEngine, one: Command): Promise<string> {
  switch (one.do) {
    case "work": {
      const claimed = await life.claim(one.by, 0, true);
      return claimed === "ok" ? await life.attest(one.other, 0, false) : claimed;
    }
    case "claim":
      return await life.claim(one.by, one.at, one.isNext);
    case "attest":
      return await life.attest(one.by, one.at, one.isOld);
    case "waive":
      return await life.waive(one.by, one.at);
    case "begin":
      return await life.begin(one.by, one.hasPaper);
    case "move":
      return await life.move(one.by, one.to, one.hasPaper);
    case "pass":
      await life.pass(one.days);
      return "ok";
    case "checkOut":
      return await life.checkOut(one.isOut);
    case "suspend":
      return await life.suspend(one.by);
  }
}

// real: checklists, moves, waivers, who stands, the transaction runner; double: database, log, second factors, clocks.
describe(`the life of an account, history by history, seed ${String(SEED)} [L2, L3]`, () => {
  it("never reaches a state without its guard, nor ticks a step without two people", async () => {
    const answers: Record<string, number> = {};
    const states: Record<string, number> = {};
    let commands = 0;
    const property = fc.asyncProperty(
      fc.boolean(),
      fc.array(command, { minLength: COMMANDS, maxLength: COMMANDS }),
      async (isDeclared, history) => {
        const life = await LifeEngine.open(isDeclared);
        for (const one of history) {
          const answer = `${one.do} ${await run(life, one)}`;
          answers[answer] = (answers[answer] ?? 0) + 1;
          commands += 1;
        }
        const entries = await life.entries();
        assert.equal(wrongWith(entries, { initial: isDeclared ? "assuming" : "invited", isDeclared }, life.suspended), null);
        for (const entry of entries) {
          const to = (entry.details as { to?: string } | undefined)?.to;
          if (entry.action === "account.move" && to !== undefined) states[to] = (states[to] ?? 0) + 1;
        }
        assert.equal(
          entries.filter(({ action }) => action === "account.move").at(-1)?.details?.["to"] ?? (isDeclared ? "assuming" : "invited"),
          await life.state(),
        );
      },
    );
    await fc.assert(property, { numRuns: HISTORIES, seed: SEED });
    tally("life of an account", { tried: HISTORIES, calls: commands, counts: { ...answers, ...states } });
    // What is never reached is never tried.
    for (const answer of [
      "begin ok",
      "work ok",
      "waive ok",
      "move ok",
      "move STATE_CONFLICT",
      "work SELF_APPROVAL",
      "attest STATE_CONFLICT",
    ]) {
      assert.ok((answers[answer] ?? 0) > 0, `never: ${answer}`);
    }
    for (const state of ["assuming", "secured", "closing", "closed", "releasing", "quarantined", "abandoned"])
      assert.ok((states[state] ?? 0) > 0, `never: ${state}`);
  });
});
