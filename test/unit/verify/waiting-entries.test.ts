import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { leafHash } from "../../../src/audit/chain.js";
import { type MovedStream, NO_STREAM, WaitingEntries } from "../../../src/verify/waiting-entries.js";

interface Added {
  readonly seq: number;
  readonly stream: MovedStream;
  readonly leaf: string;
}

const STREAMS: readonly MovedStream[] = ["acc_a", null, NO_STREAM, "acc_b"];
const entryAt = (seq: number): Added => ({
  seq,
  stream: STREAMS[seq % STREAMS.length] ?? null,
  leaf: leafHash(Buffer.from(String(seq))).toString("hex"),
});

describe("the entries that wait for a heartbeat", () => {
  it("come out as they went in, whatever was taken before there were more of them than there was room", () => {
    for (const takenFirst of [0, 1, 700, 1_023, 1_024]) {
      const waiting = new WaitingEntries();
      const [expected, taken]: [Added[], Added[]] = [[], []];
      const take = (end: number): void => {
        for (let next = waiting.takeBefore(end); next !== undefined; next = waiting.takeBefore(end))
          taken.push({ seq: next.seq, stream: next.stream, leaf: next.leaf.toString("hex") });
      };
      for (let seq = 0; seq < 5_000; seq++) {
        // A place of which there is none: places only rise.
        if (seq % 1_000 === 999) continue;
        const entry = entryAt(seq);
        waiting.add(entry.seq, entry.stream, entry.leaf);
        expected.push(entry);
        if (seq === 1_024) take(takenFirst);
      }
      take(4_000);
      assert.deepEqual(
        taken,
        expected.filter(({ seq }) => seq < 4_000),
        String(takenFirst),
      );
      assert.equal(waiting.takeBefore(4_000), undefined);
      take(Number.POSITIVE_INFINITY);
      assert.deepEqual(taken, expected);
    }
  });

  it("tell the leaf hash of one that is still there, and of no other", () => {
    const waiting = new WaitingEntries();
    assert.equal(waiting.leafAt(0), undefined);
    for (let seq = 10; seq < 3_000; seq++) waiting.add(seq, null, entryAt(seq).leaf);
    for (let count = 0; count < 50; count++) waiting.takeBefore(60);
    assert.equal(waiting.leafAt(59), undefined);
    assert.equal(waiting.leafAt(60), entryAt(60).leaf);
    assert.equal(waiting.leafAt(2_999), entryAt(2_999).leaf);
    assert.equal(waiting.leafAt(3_000), undefined);
    assert.equal(waiting.leafAt(60.5), undefined);
  });
});
