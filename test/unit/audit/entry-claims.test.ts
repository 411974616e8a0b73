import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type ClaimingEntry, EntryClaims } from "../../../src/audit/entry-claims.js";

describe("entries that claim what nobody here has done [DR-21]", () => {
  const entry = (seq: number, action: string, rest: Partial<ClaimingEntry> = {}): ClaimingEntry => ({
    ...{ seq, id: `event-${String(seq)}`, action, outcome: "committed" },
    ...rest,
  });
  const found = (claims: EntryClaims): number[] => claims.drain().map(({ seq }) => seq);

  it("are those that give somebody something and list no row", () => {
    const claims = new EntryClaims(new Set());
    for (const action of ["request.approve", "allowlist.grant", "policy.change", "brake.raise", "person.leave"])
      claims.take(entry(1, action));
    claims.take(entry(2, "session.create", { outcome: "allowed" }));
    claims.take(entry(3, "secret.reveal", { outcome: "intent", rows: [] }));
    claims.take(entry(4, "person.suspend"));
    claims.take(entry(5, "allowlist.revoke"));
    assert.deepEqual(found(claims), [1, 1, 1, 1, 1, 2, 3, 4, 5]);
    assert.deepEqual(found(claims), [], "each is said once");
  });

  it("are not refusals, outcomes of openings, what changes no row, and what lists its rows", () => {
    const claims = new EntryClaims(new Set());
    claims.take(entry(1, "request.approve", { outcome: "denied" }));
    claims.take(entry(2, "secret.reveal", { outcome: "allowed" }));
    claims.take(entry(3, "secret.code", { outcome: "error" }));
    claims.take(entry(4, "session.refused"));
    claims.take(entry(5, "audit.export", { outcome: "allowed" }));
    claims.take(entry(6, "policy.change", { rows: ["policy_book/pol_1"] }));
    assert.deepEqual(found(claims), []);
  });

  it("are those without the HMAC that their action carries, also where they were read before there was a key", () => {
    const claims = new EntryClaims(new Set(["config.approve"]));
    const signed = (seq: number, mac: string): ClaimingEntry => entry(seq, "config.approve", { details: { mac } });
    claims.take(signed(1, "right"));
    claims.take(signed(2, "wrong"));
    claims.take(entry(3, "config.approve", { outcome: "denied" }));
    assert.deepEqual(found(claims), [], "nobody can say yet");
    claims.judge("config.approve", ({ eventId, details }) => details["mac"] === "right" && eventId !== "event-5");
    claims.take(signed(4, "right"));
    claims.take(signed(5, "right"));
    claims.take(entry(6, "config.approve"));
    assert.deepEqual(found(claims), [2, 5, 6]);
  });

  it("are judged once each, and are not to be remembered", () => {
    const claims = new EntryClaims(new Set(["people.recovered"]));
    const judged: number[] = [];
    const take = (seq: number): boolean => claims.take(entry(seq, "people.recovered"));
    assert.equal(take(1), true, "nobody can say yet");
    const isGenuine = ({ seq }: { seq: number }): boolean => judged.push(seq) > 0 && seq === 2;
    assert.deepEqual([...claims.judge("people.recovered", isGenuine)], [1]);
    assert.deepEqual([take(2), take(3)], [true, false]);
    assert.equal(claims.take(entry(4, "people.recovered", { outcome: "denied" })), false);
    assert.deepEqual([found(claims), found(claims)], [[1, 3], []]);
    assert.deepEqual(judged, [1, 2, 3]);
  });
});
