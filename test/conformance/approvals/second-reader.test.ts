import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { ROOT } from "../audit/vector-file.js";

const READER = fileURLToPath(new URL("test/conformance/second-readers/recompute_decisions.py", ROOT));
const VECTORS = fileURLToPath(new URL("test/conformance/vectors", ROOT));
const NO_PYTHON = spawnSync("python3", ["--version"]).status === 0 ? false : "python3 is not installed";

type Vector = Readonly<Record<string, string>>;

/** Which member of a vector the other program must come to by itself. */
const EXPECTED: Readonly<Record<string, (vector: Vector) => string | undefined>> = {
  "deciding-row.json rows": ({ hex }) => hex,
  "deciding-row.json macs": ({ mac }) => mac,
  "request.json requests": ({ hash }) => hash,
  "request.json refused": () => "refused",
  "approval-statement.json statements": ({ text }) => text,
  "event-id.json derived": ({ id }) => id,
};

describe("a second reader of what decisions rest on, in another language", { skip: NO_PYTHON }, () => {
  const { stdout, stderr } = spawnSync("python3", [READER, VECTORS], { encoding: "utf8" });
  for (const [part, expected] of Object.entries(EXPECTED)) {
    it(`comes to the same results for ${part} [DR-2] [RQ-3] [AS-1]`, () => {
      assert.ok(stdout.startsWith("{"), stderr);
      const [file = "", list = ""] = part.split(" ");
      const vectors = (JSON.parse(readFileSync(`${VECTORS}/${file}`, "utf8")) as Record<string, Vector[]>)[list] ?? [];
      assert.ok(vectors.length > 0);
      const wanted = Object.fromEntries(vectors.map((vector) => [vector["name"], expected(vector)]));
      assert.deepEqual((JSON.parse(stdout) as Record<string, unknown>)[part], wanted);
    });
  }

  it("is two pages long at most", () => {
    assert.ok(readFileSync(READER, "utf8").split("\n").length <= 110);
  });
});
