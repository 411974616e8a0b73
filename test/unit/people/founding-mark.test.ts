import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { newEventId } from "../../../src/kernel/ids.js";
import { Secret } from "../../../src/kernel/secret.js";
import { RecordsKey } from "../../../src/keys/records.js";
import { configApproval } from "../../../src/people/config-approval.js";
import { foundingDetails, foundingId, isFounding } from "../../../src/people/founding-mark.js";

describe("the entry of a founding [DR-21] [DR-22]", () => {
  const records = RecordsKey.derive(Secret.of(Buffer.alloc(32, 7)));
  const eventId = foundingId("test");
  const rows = ["person/per_1", "authenticator/aut_1", "allowlist_entry/alw_1"];
  const custodians = [{ person: "per_1" }];
  const details = foundingDetails(records, "test", { custodians });
  const judged = (rest: object): boolean => isFounding(records, "test", { seq: 1, eventId, details, rows, ...rest });

  it("carries a mark of its own, with and without a configuration, beside the log's own commitments", () => {
    assert.match(details["foundingMac"] as string, /^[0-9a-f]{64}$/);
    assert.equal(judged({}), true);
    assert.equal(judged({ details: { ...details, commitments: { "custodian.0.name": "00" } } }), true);
    const approving = foundingDetails(records, "test", { custodians, ...configApproval(records, eventId, "ab".repeat(32)) });
    assert.equal(judged({ details: approving }), true);
  });

  it("is none that says something else than was marked, nor one with another's mark or id", () => {
    assert.equal(judged({ details: { ...details, custodians: [] } }), false);
    assert.equal(judged({ details: { ...details, foundingMac: "00".repeat(32) } }), false);
    assert.equal(judged({ details: { ...details, foundingMac: null } }), false);
    assert.equal(judged({ eventId: newEventId() }), false);
    assert.equal(isFounding(RecordsKey.derive(Secret.of(Buffer.alloc(32, 8))), "test", { seq: 1, eventId, details, rows }), false);
  });

  it("needs no mark where it was written before there was one: directly behind the genesis, under its own id, with the founders' rows", () => {
    const before = { details: { custodians } };
    assert.equal(judged(before), true);
    assert.equal(judged({ ...before, seq: 2 }), false);
    assert.equal(judged({ ...before, eventId: newEventId() }), false);
    assert.equal(judged({ ...before, rows: rows.slice(1) }), false);
    assert.equal(judged({ ...before, rows: [] }), false);
    const approval = configApproval(records, eventId, "ab".repeat(32));
    assert.equal(judged({ details: { custodians, ...approval } }), true);
    assert.equal(judged({ details: { custodians, ...approval, configMac: "00".repeat(32) } }), false);
  });
});
