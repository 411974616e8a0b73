import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { after, before, describe, it } from "node:test";
import fc from "fast-check";
import { tally, times } from "../../fault/tally.js";
import { compare, newCounts } from "./compare.js";
import { histories } from "./generate.js";
import { VaultEngine } from "./vault-engine.js";
import { FATES } from "./world.js";

const HISTORIES = times(20, 400);
const EVENTS = 40;
/** Of the deployment that all histories share. */
const BRAKE = { person: 2, deployment: 3, minutes: 60 };
/** Draws the histories; a run that went wrong names its own. */
const SEED = Number(process.env["ROOTKEEP_MODEL_SEED"] ?? randomInt(2 ** 31));

// real: PostgreSQL, file root key, every service, lost connections and writing rights; double: time, the signer, a channel. A crash leaves its
// opening for ever unfinished, and another service over the same database goes on.
describe(`the engine on PostgreSQL, history by history, seed ${String(SEED)} [L1, L2, L3, L4]`, () => {
  let engine: VaultEngine;

  before(async () => {
    engine = await VaultEngine.open(BRAKE);
  });
  after(() => engine.close());

  it("answers what the model says, writes the same chronicle, and breaks no law", async () => {
    const counts = newCounts();
    const property = fc.asyncProperty(histories({ events: EVENTS, fates: FATES, brake: BRAKE }), async (history) => {
      await compare(engine, history, counts);
    });
    await fc.assert(property, { numRuns: HISTORIES, seed: SEED });
    const { events, granted, opened, received, answers } = counts;
    assert.ok(granted > 0);
    const entries = await engine.assertWhole();
    tally("engine on PostgreSQL", {
      tried: HISTORIES,
      calls: events,
      opened: received,
      counts: { granted, intents: opened, entries, ...answers },
    });
  });
});
