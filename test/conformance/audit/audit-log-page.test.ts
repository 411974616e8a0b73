import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { leafHash } from "../../../src/audit/chain.js";
import { parseCheckpoint } from "../../../src/audit/tlog/checkpoint.js";
import { parseNote } from "../../../src/audit/tlog/note.js";
import { CompactRange } from "../../../src/audit/tlog/tree.js";
import { ROOT, readVectors } from "./vector-file.js";

const page = readFileSync(new URL("docs/spec/audit-log.md", ROOT), "utf8");
const { keys, entries, checkpoints, proofs } = readVectors("tlog-example.json", {
  keys: ["vkey", "seed", "preimage"],
  entries: ["entry", "leaf"],
  checkpoints: ["size", "root", "text", "note"],
  cosignatures: ["time", "text", "line"],
  consistency: ["oldSize", "size", "proof", "request"],
  files: ["path", "bytes", "start", "sha256"],
  proofs: ["index", "proof"],
});
/** A text as it stands in the page, each line indented. */
const block = (text: string): string => text.replace(/\n$/, "").replaceAll(/^(?=.)/gm, "    ");

describe("the example of docs/spec/audit-log.md", () => {
  it("is the log of the vectors: key, leaves, roots, checkpoint, receipt", () => {
    assert.ok(page.includes(block(keys[0]?.vkey ?? "none")));
    for (const { leaf } of entries) assert.ok(page.includes(`  ${leaf}\n`), leaf);
    for (const { root } of checkpoints.slice(1)) assert.ok(page.includes(`  ${root}\n`), root);
    assert.ok(page.includes(block(entries[1]?.entry ?? "none")));
    const proof = proofs[0]?.proof ?? "none";
    assert.ok(page.includes(block(proof)));
    const note = proof.slice(proof.indexOf("\n\n") + 2);
    assert.ok(page.split(block(note)).length === 3, "once by itself and once in the receipt");
  });
  it("has one hash for chain and tree [AL-1]", () => {
    const range = new CompactRange();
    for (const [index, { entry, leaf }] of entries.entries()) {
      assert.equal(leafHash(Buffer.from(entry, "utf8")).toString("hex"), leaf);
      const { prev } = JSON.parse(entries[index + 1]?.entry ?? "{}") as { prev?: string };
      if (prev !== undefined) assert.equal(prev, leaf);
      range.append(Buffer.from(leaf, "hex"));
    }
    const newest = parseNote(Buffer.from(checkpoints.at(-1)?.note ?? "", "utf8"));
    assert.ok(parseCheckpoint(newest.text).root.equals(range.root()));
  });
});
