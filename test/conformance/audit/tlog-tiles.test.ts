import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeBundle } from "../../../src/audit/bundle.js";
import { leafHash } from "../../../src/audit/chain.js";
import { fullTiles, partialWidth, tileAt } from "../../../src/audit/tlog/tile.js";
import { entriesPath, parseTilePath, tilePath } from "../../../src/audit/tlog/tile-path.js";
import { readVectors } from "./vector-file.js";

const vectors = readVectors("tlog-tiles.json", {
  widths: ["size", "level", "full", "partial"],
  entries: ["seq", "size", "path"],
  paths: ["level", "n", "width", "path"],
  badPaths: ["path"],
  bundles: ["entries", "bundle"],
  tiles: ["entries", "path", "tile"],
});

describe("tile vectors", () => {
  for (const { size, level, full, partial } of vectors.widths) {
    it(`count ${full} full tiles and ${partial} further hashes at level ${level} of ${size} entries`, () => {
      assert.equal(fullTiles(Number(level), Number(size)), Number(full));
      assert.equal(partialWidth(Number(level), Number(size)), Number(partial));
    });
  }
  for (const { seq, size, path } of vectors.entries) {
    it(`find entry ${seq} of ${size} in ${path}`, () => {
      const tile = tileAt(0, Math.floor(Number(seq) / 256), Number(size));
      assert.ok(tile !== null);
      assert.equal(entriesPath(tile.n, tile.width), path);
    });
  }
  for (const { level, n, width, path } of vectors.paths) {
    it(`name ${path}`, () => {
      const tile = { level: Number(level), n: Number(n), width: Number(width) };
      assert.equal(tilePath(tile), path);
      assert.deepEqual(parseTilePath(path), tile);
    });
  }
  for (const { path } of vectors.badPaths) {
    it(`know ${JSON.stringify(path)} as no hash tile's path`, () => assert.equal(parseTilePath(path), null));
  }
  for (const { entries, bundle } of vectors.bundles) {
    it(`pack ${entries}`, () => {
      assert.equal(encodeBundle(entries.split(" ").map((word) => Buffer.from(word))).toString("hex"), bundle);
    });
  }
  for (const { entries, path, tile } of vectors.tiles) {
    it(`hold the leaf hashes of ${entries} in ${path}`, () => {
      const hashes = entries.split(" ").map((word) => leafHash(Buffer.from(word)));
      assert.equal(Buffer.concat(hashes).toString("hex"), tile);
      assert.deepEqual(parseTilePath(path), { level: 0, n: 0, width: hashes.length });
    });
  }
});
