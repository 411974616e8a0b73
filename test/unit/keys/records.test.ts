import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import { inspect } from "node:util";
import { Secret } from "../../../src/kernel/secret.js";
import { RecordsKey } from "../../../src/keys/records.js";

describe("records key", () => {
  const bytes = randomBytes(32);
  const key = RecordsKey.derive(Secret.of(Buffer.from(bytes)));
  const row = Buffer.from("table, key, seq and every deciding column");

  it("knows its own tag", () => {
    assert.equal(key.mac(row).length, 32);
    assert.ok(key.verify(row, key.mac(row)));
  });

  it("refuses another row, another tag, a cut tag and another key's tag", () => {
    const changed = key.mac(row);
    changed.writeUInt8(changed.readUInt8(31) ^ 1, 31);
    const other = RecordsKey.derive(Secret.of(randomBytes(32)));
    assert.equal(key.verify(Buffer.from("another row"), key.mac(row)), false);
    for (const tag of [changed, key.mac(row).subarray(0, 31), Buffer.alloc(0), other.mac(row)]) assert.equal(key.verify(row, tag), false);
  });

  it("a tag of one purpose is never one of another", () => {
    const text = "same bytes";
    const tags = [key.mac(Buffer.from(text)), key.tokenHash(text), key.bodyHash(Buffer.from(text))].map((tag) => tag.toString("hex"));
    assert.equal(new Set(tags).size, 3);
  });

  it("is the same for the same data key", () => {
    assert.deepEqual(RecordsKey.derive(Secret.of(Buffer.from(bytes))).tokenHash("t"), key.tokenHash("t"));
  });

  it("cannot be printed", () => {
    const text = inspect(key, { showHidden: true, depth: 9 }) + JSON.stringify(key);
    assert.equal(text.includes(bytes.toString("hex")) || text.includes(bytes.toString("base64")), false);
  });

  it("takes only a key of 32 bytes", () => {
    assert.throws(() => RecordsKey.derive(Secret.of(Buffer.alloc(16))), /length/);
  });
});
