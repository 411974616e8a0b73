import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { FileResult } from "../../runner/file-run.js";

const folder = mkdtempSync(join(tmpdir(), "rootkeep-runner-"));
const PROLOGUE = `import { after, before, describe, it, test } from "node:test"; import assert from "node:assert/strict";\n`;

/** Runs a test file with `body` in a process of its own: node:test refuses to run files from within a running test. */
function runBody(body: string, options = "{ timeoutMs: 20000 }"): FileResult {
  const path = join(folder, `${String(Math.random()).slice(2)}.test.mjs`);
  writeFileSync(path, PROLOGUE + body);
  const program = `
    import { runTestFile } from ${JSON.stringify(new URL("../../runner/file-run.js", import.meta.url).href)};
    process.stdout.write(JSON.stringify(await runTestFile(${JSON.stringify(path)}, ${options})));`;
  const starter = path.replace(".test.mjs", ".starter.mjs");
  writeFileSync(starter, program);
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  return JSON.parse(execFileSync(process.execPath, [starter], { env, encoding: "utf8" })) as FileResult;
}

function countsOf({ passed, failed, skips }: FileResult): readonly number[] {
  return [passed, failed, skips.length];
}

describe("the counting of the test runner", () => {
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("counts leaves, neither groups nor tests that hold others", () => {
    const result = runBody(`
      describe("group", () => { it("one", () => {}); describe("inner", () => { it("two", () => {}); }); });
      test("parent", async (t) => { await t.test("three", () => {}); });`);
    assert.deepEqual(countsOf(result), [3, 0, 0]);
  });

  it("counts a failing leaf once, not again for the groups around it, and names its path", () => {
    const result = runBody(`describe("a", () => { describe("b", () => { it("c", () => assert.equal(1, 2)); it("d", () => {}); }); });`);
    assert.deepEqual(countsOf(result), [1, 1, 0]);
    assert.deepEqual(
      result.failures.map(({ name }) => name),
      ["a > b > c"],
    );
    assert.match(result.failures[0]?.text ?? "", /strictly equal/);
  });

  it("lists skipped and to-do tests with their reasons", () => {
    const result = runBody(
      `it("s", { skip: "moto_server is not installed" }, () => {}); it.todo("t"); describe.skip("g", () => { it("u", () => {}); });`,
    );
    assert.deepEqual(result.skips, [
      { name: "s", reason: "moto_server is not installed" },
      { name: "t", reason: "to do" },
      { name: "g", reason: "no reason given" },
    ]);
    assert.deepEqual(countsOf(result), [0, 0, 3]);
  });

  it("counts tests that a failed hook cancelled, and shows the hook's error", () => {
    const result = runBody(`describe("g", () => { before(() => { throw new Error("boom"); }); it("a", () => {}); it("b", () => {}); });`);
    assert.deepEqual(countsOf(result), [0, 2, 0]);
    assert.match(result.failures.map(({ text }) => text).join("\n"), /boom/);
  });

  it("counts a failed hook that cancelled no test", () => {
    const result = runBody(`describe("g", () => { after(() => { throw new Error("late"); }); it("a", () => {}); });`);
    assert.deepEqual(countsOf(result), [1, 1, 0]);
  });

  it("fails a file whose process dies, also after its tests passed", () => {
    const result = runBody(`it("a", () => {}); setTimeout(() => process.exit(3), 50);`);
    assert.deepEqual(countsOf(result), [1, 1, 0]);
    assert.match(result.failures[0]?.text ?? "", /exit code 3/);
  });

  it("fails a file that does not even load", () => {
    assert.deepEqual(countsOf(runBody(`import "./absent.mjs";`)), [0, 1, 0]);
  });

  it("fails a file that hangs", () => {
    assert.deepEqual(countsOf(runBody(`it("a", () => {}); setInterval(() => {}, 1000);`, "{ timeoutMs: 1500 }")), [1, 1, 0]);
  });

  it("fails a file that holds no test", () => {
    assert.deepEqual(countsOf(runBody("")), [0, 1, 0]);
  });

  it("leaves out what was not asked for, without calling it a skip", () => {
    const body = `describe("g", () => { it("wanted", () => {}); it("other", () => {}); }); describe("h", () => { it("third", () => {}); });`;
    assert.deepEqual(countsOf(runBody(body, "{ timeoutMs: 20000, grep: /wanted/ }")), [1, 0, 0]);
    assert.deepEqual(countsOf(runBody(body, "{ timeoutMs: 20000, grep: /absent/ }")), [0, 0, 0]);
  });
});
