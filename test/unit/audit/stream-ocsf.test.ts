import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type EntryAction, LOG_ACTIONS } from "../../../src/audit/actions.js";
import { canonicalBytes, type JsonObject } from "../../../src/audit/canonical-json.js";
import { leafHashHex, ZERO_HASH } from "../../../src/audit/chain.js";
import { buildEntry, type EntryDraft, parseEntry } from "../../../src/audit/entry.js";
import { OUTCOMES } from "../../../src/audit/entry-form.js";
import { ocsfEvent, severityOf } from "../../../src/audit/stream/ocsf.js";
import { OCSF_ACTIONS } from "../../../src/audit/stream/ocsf-actions.js";
import { entryRecord, markerRecord } from "../../../src/audit/stream/stream-record.js";
import { OPERATION_NAMES } from "../../../src/kernel/operations.js";
import { ocsfProblems } from "../../support/ocsf-schema.js";
import { ACCOUNTS, SAMPLE_ORIGIN, sampleId, sampleLog, sampleTime } from "../../support/sample-log.js";

const ACTIONS: readonly EntryAction[] = [...OPERATION_NAMES, ...LOG_ACTIONS];
const PERSON = "per_0123456789abcdefghjkmnpqrs";

/** Entries that are as different as those of the service: with and without target, stream, details, and of every kind of actor. */
const SHAPES: readonly Partial<EntryDraft>[] = [
  {},
  { actor: { type: "anonymous" }, target: { type: "person", id: PERSON } },
  {
    actor: { type: "person", id: PERSON },
    target: { type: "secret-version", id: "ver_1", version: 3, kind: "root-password" },
    stream: ACCOUNTS[0],
  },
  { actor: { type: "service", id: "svc_1" }, target: { type: "session", id: "ses_1" }, details: { person: PERSON, role: "approver" } },
  { target: { type: "account", id: ACCOUNTS[1] }, stream: ACCOUNTS[1], details: { intent: sampleId(7) }, rows: ["grant/grt_1"] },
];

function entryBytes(changes: Partial<EntryDraft> & Pick<EntryDraft, "action">): Buffer {
  const draft: EntryDraft = { id: sampleId(9), outcome: "committed", actor: { type: "system" }, ...changes };
  const place = draft.stream === undefined ? {} : { sseq: 4, sprev: Buffer.alloc(32, 4) };
  return buildEntry(draft, { log: SAMPLE_ORIGIN, seq: 9, prev: Buffer.alloc(32, 9), time: sampleTime(9), ...place }).bytes;
}

const eventOf = (bytes: Buffer): JsonObject => JSON.parse(entryRecord(bytes, "ocsf").line) as JsonObject;

/** The entry, put together again from nothing but the event. */
function entryOf(event: JsonObject): Buffer {
  const { leaf: _leaf, ...rest } = event["unmapped"] as JsonObject;
  const { uid, sequence, log_name: log, event_code: action, original_time: time } = event["metadata"] as JsonObject;
  return canonicalBytes({ ...rest, id: uid, seq: sequence, log, action, time, outcome: event["status_code"] });
}

