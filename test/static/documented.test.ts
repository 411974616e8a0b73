import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");

/** Exported functions and classes of a source without a doc comment, by name. */
function undocumented(path: string, text: string): string[] {
  const { statements } = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  return statements
    .filter((statement) => ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement))
    .filter((statement) => statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword))
    .filter((statement) => !ts.getJSDocCommentsAndTags(statement).some(ts.isJSDoc))
    .map(({ name }) => `${path}: ${name?.text ?? ""}`);
}

describe("documentation in the source", () => {
  it("is missed where it is missing", () => {
    const text = "/** Says. */ export function said() {}\nexport function mute() {}\nexport class Mute {}\nfunction own() {}\n// no doc\n";
    assert.deepEqual(undocumented("a.ts", text), ["a.ts: mute", "a.ts: Mute"]);
  });

  it("stands at every exported function and class", () => {
    const paths = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
      // A module of Nest is a list of parts.
      .filter((path) => path.endsWith(".ts") && !path.endsWith(".module.ts"))
      .map((path) => `src/${path}`);
    assert.ok(paths.length > 100);
    assert.deepEqual(
      paths.flatMap((path) => undocumented(path, readFileSync(join(root, path), "utf8"))),
      [],
    );
  });
});
