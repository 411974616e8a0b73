import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { bundles, decodeBundle, encodeBundle } from "../../../src/audit/bundle.js";
import { canonicalBytes, type JsonObject, parseCanonical } from "../../../src/audit/canonical-json.js";
import { leafHash } from "../../../src/audit/chain.js";
import { ChainVerifier } from "../../../src/audit/chain-verifier.js";
import { commit, verifyCommitment } from "../../../src/audit/commitment.js";
import { entriesPath, parseEntriesPath } from "../../../src/audit/tlog/tile-path.js";
import { encodeFields } from "../../../src/kernel/encoding.js";
import { sampleLog } from "../../support/sample-log.js";

const text = fc.string({ unit: "binary", maxLength: 20 }).filter((value) => value.isWellFormed() && !value.includes("\0"));
const { value: json } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger(),
    text,
    tie("list"),
    tie("object"),
  ),
  list: fc.array(tie("value"), { maxLength: 5 }),
  object: fc.dictionary(fc.oneof(text, fc.nat(20).map(String)), tie("value"), { maxKeys: 5 }),
}));
const object = fc.dictionary(fc.oneof(text, fc.nat(20).map(String)), json, { maxKeys: 6 }).map((value) => plain(value));

/** fast-check makes objects without prototype now and then; and `-0` is no value of the profile. */
function plain(value: unknown): JsonObject {
  return JSON.parse(JSON.stringify(value)) as JsonObject;
}

describe("canonical JSON", () => {
  it("reads back what it wrote, and writes what it read [CJ-1] [CJ-2]", () => {
    fc.assert(
      fc.property(object, (value) => {
        const bytes = canonicalBytes(value);
        assert.deepEqual(parseCanonical(bytes), value);
        assert.deepEqual(canonicalBytes(parseCanonical(bytes)), bytes);
      }),
    );
  });
  it("has one form for one value, whatever the order of its keys [CJ-4]", () => {
    fc.assert(
      fc.property(object, (value) => {
        const turned = Object.fromEntries(Object.entries(value).reverse());
        assert.deepEqual(canonicalBytes(turned), canonicalBytes(value));
      }),
    );
  });
  it("accepts no other bytes for the same value: any text of the value but the one is refused [CJ-8]", () => {
    fc.assert(
      fc.property(object, fc.constantFrom(" ", "\n", "\t"), fc.nat(), (value, blank, place) => {
        const bytes = canonicalBytes(value);
        const at = place % (bytes.length + 1);
        const other = Buffer.concat([bytes.subarray(0, at), Buffer.from(blank), bytes.subarray(at)]);
        const read = ((): JsonObject | undefined => {
          try {
            return parseCanonical(other);
          } catch {
            return undefined;
          }
        })();
        // Inside text a blank is another value; anywhere else it is the same value and must not be read.
        if (read !== undefined) assert.notDeepEqual(read, value);
      }),
    );
  });
});

describe("injective encoding", () => {
  const fields = fc.array(fc.uint8Array({ maxLength: 6 }), { maxLength: 4 });
  const hexOf = (list: readonly Uint8Array[]): string => list.map((field) => Buffer.from(field).toString("hex")).join();
  it("gives two lists the same bytes only if they are the same list [IE-3]", () => {
    fc.assert(
      fc.property(fields, fields, (one, other) => {
        const isSame = one.length === other.length && hexOf(one) === hexOf(other);
        assert.equal(encodeFields(one).equals(encodeFields(other)), isSame);
      }),
    );
  });
  it("does not notice only where nothing moved: a byte moved over a border changes the bytes [IE-3]", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 9 }), fc.nat(), fc.nat(), (bytes, one, other) => {
        const [first, second] = [one % (bytes.length + 1), other % (bytes.length + 1)];
        const split = (at: number): Buffer => encodeFields([bytes.subarray(0, at), bytes.subarray(at)]);
        assert.equal(split(first).equals(split(second)), first === second);
      }),
    );
  });
});

describe("a commitment", () => {
  it("is opened by its own field, value and salt and by nothing else [AE-14]", () => {
    const field = fc.stringMatching(/^[a-z][a-z0-9]{0,5}(\.[a-z0-9]{1,5})?$/);
    fc.assert(
      fc.property(field, text, field, text, (name, value, otherName, otherValue) => {
        const { commitment, salt } = commit(name, value);
        assert.equal(verifyCommitment(commitment, { field: name, value, salt }), true);
        assert.equal(
          verifyCommitment(commitment, { field: otherName, value: otherValue, salt }),
          name === otherName && value === otherValue,
        );
        assert.equal(
          verifyCommitment(commitment, {
            field: name,
            value,
            salt: Buffer.from(salt)
              .fill(0, 0, 1)
              .fill(salt[1] ?? 0, 0, 1),
          }),
          salt[0] === salt[1],
        );
      }),
    );
  });
});

