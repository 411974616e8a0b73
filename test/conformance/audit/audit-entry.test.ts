import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { leafHash } from "../../../src/audit/chain.js";
import { commit, verifyCommitment } from "../../../src/audit/commitment.js";
import { entryExtras, parseEntry } from "../../../src/audit/entry.js";
import { readVectors } from "./vector-file.js";

const vectors = readVectors("audit-entry.json", {
  entries: ["name", "entry", "leaf"],
  refused: ["name", "clause", "entry"],
  commitments: ["name", "field", "value", "salt", "commitment"],
});

describe("audit entry vectors [AE-2] [AE-5] [AE-6] [AE-7] [AE-9] [AE-10] [AE-11] [AE-12]", () => {
  for (const { name, entry, leaf } of vectors.entries) {
    it(`reads ${name} and finds its hash [AE-1] [AE-3]`, () => {
      const bytes = Buffer.from(entry, "utf8");
      assert.equal(leafHash(bytes).toString("hex"), leaf);
      assert.doesNotThrow(() => entryExtras(parseEntry(bytes)));
    });
  }
  it("are chained: each carries the hash of the one before it [AE-4]", () => {
    const entries = vectors.entries.map(({ entry }) => parseEntry(Buffer.from(entry, "utf8")));
    entries.slice(1).forEach((entry, index) => {
      assert.equal(entry.prev, vectors.entries[index]?.leaf);
    });
  });
  for (const { name, clause, entry } of vectors.refused) {
    it(`refuses ${name} [${clause}]`, () => {
      assert.throws(
        () => parseEntry(Buffer.from(entry, "utf8")),
        (error: Error) => clause === "CJ-2" || error.message.includes(`[${clause}]`),
      );
    });
  }
  for (const { name, field, value, salt, commitment } of vectors.commitments) {
    it(`commits to ${name} [AE-14]`, () => {
      const bytes = Buffer.from(salt, "hex");
      assert.equal(commit(field, value, bytes).commitment, commitment);
      assert.equal(verifyCommitment(commitment, { field, value, salt: bytes }), true);
    });
  }
});

describe("hashes of entries of another program", () => {
  it("are leaf hashes of RFC 6962, over UTF-8 [AE-3]", () => {
    const entry = `{"action":"secret.reveal","actor":{"id":"7d3c2f9e-1111-4a6b-9c3d-000000000001","type":"user"},"details":{"reason":"Änderung – INC-42"},"id":"01980000-0001-7000-8000-000000000001","log":"vault.example.com/audit/test/1","outcome":"allowed","prev":"2179b74f4594ae0b1888c957d133d0a8e95906cbc158495584c2cfdf864ee612","seq":1,"target":{"id":"9a1b0c2d-2222-4f00-8000-000000000002","type":"aws_root_credential","version":7},"time":"2026-01-01T00:00:01.000000Z","v":1}`;
    assert.equal(leafHash(Buffer.from(entry, "utf8")).toString("hex"), "4368d8a16bba064d1e436a76537083c28a4bfb8804018df6a4a9fed89a15c580");
    assert.equal(leafHash(Buffer.alloc(0)).toString("hex"), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    assert.equal(leafHash(Buffer.from("2021", "hex")).toString("hex"), "07506a85fd9dd2f120eb694f86011e5bb4662e5c415a62917033d4a9624487e7");
  });
});
