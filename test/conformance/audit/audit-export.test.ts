import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { decodeBundle, encodeBundle } from "../../../src/audit/bundle.js";
import { manifestBytes, openingLine, parseManifest, parseOpeningLine } from "../../../src/audit/export-format.js";
import { entriesPath, parseEntriesPath, tilePath } from "../../../src/audit/tlog/tile-path.js";
import { NO_SHARED_VECTORS, readVectors, SHARED_VECTORS } from "./vector-file.js";

const vectors = readVectors("audit-export.json", {
  bundles: ["name", "entries", "hex"],
  badBundles: ["name", "hex"],
  paths: ["n", "width", "path"],
  tilePaths: ["level", "n", "width", "path"],
  badPaths: ["path"],
  manifests: ["name", "text"],
  badManifests: ["name", "text"],
  openings: ["name", "line"],
  badOpenings: ["name", "line"],
});

describe("audit export vectors", () => {
  for (const { name, entries, hex } of vectors.bundles) {
    it(`packs and unpacks ${name} [AX-5]`, () => {
      const parts = entries.split(" ").map((entry) => Buffer.from(entry, "hex"));
      assert.equal(encodeBundle(parts).toString("hex"), hex);
      assert.deepEqual(decodeBundle(Buffer.from(hex, "hex")), parts);
    });
  }
  for (const { name, hex } of vectors.badBundles) {
    it(`refuses ${name} [AX-5]`, () => {
      assert.throws(() => decodeBundle(Buffer.from(hex, "hex")));
    });
  }
  for (const { n, width, path } of vectors.paths) {
    it(`puts bundle ${n} of ${width} at ${path} [AX-4]`, () => {
      assert.equal(entriesPath(Number(n), Number(width)), path);
      assert.deepEqual(parseEntriesPath(path), { n: Number(n), width: Number(width) });
    });
  }
  for (const { level, n, width, path } of vectors.tilePaths) {
    it(`puts hash tile ${n} of level ${level} at ${path} [AX-4]`, () => {
      assert.equal(tilePath({ level: Number(level), n: Number(n), width: Number(width) }), path);
    });
  }
  for (const { path } of vectors.badPaths) {
    it(`knows ${JSON.stringify(path)} as no bundle's path [AX-4]`, () => {
      assert.equal(parseEntriesPath(path), null);
    });
  }
  for (const { name, text } of vectors.manifests) {
    it(`reads and writes ${name} [AX-3]`, () => {
      assert.equal(manifestBytes(parseManifest(Buffer.from(text, "utf8"))).toString("utf8"), text);
    });
  }
  for (const { name, text } of vectors.badManifests) {
    it(`refuses ${name} [AX-3]`, () => {
      assert.throws(() => parseManifest(Buffer.from(text, "utf8")));
    });
  }
  for (const { name, line } of vectors.openings) {
    it(`reads and writes ${name} [AX-7]`, () => {
      assert.equal(openingLine(parseOpeningLine(Buffer.from(line, "utf8"))), `${line}\n`);
    });
  }
  for (const { name, line } of vectors.badOpenings) {
    it(`refuses ${name} [AX-7]`, () => {
      assert.throws(() => parseOpeningLine(Buffer.from(line, "utf8")));
    });
  }
});

describe("a sample log of others", { skip: NO_SHARED_VECTORS }, () => {
  it("has bundles that we unpack and pack again to the byte [AX-5]", () => {
    const words = "one two three four five six seven eit nain ten ileven twelf threeten fourten fivten".split(" ");
    for (let width = 1; width <= words.length; width++) {
      const bundle = readFileSync(new URL(`tlog-sample/${entriesPath(0, width)}`, SHARED_VECTORS));
      const entries = decodeBundle(bundle);
      assert.deepEqual(
        entries.map((entry) => entry.toString("utf8")),
        words.slice(0, width),
      );
      assert.deepEqual(encodeBundle(entries), bundle);
    }
  });
});
