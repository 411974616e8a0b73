import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { tally, times } from "../../fault/tally.js";
import { compare, newCounts } from "./compare.js";
import { histories } from "./generate.js";
import { MemoryEngine } from "./memory-engine.js";
import { FATES } from "./world.js";

const HISTORIES = times(300, 100_000);
const EVENTS = 40;
/** Draws the histories; a run that went wrong names its own. */
const SEED = Number(process.env["ROOTKEEP_MODEL_SEED"] ?? randomInt(2 ** 31));

// real: every service that decides, and the transaction runner; double: database, log, root key, clocks. postgres.test.ts does without doubles.
describe(`the engine in memory, history by history, seed ${String(SEED)} [L1, L2, L3, L4]`, () => {
  it("answers what the model says, writes the same chronicle, and breaks no law", async () => {
    const counts = newCounts();
    const property = fc.asyncProperty(histories({ events: EVENTS, fates: FATES }), async (history) => {
      await compare(await MemoryEngine.open(history.world.brake), history, counts);
    });
    await fc.assert(property, { numRuns: HISTORIES, seed: SEED });
    assert.equal(counts.histories, HISTORIES);
    const { events, granted, opened, received, answers } = counts;
    tally("engine in memory", { tried: HISTORIES, calls: events, opened: received, counts: { granted, intents: opened, ...answers } });
    // What is never reached is never tried: every way of refusing and every fate has come up.
    for (const answer of REACHED) assert.ok((answers[answer] ?? 0) > 0, `never: ${answer}`);
  });
});

/** Answers that even a small run must have met. */
const REACHED: readonly string[] = [
  ...["submit ok", "approve ok", "approve CHECKED_OUT", "approve SELF_APPROVAL", "approve APPROVAL_EXPIRED", "approve STEP_UP_REQUIRED"],
  ...[
    "open ok",
    "open CRASH",
    "open KEY_UNAVAILABLE",
    "open APPROVAL_EXPIRED",
    "open GRANT_SPENT",
    "open CODE_WAIT",
    "open AUDIT_UNAVAILABLE",
  ],
  ...["withdraw ok", "deny ok", "return ok", "revoke ok", "suspend ok", "reset ok", "take-off ok", "waive ok"],
];
