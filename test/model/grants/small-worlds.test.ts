import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CATALOGUE } from "../../../src/approvals/catalogue.js";
import { isReferral, type Purpose } from "../../../src/approvals/purpose.js";
import { tally, times } from "../../fault/tally.js";
import { explore } from "./explore.js";
import { RIGHT } from "./rules.js";
import { SMALL_WORLDS } from "./small-worlds.js";
import { CODES, PURPOSES } from "./world.js";

/** Events of the longest histories. */
const DEPTH = { people: times(4, 6), grants: times(5, 7), terms: times(5, 7) } as const;

// real: nothing but the catalogue. The model alone; engine.test.ts holds it against the engine.
describe("every history of a small world [L2, L4]", () => {
  for (const name of ["people", "grants", "terms"] as const) {
    it(`breaks no law: ${name}`, () => {
      const { broken, states, transitions, openings, depth } = explore(SMALL_WORLDS[name], RIGHT, DEPTH[name]);
      assert.deepEqual(broken, null);
      // A search that opens nothing proves nothing.
      assert.ok(openings > 0);
      tally(`small world ${name}`, { tried: transitions, opened: openings, counts: { states, [`depth of ${name}`]: depth } });
    });
  }

  it("is told of purposes as the catalogue has them", () => {
    for (const { slug, approvals, minutes, heals } of PURPOSES) {
      const rows = CATALOGUE.entries.filter(
        (row): row is Purpose => row.slug === slug && !isReferral(row) && row.scope.includes("standalone"),
      );
      assert.deepEqual(
        rows.map((row) => [row.approvals, row.minutes, row.heals, row.codes]),
        [[approvals, minutes, heals, CODES]],
      );
    }
  });
});
