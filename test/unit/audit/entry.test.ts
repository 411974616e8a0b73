import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isEntryAction, LOG_ACTIONS } from "../../../src/audit/actions.js";
import { canonicalJson } from "../../../src/audit/canonical-json.js";
import { leafHash, leafHashHex, ZERO_HASH } from "../../../src/audit/chain.js";
import { commit, verifyCommitment } from "../../../src/audit/commitment.js";
import { buildEntry, type EntryDraft, type EntryPosition, entryExtras, entryWarnings, parseEntry } from "../../../src/audit/entry.js";
import { LIMITS } from "../../../src/kernel/limits.js";
import { OPERATION_NAMES } from "../../../src/kernel/operations.js";
import { ACCOUNTS, SAMPLE_ORIGIN, sampleDraft, sampleTime } from "../../support/sample-log.js";

const DRAFT: EntryDraft = sampleDraft(5);
const PLACE: EntryPosition = {
  log: SAMPLE_ORIGIN,
  seq: 5,
  prev: Buffer.alloc(32, 1),
  time: sampleTime(5),
  sseq: 1,
  sprev: Buffer.alloc(32, 2),
};

describe("building an entry", () => {
  it("writes canonical bytes that say what the draft said, at its place [AE-1] [AE-4]", () => {
    const { bytes, leafHash: leaf, id } = buildEntry(DRAFT, PLACE);
    const entry = parseEntry(bytes);
    assert.equal(canonicalJson(entry), bytes.toString("utf8"));
    assert.deepEqual(leaf, leafHash(bytes));
    assert.equal(entry.id, id);
    assert.equal(entry.prev, "01".repeat(32));
    const { stream, rows, target, details } = entryExtras(entry);
    assert.deepEqual(stream, { id: ACCOUNTS[2], sseq: 1, sprev: "02".repeat(32) });
    assert.deepEqual(rows, ["grant/grt_5", "request/req_5"]);
    assert.equal(target?.["version"], 3);
    assert.equal(details?.["grant"], "grt_0123456789abcdefghjkmnpqrs");
  });
  it("keeps personal data out of the bytes and returns what opens the commitments [AE-14]", () => {
    const { bytes, disclosures } = buildEntry({ ...DRAFT, disclosures: [{ field: "request.reason", value: "MARKER Änderung" }] }, PLACE);
    assert.equal(bytes.includes("MARKER"), false);
    const commitment = entryExtras(parseEntry(bytes)).commitments["request.reason"] ?? "";
    const [opening] = disclosures;
    assert.ok(opening !== undefined);
    assert.equal(bytes.includes(opening.salt.toString("base64url")), false);
    assert.equal(verifyCommitment(commitment, opening), true);
    assert.equal(verifyCommitment(commitment, { ...opening, value: "MARKER Aenderung" }), false);
    assert.equal(verifyCommitment(commitment, { ...opening, field: "actor.name" }), false);
  });
  it("takes a fresh salt for each commitment, so that equal values cannot be seen to be equal [AE-14]", () => {
    assert.notEqual(commit("a", "x").commitment, commit("a", "x").commitment);
  });
  it("lists each row once, sorted, whatever the order in the draft [AE-15]", () => {
    const { bytes } = buildEntry({ ...DRAFT, rows: ["b/1", "a/2", "b/1", "a/1"] }, PLACE);
    assert.deepEqual(entryExtras(parseEntry(bytes)).rows, ["a/1", "a/2", "b/1"]);
    assert.equal(Object.hasOwn(parseEntry(buildEntry({ ...DRAFT, rows: [] }, PLACE).bytes), "rows"), false);
  });

  const refused: readonly { readonly name: string; readonly draft?: object; readonly place?: object }[] = [
    { name: "an action on no list", draft: { action: "secret.steal" } },
    { name: "an unknown outcome", draft: { outcome: "maybe" } },
    { name: "an id of another version", draft: { id: "01980000-0000-1000-8000-000000000000" } },
    { name: "a person without id", draft: { actor: { type: "person" } } },
    { name: "a stream that is no account", draft: { stream: "per_0123456789abcdefghjkmnpqrs" } },
    { name: "commitments that it did not make", draft: { details: { commitments: {} } } },
    { name: "a field disclosed twice", draft: { disclosures: [1, 2].map(() => ({ field: "a", value: "x" })) } },
    { name: "a committed field with NUL in its name", draft: { disclosures: [{ field: "a\0b", value: "x" }] } },
    { name: "a row without a key", draft: { rows: ["grant"] } },
    { name: "a date in the details", draft: { details: { at: new Date(0) } } },
    { name: "undefined in the request", draft: { request: { ticket: undefined } } },
    { name: "a time without microseconds", place: { time: "2026-01-01T00:00:00.000Z" } },
    { name: "a short hash", place: { prev: Buffer.alloc(31, 1) } },
    { name: "a zero hash in the middle", place: { prev: ZERO_HASH } },
    { name: "an origin with a blank", place: { log: "rootkeep example/audit/1" } },
    { name: "a first of a stream with a predecessor", place: { sseq: 0 } },
  ];
  for (const { name, draft, place } of refused) {
    it(`refuses ${name}`, () => {
      assert.throws(() => buildEntry({ ...DRAFT, ...draft }, { ...PLACE, ...place }));
    });
  }
  it("refuses a stream without its place, and a place without a stream [AE-13]", () => {
    const { stream, ...streamless } = DRAFT;
    const { sseq, sprev, ...placeless } = PLACE;
    assert.ok(stream !== undefined && sseq !== undefined && sprev !== undefined);
    assert.throws(() => buildEntry(streamless, PLACE));
    assert.throws(() => buildEntry(DRAFT, placeless));
  });
  it("refuses more bytes than an entry may have, and takes exactly as many [AE-1]", () => {
    const size = (length: number): number => buildEntry({ ...DRAFT, details: { x: "x".repeat(length) } }, PLACE).bytes.length;
    const most = LIMITS.entryBytesMax - size(0);
    assert.equal(size(most), LIMITS.entryBytesMax);
    assert.throws(() => size(most + 1), /too large/);
  });
});

describe("reading an entry", () => {
  it("keeps what a later version added, with a warning [AE-16]", () => {
    const text = buildEntry(DRAFT, PLACE).bytes.toString("utf8");
    assert.deepEqual(entryWarnings(parseEntry(Buffer.from(text))), []);
    const later = canonicalJson({ ...(JSON.parse(text) as object), action: "secret.teleport", zone: 1 });
    assert.deepEqual(entryWarnings(parseEntry(Buffer.from(later))), [
      "action is unknown to this version",
      "a key is unknown to this version",
    ]);
  });
});

describe("the lists of actions", () => {
  it("are disjoint, and every name has an entry's form [AE-8]", () => {
    const names = [...OPERATION_NAMES, ...LOG_ACTIONS];
    assert.equal(new Set(names).size, names.length);
    for (const action of names) {
      assert.equal(isEntryAction(action), true);
      assert.doesNotThrow(() => parseEntry(buildEntry({ ...DRAFT, action }, PLACE).bytes));
    }
    assert.equal(isEntryAction("toString"), false);
  });
});

describe("the leaf hash", () => {
  it("is the same for bytes of any length, in both forms [AE-3]", () => {
    for (const length of [0, 1, 65_534, 65_535, 65_536, 70_000]) {
      const bytes = Buffer.alloc(length, 7);
      assert.equal(leafHash(bytes).toString("hex"), leafHashHex(bytes));
      assert.equal(leafHash(bytes).equals(leafHash(Buffer.concat([bytes, ZERO_HASH]))), false);
    }
  });
});
