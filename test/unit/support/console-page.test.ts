import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PageNames, readConsolePage } from "../../support/console-page.js";

const page = (...lines: string[]): string =>
  ["# A page", "", "`REQUEST` and `WORD` stand for something; see `rootkeep code`.", "```console", ...lines, "```"].join("\n");
const REQUEST = "req_0123456789abcdefghjkmnpqrs";

describe("a page whose commands are run", () => {
  it("is read as who types what, and what it shows", () => {
    const { steps, names, mentioned } = readConsolePage(
      page('you$ rootkeep request submit --reason "two words"', "asked: REQUEST", "", "ben$ rootkeep coverage  # exit status 1", "few"),
    );
    assert.deepEqual(steps, [
      { line: 5, who: "you", words: ["rootkeep", "request", "submit", "--reason", "two words"], shown: ["asked: REQUEST", ""], status: 0 },
      { line: 8, who: "ben", words: ["rootkeep", "coverage"], shown: ["few"], status: 1 },
    ]);
    assert.deepEqual([...names], ["REQUEST", "WORD"]);
    assert.deepEqual(mentioned, ["rootkeep code"]);
    assert.equal(readConsolePage(page("you$ rootkeep code", "refused: X (409) no")).steps[0]?.status, 2);
  });

  it("runs nothing but rootkeep, and has no block that is not run", () => {
    for (const lines of [["you$ rm -rf export"], ["something shown"], ["$ rootkeep code"]])
      assert.throws(() => readConsolePage(page(...lines)));
    assert.throws(() => readConsolePage("```sh\nnpx rootkeep code\n```\n"));
  });

  it("takes values for its names, and fills them into what is typed next", () => {
    const names = new PageNames(new Set(["REQUEST", "WORD"]));
    assert.throws(() => names.filled(["show", "REQUEST"]), /nothing has shown REQUEST/);
    names.take(["asked: REQUEST; then: show REQUEST", "by  WORD"], `asked: ${REQUEST}; then: show ${REQUEST}\nby      ada\n`);
    assert.deepEqual(names.filled(["show", "REQUEST", "x=WORD", "OPS-7"]), ["show", REQUEST, "x=ada", "OPS-7"]);
  });

  it("is not what came when a line differs, is missing, is too much, or an id is of another kind", () => {
    const names = new PageNames(new Set(["REQUEST", "WORD"]));
    const differs = (shown: readonly string[], text: string): void => assert.throws(() => names.take(shown, text), /the page shows/);
    differs(["withdrawn"], "denied\n");
    differs(["one", "two"], "one\n");
    differs(["one"], "one\ntwo\n");
    differs([], "one\n");
    differs(["asked: REQUEST"], "asked: grt_0123456789abcdefghjkmnpqrs\n");
    differs(["WORD and WORD"], "one and two\n");
    differs(["a.c"], "abc\n");
    names.take(["one", "…", "four …"], "one\ntwo\nthree\nfour times\n");
    names.take(["…", "four"], "four\n");
    names.take([], "");
  });
});
