import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { leafHashHex } from "../../../src/audit/chain.js";
import {
  advanced,
  cursorBytes,
  nextOf,
  parseCursor,
  rewound,
  STREAM_START,
  type StreamCursor,
} from "../../../src/audit/stream/stream-cursor.js";
import { pageStart, recordsBehind } from "../../../src/audit/stream/stream-page.js";
import { batchesOf, entryRecord } from "../../../src/audit/stream/stream-record.js";
import { syslogFrame } from "../../../src/audit/stream/syslog-frame.js";
import { webhookHeaders, webhookId } from "../../../src/audit/stream/webhook-signature.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { Secret } from "../../../src/kernel/secret.js";
import { SAMPLE_ORIGIN, sampleLog } from "../../support/sample-log.js";

const { entries } = sampleLog(30);
const markOf = (next: number) => ({ next, leaf: leafHashHex(entries[next - 1]!) });
const cursorAt = (next: number): StreamCursor => advanced(STREAM_START, SAMPLE_ORIGIN, markOf(next));
const hashOf = (number: number): string => number.toString(16).padStart(64, "0");

describe("a stream's cursor", () => {
  it("keeps few marks of many, the newest first, at distances that about double [LS-12]", () => {
    let cursor = STREAM_START;
    for (let next = 1; next <= 20_000; next++) cursor = advanced(cursor, SAMPLE_ORIGIN, { next, leaf: hashOf(next) });
    assert.equal(nextOf(cursor), 20_000);
    assert.ok(cursor.marks.length <= 16, String(cursor.marks.length));
    const distances = cursor.marks.slice(1).map(({ next }) => 20_000 - next);
    let nearer = 1;
    for (const distance of distances) {
      // Half of what is wound back at most was common.
      assert.ok(distance <= nearer * 5 + 1, distances.join(" "));
      nearer = distance;
    }
    assert.ok((distances.at(-1) ?? 0) > 8_000);
  });

  it("says the same after it was kept", () => {
    let cursor = STREAM_START;
    assert.deepEqual(parseCursor(cursorBytes(cursor)), cursor);
    for (const next of [500, 1000, 1200, 9000]) cursor = advanced(cursor, SAMPLE_ORIGIN, { next, leaf: hashOf(next) });
    assert.deepEqual(parseCursor(cursorBytes(cursor)), cursor);
  });

  it("goes back to one of its own marks, or to the beginning", () => {
    let cursor = STREAM_START;
    for (let next = 1; next <= 30; next++) cursor = advanced(cursor, SAMPLE_ORIGIN, markOf(next));
    assert.ok(cursor.marks.length > 3);
    const back = rewound(cursor, cursor.marks[2]);
    assert.equal(nextOf(back), cursor.marks[2]?.next);
    assert.deepEqual(back.marks, cursor.marks.slice(2));
    assert.deepEqual(rewound(cursor, undefined), STREAM_START);
  });

  it("is not read out of anything else", () => {
    const good = cursorBytes(cursorAt(3)).toString("utf8");
    assert.doesNotThrow(() => parseCursor(Buffer.from(good)));
    const bad = ["", "{}", good.replace("cursor/1", "cursor/2"), good.replace('"next":3', '"next":0'), good.slice(0, 40)];
    for (const text of [...bad, good.replace(SAMPLE_ORIGIN, ""), good.replace(/[0-9a-f]{64}/, "x")])
      assert.throws(() => parseCursor(Buffer.from(text)), text);
    const twice = { format: "rootkeep-stream-cursor/1", log: SAMPLE_ORIGIN, marks: [1, 2].map((next) => ({ leaf: hashOf(1), next })) };
    assert.throws(() => parseCursor(Buffer.from(JSON.stringify(twice))), /out of place/);
  });
});