describe("a bundle", () => {
  it("gives back the entries that were put in [AX-5]", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 256 }), (entries) => {
        const expected = entries.map((entry) => Buffer.from(entry));
        assert.deepEqual(decodeBundle(encodeBundle(entries)), expected);
      }),
    );
  });
  it("has one path, from which its number and width are read back [AX-4]", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.integer({ min: 1, max: 256 }), (n, width) => {
        assert.deepEqual(parseEntriesPath(entriesPath(n, width)), { n, width });
      }),
    );
  });
  it("comes out of a stream of any length, full ones first [AX-5]", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 800 }), fc.nat(5), async (size, start) => {
        const made: { path: string; bytes: Buffer }[] = [];
        async function* entries(): AsyncGenerator<Buffer> {
          for (let index = 0; index < size; index++) yield await Promise.resolve(Buffer.from(String(index)));
        }
        for await (const bundle of bundles(entries(), start * 256)) made.push(bundle);
        const all = made.flatMap(({ bytes }) => decodeBundle(bytes).map(String));
        assert.deepEqual(
          all,
          Array.from({ length: size }, (_, index) => String(index)),
        );
        made.forEach(({ path }, index) => {
          assert.equal(path, entriesPath(start + index, Math.min(256, size - index * 256)));
        });
      }),
      { numRuns: 20 },
    );
  });
});

describe("the audit chain", () => {
  const SIZE = 24;
  const { entries } = sampleLog(SIZE);
  const head = leafHash(entries.at(-1) ?? Buffer.alloc(0)).toString("hex");

  /** Places that the verifier names; none for an intact log. The end is judged as the export's manifest would. */
  function badSeqs(list: readonly Buffer[]): number[] {
    const chain = new ChainVerifier();
    const seqs = list.flatMap((bytes) => chain.add(bytes).findings.map(({ seq }) => seq));
    seqs.push(...chain.finish(head).map(({ seq }) => seq));
    if (chain.next !== SIZE) seqs.push(chain.next);
    else if (chain.lastLeaf !== head) seqs.push(SIZE - 1);
    return seqs;
  }

  it("finds nothing in a log that nobody touched", () => {
    assert.deepEqual(badSeqs(entries), []);
  });
  it("notices any change of any single byte, and names its entry first [AE-3] [AE-4]", () => {
    fc.assert(
      fc.property(fc.nat(SIZE - 1), fc.nat(), fc.integer({ min: 1, max: 255 }), (seq, place, bits) => {
        const bytes = Buffer.from(entries[seq] ?? "");
        const at = place % bytes.length;
        bytes.writeUInt8(bytes.readUInt8(at) ^ bits, at);
        assert.equal(Math.min(...badSeqs(entries.with(seq, bytes))), seq);
      }),
      { numRuns: 300 },
    );
  });
  it("notices any removal, and names the first missing place", () => {
    fc.assert(
      fc.property(fc.nat(SIZE - 1), fc.integer({ min: 1, max: SIZE }), (seq, count) => {
        assert.equal(Math.min(...badSeqs(entries.toSpliced(seq, count))), seq);
      }),
    );
  });
  it("notices any swap, and names the first place", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(SIZE - 1), { minLength: 2, maxLength: 2 }), (places) => {
        const [one, other] = places as [number, number];
        const swapped = entries.with(one, entries[other] ?? Buffer.alloc(0)).with(other, entries[one] ?? Buffer.alloc(0));
        assert.equal(Math.min(...badSeqs(swapped)), Math.min(one, other));
      }),
    );
  });
  it("notices any entry that stands twice", () => {
    fc.assert(
      fc.property(fc.nat(SIZE - 1), fc.nat(SIZE), (seq, at) => {
        assert.notDeepEqual(badSeqs(entries.toSpliced(at, 0, entries[seq] ?? Buffer.alloc(0))), []);
      }),
    );
  });
  it("never throws, whatever the bytes are", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 5 }), (list) => {
        assert.notDeepEqual(badSeqs(list.map((bytes) => Buffer.from(bytes))), []);
      }),
    );
  });
});
