import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { createRootKey } from "../../../src/keys/root-keys.service.js";
import { openValue } from "../../../src/keys/sealed-value.js";
import { buildVectors, factsOfVector, parseVectors, rowOfVector, sealVector, type Vector } from "../../support/sealed-vectors.js";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const vectorsPath = join(root, "test/conformance/vectors/sealed-value.json");
const readerPath = join(root, "test/conformance/second-readers/open_sealed.py");

if (process.env["ROOTKEEP_UPDATE_GOLDEN"] === "1") {
  writeFileSync(vectorsPath, `${JSON.stringify(buildVectors(), null, 2)}\n`);
}
const vectors = parseVectors(readFileSync(vectorsPath, "utf8"));

const hasPython = spawnSync("python3", ["-c", "import cryptography"]).status === 0;

/** Runs `act` with the vectors' root key as a file that the adapter takes. */
async function withKeystore<T>(act: (path: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), "rootkeep-vectors-"));
  try {
    const path = join(directory, "root-key.json");
    await writeFile(path, JSON.stringify(vectors.rootKey), { mode: 0o600 });
    return await act(path);
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** What the program itself makes of a vector: the plaintext in hex, or null. */
async function openHere(path: string, vector: Vector): Promise<string | null> {
  try {
    const { wrapped, context } = rowOfVector(vector);
    const { plaintext } = await createRootKey(`file:${path}`).unwrap(wrapped, context);
    const value = openValue(plaintext, vector.deployment, factsOfVector(vector), Buffer.from(vector.value.sealed, "hex"));
    return value.expose((bytes) => bytes.toString("hex"));
  } catch (error) {
    assert.ok(isRootkeepError(error, "SEAL_BROKEN"), String(error));
    return null;
  }
}

describe("vectors of sealed values", () => {
  for (const vector of vectors.cases) {
    it(`${vector.name}: ${vector.plaintext === null ? "refuses" : "opens"} [SV-10]`, async () => {
      assert.equal(await withKeystore((path) => openHere(path, vector)), vector.plaintext);
    });
  }

  it("are what this program seals, byte for byte, with the same salt and nonce [SV-2] [SV-4]", () => {
    for (const vector of vectors.cases) {
      if (vector.plaintext !== null) assert.equal(sealVector(vector).toString("hex"), vector.value.sealed, vector.name);
    }
  });

  it("hold a case for every kind and both outcomes", () => {
    const kinds = new Set(vectors.cases.filter(({ plaintext }) => plaintext !== null).map(({ value }) => value.kind));
    assert.equal(kinds.size, 7);
    assert.ok(vectors.cases.filter(({ plaintext }) => plaintext === null).length >= 10);
  });
});

describe("a second reader in another language", { skip: hasPython ? false : "python3 with the package cryptography is missing" }, () => {
  it("recovers every value given the root key, and refuses what we refuse (L10)", async () => {
    const lines = vectors.cases.map(({ deployment, data_key, value }) => JSON.stringify({ deployment, data_key, value }));
    const { stdout, stderr, status } = await withKeystore((path) =>
      Promise.resolve(spawnSync("python3", [readerPath, path], { input: `${lines.join("\n")}\n`, encoding: "utf8" })),
    );
    assert.equal(status, 0, stderr);
    const expected = vectors.cases.map(({ plaintext }) => (plaintext === null ? "refuses" : `opens ${plaintext}`));
    assert.deepEqual(stdout.split("\n").slice(0, -1), expected);
  });

  it("is a page long", () => {
    assert.ok(readFileSync(readerPath, "utf8").split("\n").length <= 90);
  });
});
