import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inspect } from "node:util";
import { ConfigError } from "../../../src/config/config.js";
import { parseConfig } from "../../../src/config/parse-config.js";
import { SECRET_NAMES, VARIABLE_NAMES } from "../../../src/config/reference.js";

const MARK = "cAnArY-7f3a9c51";

function refusal(environment: Readonly<Record<string, string>>, files: Readonly<Record<string, string>> = {}): string {
  try {
    parseConfig(environment, { cwd: "/srv/vault", files });
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return `${error.message}\n${error.stack ?? ""}\n${inspect(error, { depth: 9, showHidden: true })}\n${JSON.stringify(error)}`;
  }
  return "";
}

describe("errors of the configuration", () => {
  // A blank and brackets make the mark break the rule of every kind of variable.
  for (const name of VARIABLE_NAMES)
    it(`never repeat what stood in ${name}`, () => {
      const text = refusal({ [name]: `(${MARK} \u0007`, ROOTKEEP_NOT_KNOWN: MARK });
      assert.match(text, new RegExp(name));
      assert.ok(!text.includes(MARK));
    });

  for (const name of SECRET_NAMES)
    it(`never repeat the path or the content of ${name}_FILE`, () => {
      const file = `${name}_FILE`;
      const text = refusal({ [file]: `/run/${MARK}` }, { [file]: `first line\n${MARK}` });
      assert.match(text, new RegExp(name));
      assert.ok(!text.includes(MARK));
      assert.ok(!refusal({ [file]: `/run/${MARK}` }).includes(MARK));
    });

  it("never repeat a variable's name that is more than a name", () => {
    const text = refusal({ [`ROOTKEEP_DATABASE_URL:${MARK}`]: "x" });
    assert.match(text, /whose name is no plain name/);
    assert.ok(!text.includes(MARK));
  });
});