describe("a page behind a cursor", () => {
  const seqs = (cursor: StreamCursor, page: readonly Buffer[]) => recordsBehind(cursor, page, "plain")?.map(({ seq }) => seq) ?? null;

  it("begins one entry earlier and gives what follows [LS-4]", () => {
    assert.equal(pageStart(STREAM_START), 0);
    assert.deepEqual(seqs(STREAM_START, entries.slice(0, 3)), [0, 1, 2]);
    assert.equal(pageStart(cursorAt(3)), 2);
    assert.deepEqual(seqs(cursorAt(3), entries.slice(2, 6)), [3, 4, 5]);
  });

  it("is none when the entry that was sent last is gone or another", () => {
    assert.equal(seqs(cursorAt(3), []), null);
    assert.equal(seqs(cursorAt(3), entries.slice(3, 6)), null);
    const other = sampleLog(6, (seq, draft) => (seq === 2 ? { draft: { ...draft, outcome: "error" } } : {}));
    assert.equal(seqs(cursorAt(3), other.entries.slice(2)), null);
  });

  it("is refused whole, with the place, when an entry is missing, is no entry, or does not follow [LS-4]", () => {
    const other = sampleLog(6, (seq, draft) => (seq === 4 ? { draft: { ...draft, outcome: "error" } } : {}));
    const at = (seq: number, reason: string) => (error: unknown) =>
      isRootkeepError(error, "CHAIN_BROKEN") && error.facts["seq"] === seq && error.reason === reason;
    assert.throws(() => seqs(cursorAt(3), [entries[2]!, entries[4]!]), at(3, "stream_has_a_gap"));
    assert.throws(() => seqs(cursorAt(3), [entries[2]!, entries[3]!, other.entries[4]!, entries[5]!]), at(5, "stream_has_a_gap"));
    assert.throws(() => seqs(STREAM_START, entries.slice(1)), at(0, "stream_has_a_gap"));
    assert.throws(() => seqs(STREAM_START, [entries[0]!, Buffer.from("{}")]), at(1, "entry_is_malformed"));
  });
});

describe("batches", () => {
  const records = entries.map((bytes) => entryRecord(bytes, "plain"));

  it("hold every record once, in order, and no more bytes than they may", () => {
    for (const most of [1, 1_500, 4_000, 1_000_000]) {
      const batches = batchesOf(records, most);
      assert.deepEqual(batches.flat(), records);
      for (const batch of batches)
        assert.ok(batch.length === 1 || batch.reduce((sum, { line }) => sum + Buffer.byteLength(line) + 1, 0) <= most);
    }
    assert.equal(batchesOf(records, 1).length, records.length);
    assert.equal(batchesOf(records, 1_000_000).length, 1);
    assert.deepEqual(batchesOf([], 10), []);
  });
});

describe("a syslog frame", () => {
  const record = entryRecord(entries[4]!, "plain");

  it("counts octets, not characters, of what follows the blank [LS-10]", () => {
    assert.match(record.line, /Grüße/);
    const frame = syslogFrame(record, "vault.example.com");
    const blank = frame.indexOf(" ");
    assert.equal(Number(frame.subarray(0, blank).toString()), frame.length - blank - 1);
  });

  it("has the header of RFC 5424 with the log-audit facility and our severity [LS-10]", () => {
    const head = (severity: 1 | 2 | 3 | 4 | 5) => /<(\d+)>/.exec(syslogFrame({ ...record, severity }, "h").toString())?.[1];
    assert.deepEqual(([1, 2, 3, 4, 5] as const).map(head), ["110", "109", "108", "107", "106"]);
  });

  it("leaves out a host name that would break the header, and cuts an action that is too long for one [LS-10]", () => {
    const text = syslogFrame({ ...record, action: `a.${"b".repeat(60)}` }, "two words").toString();
    assert.match(text, /^\d+ <\d+>1 \S+ - rootkeep - a\.b{30} \[rootkeep@32473 seq="4" leaf="[0-9a-f]{64}"\] \{/);
  });
});

describe("a webhook's signature", () => {
  it("is that of Standard Webhooks, by its own example [LS-11]", () => {
    const headers = webhookHeaders(
      Secret.of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
      "msg_p5jXN8AQM9LWM0D4loKWxJek",
      1_614_265_330,
      Buffer.from('{"test": 2432232314}'),
    );
    assert.deepEqual(headers, {
      "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
      "webhook-timestamp": "1614265330",
      "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    });
  });

  it("is of a batch whose id is its content's [LS-11]", () => {
    assert.equal(webhookId(Buffer.from("a\n")), webhookId(Buffer.from("a\n")));
    assert.notEqual(webhookId(Buffer.from("a\n")), webhookId(Buffer.from("b\n")));
    assert.match(webhookId(Buffer.from("a\n")), /^batch_[0-9a-f]{32}$/);
  });
});
