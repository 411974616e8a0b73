import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { COMMANDS } from "../../src/cli/commands.js";
import { OPERATION_NAMES } from "../../src/kernel/operations.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
const README_LINES_MAX = 150;
const MODULE_LINES_MAX = 60;

const read = (path: string): string => readFileSync(join(root, path), "utf8");
const linesOf = (text: string): number => text.trimEnd().split("\n").length;

const folders = readdirSync(join(root, "src"), { withFileTypes: true })
  .filter((item) => item.isDirectory())
  .map(({ name }) => name);
const MODULE_PAGES = folders.map((folder) => `src/${folder}/README.md`);
const PAGES = [
  "README.md",
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".md"))
    .map((path) => `docs/${path}`),
  ...MODULE_PAGES.filter((path) => existsSync(join(root, path))),
];

/** Commands of a page: what stands in code, not what is told as planned. */
function codeOf(text: string): string[] {
  const blocks = [...text.matchAll(/```(?:sh|console|bash)\n([\s\S]*?)```/g)].flatMap(([, block = ""]) => block.split("\n"));
  const spans = [...text.replaceAll(/```[\s\S]*?```/g, "").matchAll(/`([^`\n]+)`(?! \(planned)/g)].map(([, span = ""]) => span);
  const indented = [...text.matchAll(/^ {4}(?=npm |npx |rootkeep )(.+)$/gm)].map(([, line = ""]) => line);
  return [...blocks, ...spans, ...indented];
}

/** npm's own words; every other `npm <word>` is a mistake of ours. */
const NPM_WORDS = ["ci", "test", "start", "install"];

describe("the pages that people read first", () => {
  it("README.md is short enough to be read", () => {
    assert.ok(linesOf(read("README.md")) <= README_LINES_MAX);
  });

  it("every module has a page of its own, which is short, and is named in the README", () => {
    for (const [index, path] of MODULE_PAGES.entries()) {
      assert.ok(existsSync(join(root, path)), path);
      assert.ok(linesOf(read(path)) <= MODULE_LINES_MAX, path);
      assert.ok(read("README.md").includes(`\`${folders[index] ?? ""}\``), path);
    }
  });

  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  for (const page of PAGES) {
    it(`${page} names npm scripts that exist`, () => {
      for (const line of codeOf(read(page))) {
        for (const [, script = ""] of line.matchAll(/\bnpm run (?:--silent )?([\w:-]+)/g))
          assert.ok(script in scripts, `npm run ${script}`);
        for (const [, word = ""] of line.matchAll(/\bnpm (?!run\b)([a-z]+)/g)) assert.ok(NPM_WORDS.includes(word), `npm ${word}`);
      }
    });

    it(`${page} names commands of rootkeep that exist`, () => {
      for (const line of codeOf(read(page))) {
        const call = /(?:^|\s|\$ )rootkeep ((?:[a-z][a-z-]* ?)+)/.exec(line)?.[1]?.trim().split(" ");
        if (call === undefined) continue;
        const isKnown = call[0] === "help" || COMMANDS.some(({ words }) => words.every((word, index) => call[index] === word));
        const isGroup = call.length === 1 && COMMANDS.some(({ words }) => words[0] === call[0]);
        assert.ok(isKnown || isGroup, `rootkeep ${call.join(" ")}`);
      }
    });

    it(`${page} links to files that exist`, () => {
      for (const [, target = ""] of read(page).matchAll(/\]\((?!https?:|#|mailto:)([^)#]+)(?:#[^)]*)?\)/g)) {
        assert.ok(existsSync(join(root, dirname(page), target)), target);
      }
    });

    it(`${page} names files of the tree that exist`, () => {
      for (const [, path = ""] of read(page).matchAll(/`((?:src|test|docs|migrations)\/[A-Za-z0-9_./-]+\.[a-z]+)`(?! \(planned)/g)) {
        assert.ok(existsSync(join(root, path)), path);
      }
    });

    it(`${page} holds no path of somebody's machine`, () => {
      assert.doesNotMatch(read(page), /(?:^|[\s`"(])\/(?:home|root|work|Users|tmp)\//m);
    });
  }

  it("the README's operations exist", () => {
    for (const [, name = ""] of read("README.md").matchAll(/`((?:secret|request|grant|config|audit)\.[a-z]+)`/g)) {
      assert.ok((OPERATION_NAMES as readonly string[]).includes(name), name);
    }
  });
});
