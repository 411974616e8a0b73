import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { AttackTally, isFullRun } from "../../support/attack-tally.js";
import type { Forgery } from "./forgery.js";
import { VARIANTS, type Variant, withstood, withstoodEntry } from "./judge.js";
import { ON_CLAIMS } from "./on-claims.js";
import { ON_DECISIONS } from "./on-decisions.js";
import { ON_ENTRIES } from "./on-entries.js";
import { ON_FACTS } from "./on-facts.js";
import { ON_HALVES } from "./on-halves.js";
import { ON_PAGES } from "./on-pages.js";
import { ON_PEOPLE } from "./on-people.js";
import { openScene, type Scene } from "./scene.js";

const ROWS = [...ON_DECISIONS, ...ON_PEOPLE, ...ON_FACTS, ...ON_PAGES, ...ON_HALVES];

/** All that make sense; in a plain run the row alone, an older copy, and one with an entry: another for each forgery. */
function variantsOf(forgery: Forgery, index: number): readonly Variant[] {
  // What no deciding row says there is one way to say.
  if (forgery.heard === "by nobody") return ["the row alone"];
  const all = VARIANTS.filter((variant) => forgery.older !== undefined || !variant.startsWith("an older"));
  if (isFullRun) return all;
  const withEntry = all.filter((variant) => variant.includes("entry"));
  const others = all.filter((variant) => !withEntry.includes(variant) && variant !== "the row alone");
  return all.filter((variant) => {
    if (variant === "the row alone" || variant === "an older copy of the row") return true;
    return variant === withEntry[index % withEntry.length] || variant === others[index % others.length];
  });
}

// real: PostgreSQL (attacked by its owner), file root key behind a counter, every service, several replicas, oidc-provider over HTTP, operators' log,
// outbox and sender. double: the channel's other end.
describe("decisions that the database's owner has forged [L11]", () => {
  let scene: Scene;
  before(async () => {
    scene = await openScene();
  });
  after(() => scene.close());

  it("page nobody while there are none", async () => {
    assert.equal(await scene.vault.watchRows(), 0);
    assert.deepEqual(await scene.paged.pages(), []);
  });

  for (const [index, forgery] of ROWS.entries()) {
    it(`${forgery.id}: ${forgery.name}`, async () => {
      const tally = new AttackTally(forgery.id);
      for (const variant of variantsOf(forgery, index)) tally.note(variant, await withstood(scene, forgery, variant));
      tally.assertHeld();
    });
  }

  for (const forgery of [...ON_ENTRIES, ...ON_CLAIMS]) {
    it(`${forgery.id}: ${forgery.name}`, async () => {
      const tally = new AttackTally(forgery.id);
      tally.note("while running", await withstoodEntry(scene, forgery, true));
      tally.note("at a start", await withstoodEntry(scene, forgery, false));
      tally.assertHeld();
    });
  }

  it("open and decide as before once all is put back: what refused was the forgery", async () => {
    const { vault, rita, otto, grants, requests } = scene;
    assert.equal(await vault.watchRows(), 0);
    assert.equal(await vault.open(rita, grants.held), "Tr0ub4dor-and-3-horses");
    await vault.requests.approve(otto, requests.open, await otto.app.next(), "");
    assert.equal((await vault.requests.read(requests.open)).state, "APPROVED");
  });
});
