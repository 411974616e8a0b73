import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { readSealedCopy, sealedCopyBytes, sealedCopyName, versionOfName } from "../../../src/secrets/sealed-copy.js";
import { buildCopyVectors, type CopyVectors, vectorMarks } from "../../support/copy-vectors.js";

// real: the format, Python. double: none.
const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const VECTORS = join(ROOT, "test/conformance/vectors/second-store.json");
const READER = join(ROOT, "test/conformance/second-readers/open_copy.py");
const NO_PYTHON =
  spawnSync("python3", ["-c", "import cryptography"]).status === 0 ? false : "python3 with the package cryptography is missing";

if (process.env["ROOTKEEP_UPDATE_GOLDEN"] === "1") writeFileSync(VECTORS, `${JSON.stringify(buildCopyVectors(), null, 2)}\n`);
const { cases, rootKey } = JSON.parse(readFileSync(VECTORS, "utf8")) as CopyVectors;

describe("the published copies", () => {
  it("are what the program makes, byte for byte [SC-2] [SC-3] [SC-4]", () => {
    assert.deepEqual(JSON.parse(JSON.stringify(buildCopyVectors().cases)), cases);
  });

  for (const { name, place, object, isOwn } of cases) {
    it(`${name}: ${isOwn ? "is taken for the deployment's own" : "is not believed"} [SC-5] [L11]`, () => {
      const copy = readSealedCopy(Buffer.from(object), vectorMarks);
      assert.equal(copy !== null, isOwn);
      if (copy === null) return;
      assert.equal(sealedCopyBytes(copy, vectorMarks).toString(), object);
      assert.equal(sealedCopyName(copy, Buffer.from(object)), place);
      assert.equal(versionOfName(place ?? ""), copy.version.id);
    });
  }

  it("of no other thing than a copy are taken, whatever the bytes", () => {
    for (const text of ["", "null", "[]", "{}", '{"format":"rootkeep-sealed-copy/1"}', "\xff"])
      assert.equal(readSealedCopy(Buffer.from(text, "latin1"), vectorMarks), null, text);
  });
});

describe("a second reader in another language", { skip: NO_PYTHON }, () => {
  it("opens the same copies with the root key's file alone, and refuses the same [SC-6] [L10]", async () => {
    const directory = await mkdtemp(join(tmpdir(), "rootkeep-copies-"));
    try {
      const keystore = join(directory, "root-key.json");
      await writeFile(keystore, JSON.stringify(rootKey));
      const files = cases.map((_, at) => join(directory, `${String(at)}.json`));
      for (const [at, file] of files.entries()) await writeFile(file, cases[at]?.object ?? "");
      const { stdout, stderr, status } = spawnSync("python3", [READER, keystore, ...files], { encoding: "utf8" });
      assert.equal(status, 0, stderr);
      const expected = cases.map(({ plaintext }) => plaintext);
      const read = stdout
        .trimEnd()
        .split("\n")
        .map((line) => / opens ([0-9a-f]*)$/.exec(line)?.[1] ?? null);
      assert.deepEqual(read, expected);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it("is short enough to be read before it is needed", () => {
    assert.ok(readFileSync(READER, "utf8").split("\n").length <= 100);
  });
});

describe("the page of the format", () => {
  const page = readFileSync(join(ROOT, "docs/spec/second-store.md"), "utf8");

  it("shows the first copy of the vectors, and where it lies [SC-2] [SC-4]", () => {
    const [first] = cases;
    const [, example = ""] = /```json\n([\s\S]*?)```/.exec(page) ?? [];
    assert.equal(example.replaceAll("\n", ""), first?.object);
    assert.ok(page.includes(`\n${first?.place ?? "none"}\n`));
  });
});
