import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { describe, it } from "node:test";
import { heartbeatDetails } from "../../../src/audit/heartbeat.js";
import { SeqList } from "../../../src/audit/seq-list.js";
import { type StreamedEntry, StreamIndex } from "../../../src/audit/stream-index.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { naiveRoot } from "../../support/tlog-tree.js";

const ACCOUNTS = ["acc_0123456789abcdefghjkmnpqrs", "acc_7zzzzzzzzzzzzzzzzzzzzzzzzz", "acc_1123456789abcdefghjkmnpqrs"] as const;
const leafOf = (seq: number): Buffer => hash("sha256", `leaf ${String(seq)}`, "buffer");
const isBroken = (error: unknown): boolean => isRootkeepError(error, "CHAIN_BROKEN");

/** A log in which each entry is what `kinds` says: a number is an account's, `act` a global act, `beat` a heartbeat. */
function indexOf(kinds: readonly (number | "act" | "beat" | "other" | "denied")[]): StreamIndex {
  const index = new StreamIndex();
  const heads = new Map<string, { size: number; leaf: string }>();
  for (const [seq, kind] of kinds.entries()) {
    const plain = { seq, id: `id ${String(seq)}`, time: `time ${String(seq)}`, action: "service.started", outcome: "committed" };
    const beat = { action: "log.heartbeat", details: heartbeatDetails({ asOf: seq, streams: 1, streamsRoot: leafOf(0) }, null) };
    let entry: StreamedEntry = plain;
    if (kind === "act") entry = { ...plain, action: "allowlist.grant" };
    if (kind === "denied") entry = { ...plain, action: "allowlist.grant", outcome: "denied" };
    if (kind === "beat") entry = { ...plain, ...beat };
    if (typeof kind === "number") {
      const stream = ACCOUNTS[kind] ?? ACCOUNTS[0];
      const head = heads.get(stream) ?? { size: 0, leaf: "0".repeat(64) };
      entry = { ...plain, stream, sseq: head.size, sprev: head.leaf };
      heads.set(stream, { size: head.size + 1, leaf: leafOf(seq).toString("hex") });
    }
    index.take(entry, leafOf(seq));
  }
  return index;
}

describe("places of a stream", () => {
  it("are given back as they were put in, however far apart", () => {
    const places = [0, 1, 2, 130, 258, 16_642, 70_000, 2 ** 31, 2 ** 40, 2 ** 40 + 1, Number.MAX_SAFE_INTEGER];
    const list = new SeqList();
    for (const place of places) list.push(place);
    assert.deepEqual([...list], places);
    assert.equal(list.length, places.length);
    for (let from = 0; from <= places.length; from++) assert.deepEqual(list.slice(from, 3), places.slice(from, from + 3));
    for (const bound of [0, 1, 131, 2 ** 31, 2 ** 40 + 2]) {
      const below = places.filter((place) => place < bound);
      assert.deepEqual(list.below(bound), { count: below.length, last: below.at(-1) ?? -1 });
    }
  });
  it("are added in ascending order only", () => {
    const list = new SeqList();
    list.push(5);
    for (const bad of [5, 4, -1, 6.5, Number.NaN]) assert.throws(() => list.push(bad), RangeError);
  });
});

describe("the index of streams", () => {
  const kinds = ["other", "act", 0, 1, "denied", 0, "act", 2, "beat", 0, "act", 1, "beat", 0] as const;
  const index = indexOf(kinds);

  it("knows where each stream stood at every size, in the order of streams [AC-1] [AC-5] [AC-6]", () => {
    for (let asOf = 0; asOf <= kinds.length; asOf++) {
      const places = (kind: number | "act"): number[] => kinds.flatMap((each, seq) => (each === kind && seq < asOf ? seq : []));
      const expected = [
        [ACCOUNTS[0], places(0)] as const,
        [ACCOUNTS[2], places(2)] as const,
        [ACCOUNTS[1], places(1)] as const,
        ["global", places("act")] as const,
      ].filter(([stream, seqs]) => seqs.length > 0 || stream === "global");
      const tips = index.tipsAt(asOf);
      assert.deepEqual(
        tips.map(({ stream, size, seq }) => [stream, size, seq]),
        expected.map(([stream, seqs]) => [stream, seqs.length, seqs.at(-1) ?? -1]),
      );
      for (const { stream, leaf, seq } of tips) {
        if (stream === "global") assert.deepEqual(leaf, naiveRoot(places("act").map(leafOf)));
        else assert.ok(leaf === null || leaf.equals(leafOf(seq)), stream);
      }
    }
  });
  it("knows every leaf hash of now", () => {
    const { asOf, tips } = index.tips();
    assert.equal(asOf, kinds.length);
    assert.deepEqual(
      tips.map(({ stream, size, leaf }) => [stream, size, leaf]),
      [
        [ACCOUNTS[0], 4, leafOf(13)],
        [ACCOUNTS[2], 1, leafOf(7)],
        [ACCOUNTS[1], 2, leafOf(11)],
        ["global", 3, naiveRoot([1, 6, 10].map(leafOf))],
      ],
    );
  });
  it("finds the newest heartbeat below a size, and a stream's entries", () => {
    assert.deepEqual(
      [8, 9, 12, 13].map((size) => index.heartbeatBelow(size)),
      [undefined, 8, 8, 12],
    );
    assert.deepEqual(index.newestHeartbeat, { id: "id 12", time: "time 12" });
    assert.deepEqual(index.placesOf(ACCOUNTS[0], 1, 2), [5, 9]);
    assert.deepEqual(index.placesOf("global", 0, 9), [1, 6, 10]);
    assert.deepEqual(index.placesOf("acc_none", 0, 9), []);
  });
  it("takes no entry that does not continue its stream: a gap, a repeat, another predecessor [AE-13]", () => {
    const before = index.tips();
    const next = { seq: 14, id: "", time: "", action: "secret.reveal", outcome: "intent", stream: ACCOUNTS[0] };
    const sprev = leafOf(13).toString("hex");
    const bad: StreamedEntry[] = [
      { ...next, sseq: 5, sprev },
      { ...next, sseq: 3, sprev },
      { ...next, sseq: 0, sprev: "0".repeat(64) },
      { ...next, sseq: 4, sprev: leafOf(12).toString("hex") },
      { ...next, stream: "global", sseq: 0, sprev: "0".repeat(64) },
      next,
    ];
    for (const entry of bad) assert.throws(() => index.take(entry, leafOf(14)), isBroken);
    assert.deepEqual(index.tips(), before);
  });
});
