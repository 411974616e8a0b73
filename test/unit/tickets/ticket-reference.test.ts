import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { compileTicketPattern, parseTicketReference, TICKET_RULES, ticketRule } from "../../../src/tickets/ticket-reference.js";

const PATTERN = compileTicketPattern("[A-Z][A-Z0-9]{1,9}-[1-9][0-9]{0,9}");

describe("a ticket reference", () => {
  it("matches the pattern as a whole and comes back as it was typed", () => {
    for (const good of ["OPS-1", "A1-1234567890"]) assert.equal(parseTicketReference(PATTERN, good), good);
    for (const bad of ["ops-1", "OPS-0", "OPS-1 ", " OPS-1", "xOPS-1", "OPS-1x", "OPS", "ОPS-1"]) {
      assert.equal(ticketRule(PATTERN, bad), TICKET_RULES.pattern, bad);
    }
  });

  it("is anchored also where the pattern has alternatives", () => {
    const pattern = compileTicketPattern("INC[0-9]{7}|CHG[0-9]{7}");
    assert.equal(ticketRule(pattern, "CHG0000001"), null);
    assert.equal(ticketRule(pattern, "INC0000001x"), TICKET_RULES.pattern);
    assert.equal(ticketRule(pattern, "xCHG0000001"), TICKET_RULES.pattern);
  });

  it("has 1 to 64 characters and hides none, whatever the pattern allows", () => {
    const anything = compileTicketPattern("[^x]*");
    assert.equal(ticketRule(anything, ""), TICKET_RULES.length);
    assert.equal(ticketRule(anything, "a".repeat(64)), null);
    assert.equal(ticketRule(anything, "a".repeat(65)), TICKET_RULES.length);
    for (const hidden of ["a\nb", "a\u0000", "a\u0085", "a\u200b", "a\u202eb", "a\u2028", "\ud800"]) {
      assert.equal(ticketRule(anything, hidden), TICKET_RULES.characters);
    }
    assert.equal(ticketRule(PATTERN, "OPS-1\n"), TICKET_RULES.characters);
  });

  it("is not repeated in the error that refuses it", () => {
    assert.throws(
      () => parseTicketReference(PATTERN, "CaNaRy"),
      (error) =>
        isRootkeepError(error, "TICKET_INVALID") &&
        !JSON.stringify(error).includes("CaNaRy") &&
        error.fields[0]?.rule === TICKET_RULES.pattern,
    );
  });
});

describe("a ticket pattern", () => {
  it("is refused in a form that can take exponential time", () => {
    for (const slow of ["(a+)+", "(?:a|a)*", "(a*){2,}", "([A-Z]+-)?[0-9]", "(a)\\1", "(?=a)a", "(?<n>a)\\k<n>", "(?<!a)b"]) {
      assert.throws(() => compileTicketPattern(slow), /ticket pattern must not/, slow);
    }
    assert.throws(() => compileTicketPattern("a*a*a*a*a*a*"), /repetitions/);
    assert.throws(() => compileTicketPattern("a|b|c|d|e|f|g|h|i"), /alternatives/);
  });

  it("is refused when it is none, or would leave the anchors", () => {
    for (const bad of ["", "a".repeat(201), "[", "a)|(?:b", "(", "\\"])
      assert.throws(() => compileTicketPattern(bad), /ticket pattern/, bad);
  });

  it("may hold these signs as literals", () => {
    for (const good of ["\\(a\\)\\+", "[)*+?]x", "[\\]()*]", "\\p{Lu}{2}-[0-9]+", "(?:INC|CHG)[0-9]{7}"]) compileTicketPattern(good);
  });
});
