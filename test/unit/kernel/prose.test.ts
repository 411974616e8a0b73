import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { checkProse } from "../../../src/kernel/prose.js";

describe("a person's text in a request [RQ-6]", () => {
  const taken: Readonly<Record<string, string>> = {
    "a sentence": "Rotate after the incident of Monday.",
    "line breaks and tabs": "First line\n\tsecond line",
    "text beyond ASCII": "Zoë löscht den Schlüssel 🔑",
  };
  for (const [name, text] of Object.entries(taken)) {
    it(`may be ${name}`, () => {
      assert.deepEqual(checkProse("reason", text), []);
    });
  }

  const refused: Readonly<Record<string, string>> = {
    "an escape sequence that moves the cursor": "harmless\u001b[2Jtext",
    "an override of the direction of writing": "approve \u202etxet",
    "a character without width": "some\u200btext here",
    "a carriage return that overwrites the line": "real reason\rfalse reason",
    "a lone surrogate": "reason \ud800 here",
    "a NUL": "reason\0here",
    "less than five characters": "abc",
    "blanks only": "          ",
    "more than 2,000 characters": "x".repeat(2_001),
  };
  for (const [name, text] of Object.entries(refused)) {
    it(`may not be ${name}`, () => {
      const errors = checkProse("reason", text);
      assert.equal(errors.length, 1);
      assert.equal(errors[0]?.field, "reason");
      assert.ok(!errors[0].rule.includes(text));
    });
  }

  it("may be empty where none is asked for", () => {
    assert.deepEqual(checkProse("reason", "", 0), []);
  });
});
