import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { dueOf, type RotationFacts } from "../../../src/secrets/rotation-due.js";

const DAY = 86_400_000;
const NOW = new Date("2026-06-01T12:00:00.000Z");
const ago = (days: number): Date => new Date(NOW.getTime() - days * DAY);

/** A password that a rotation has put in place ten days ago, and that nobody has opened since. */
const HEALED: RotationFacts = {
  createdAt: ago(11),
  settledAt: ago(10),
  exposure: "EXPOSED",
  suspectedAt: null,
  openedAt: ago(10.5),
  hasLeaver: false,
  unsettledSince: null,
};
const reasons = (changed: Partial<RotationFacts>): string[] => dueOf({ ...HEALED, ...changed }, NOW).map(({ reason }) => reason);
const dates = (changed: Partial<RotationFacts>): string[] => dueOf({ ...HEALED, ...changed }, NOW).map(({ dueAt }) => dueAt.toISOString());

describe("what is to be rotated", () => {
  it("is nothing that a rotation has healed, although its setter and its verifier saw it", () => {
    assert.deepEqual(reasons({}), []);
  });

  it("is what a person saw after it had become the working one, within a day", () => {
    const openedAt = ago(3);
    assert.deepEqual(reasons({ openedAt }), ["seen"]);
    assert.deepEqual(dates({ openedAt }), [ago(2).toISOString()]);
    // A waiver lets it be opened again; it does not make it unseen.
    assert.deepEqual(reasons({ openedAt, exposure: "EXPOSED" }), ["seen"]);
  });

  it("is what came from outside, from its first day on, until it is rotated", () => {
    const imported = { settledAt: null, openedAt: null };
    assert.deepEqual(reasons(imported), ["imported"]);
    assert.deepEqual(dates(imported), [HEALED.createdAt.toISOString()]);
    assert.deepEqual(reasons({ ...imported, exposure: "CLEAN" }), []);
  });

  it("is what a leaver saw, what may be known, and what nobody has settled", () => {
    assert.deepEqual(reasons({ hasLeaver: true }), ["leaver"]);
    assert.deepEqual(reasons({ suspectedAt: ago(0) }), ["suspected"]);
    assert.deepEqual(reasons({ unsettledSince: ago(1) }), ["unsettled"]);
  });

  it("is what is a year old, and stands in the queue two weeks before", () => {
    assert.deepEqual(reasons({ settledAt: ago(350), openedAt: null }), []);
    assert.deepEqual(reasons({ settledAt: ago(352), openedAt: null }), ["yearly"]);
    assert.deepEqual(dates({ settledAt: ago(352), openedAt: null }), [ago(-13).toISOString()]);
  });

  it("names every reason, the earliest first", () => {
    assert.deepEqual(reasons({ settledAt: null, hasLeaver: true, openedAt: ago(5), suspectedAt: ago(1) }), [
      "imported",
      "leaver",
      "seen",
      "suspected",
    ]);
  });
});