describe("an entry as an event of OCSF 1.5.0", () => {
  it("is known for every action of the closed list, and for no other [LS-6]", () => {
    assert.deepEqual(Object.keys(OCSF_ACTIONS).toSorted(), ACTIONS.toSorted());
  });

  for (const action of ACTIONS)
    it(`keeps the schema's rules and loses nothing: ${action} [LS-5]`, () => {
      for (const outcome of OUTCOMES)
        for (const shape of SHAPES) {
          const bytes = entryBytes({ action, outcome, ...shape });
          const event = eventOf(bytes);
          assert.deepEqual(ocsfProblems(event), [], JSON.stringify(event));
          assert.equal(leafHashHex(entryOf(event)), (event["unmapped"] as JsonObject)["leaf"]);
          assert.equal(leafHashHex(bytes), (event["unmapped"] as JsonObject)["leaf"]);
        }
    });

  it("is found wrong by the test's eyes where it is wrong", () => {
    const good = eventOf(entryBytes({ action: "secret.reveal" }));
    const { api: _api, ...without } = good;
    for (const bad of [without, { ...good, activity_id: 77 }, { ...good, colour: 1 }, { ...good, actor: {} }, { ...good, time: "now" }])
      assert.ok(ocsfProblems(bad).length > 0);
  });

  it("names the reveal as a read by a person, of the secret and of its account, under the event's own id", () => {
    const event = eventOf(
      entryBytes({
        action: "secret.reveal",
        outcome: "intent",
        actor: { type: "person", id: PERSON },
        target: { type: "secret-version", id: "ver_1", version: 3 },
        stream: ACCOUNTS[0],
      }),
    );
    assert.equal(event["type_uid"], 600302);
    assert.deepEqual(event["actor"], { user: { uid: PERSON, type_id: 1, type: "User" } });
    assert.deepEqual(event["resources"], [
      { uid: "ver_1", type: "secret-version", version: "3" },
      { uid: ACCOUNTS[0], type: "account" },
    ]);
    const { uid, sequence, correlation_uid: correlation, log_name: log } = event["metadata"] as JsonObject;
    assert.deepEqual([uid, sequence, correlation, log], [sampleId(9), 9, sampleId(9), SAMPLE_ORIGIN]);
    assert.deepEqual([event["status_id"], event["status_code"]], [99, "intent"]);
    assert.equal(event["time"], Date.UTC(2026, 0, 1, 0, 0, 9));
  });

  it("ties an outcome to its intent", () => {
    const event = eventOf(entryBytes({ action: "secret.reveal", details: { intent: sampleId(7) } }));
    assert.equal((event["metadata"] as JsonObject)["correlation_uid"], sampleId(7));
  });

  it("is more severe where it was refused, went wrong or is in doubt, and never less than the act itself [LS-6]", () => {
    const severity = (action: EntryAction, outcome: (typeof OUTCOMES)[number]) => severityOf({ action, outcome });
    assert.deepEqual(
      [
        severity("audit.read", "committed"),
        severity("audit.read", "denied"),
        severity("audit.read", "error"),
        severity("audit.read", "unknown"),
      ],
      [1, 2, 3, 3],
    );
    assert.equal(severity("row.refused", "denied"), 4);
    assert.equal(severity("log.rollback_detected", "committed"), 5);
  });

  it("is sent whole where its action is not known yet [LS-6]", () => {
    const entry = { ...parseEntry(entryBytes({ action: "secret.reveal" })), action: "future.act", novelty: [1, { a: null }] };
    const event = eventOf(canonicalBytes(entry));
    assert.deepEqual(ocsfProblems(event), []);
    assert.equal(event["class_uid"], 0);
    assert.deepEqual(entryOf(event), canonicalBytes(entry));
  });

  it("takes a sample log as it comes, the first entry too", () => {
    const { entries } = sampleLog(40);
    assert.equal(parseEntry(entries[0]!).prev, ZERO_HASH.toString("hex"));
    for (const bytes of entries) assert.deepEqual(entryOf(eventOf(bytes)), bytes);
  });

  it("has a marker that is no entry, keeps the schema's rules and is as severe as can be [LS-3]", () => {
    const marker = {
      time: sampleTime(1),
      log: SAMPLE_ORIGIN,
      delivered: { log: SAMPLE_ORIGIN, size: 12, head: "ab".repeat(32) },
      found: { size: 3, head: "cd".repeat(32) },
      resumed: 2,
    };
    const event = JSON.parse(markerRecord(marker, "ocsf").line) as JsonObject;
    assert.deepEqual(ocsfProblems(event), []);
    assert.equal(event["severity_id"], 5);
    assert.equal((event["metadata"] as JsonObject)["sequence"], undefined);
    assert.deepEqual(event["unmapped"], { delivered: marker.delivered, found: marker.found, resumed: 2 });
  });

  it("does not change what it is given", () => {
    const entry = parseEntry(entryBytes({ action: "secret.reveal" }));
    const before = JSON.stringify(entry);
    ocsfEvent(entry, "00".repeat(32));
    assert.equal(JSON.stringify(entry), before);
  });
});
