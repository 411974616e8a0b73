import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LOG_ACTIONS } from "../../../src/audit/actions.js";
import { UnsignedTail } from "../../../src/audit/unsigned-tail.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { LIMITS } from "../../../src/kernel/limits.js";
import { OPERATION_NAMES } from "../../../src/kernel/operations.js";

const unavailable = (error: unknown): boolean => isRootkeepError(error, "AUDIT_UNAVAILABLE");
const ROWS = ["person/per_1"];

describe("what is refused while nobody signs the log", () => {
  function tail(): { unsigned: UnsignedTail; clock: { ms: number } } {
    const clock = { ms: 1_000_000 };
    return { unsigned: new UnsignedTail(() => clock.ms), clock };
  }

  it("is nothing while each entry is covered in time, however busy the log is", () => {
    const { unsigned, clock } = tail();
    for (let size = 10; size < 10_000; size += 7) {
      unsigned.note(size + 900, size, 700);
      clock.ms += 1_000;
      assert.equal(unsigned.stage, "none");
    }
    assert.equal(unsigned.entries > 0, true);
  });

  it("is openings first, and then what gives something", () => {
    const { unsigned, clock } = tail();
    unsigned.note(10, 10, 0);
    clock.ms += 10 * LIMITS.unsignedDecisionMs;
    assert.equal(unsigned.stage, "none");
    unsigned.note(11, 10, 0);
    clock.ms += LIMITS.unsignedOpeningMs;
    unsigned.assertMayOpen();
    clock.ms += 1;
    assert.throws(() => unsigned.assertMayOpen(), unavailable);
    unsigned.assertMayAppend([{ action: "request.approve", rows: ROWS }]);
    clock.ms += LIMITS.unsignedDecisionMs - LIMITS.unsignedOpeningMs;
    assert.equal(unsigned.stage, "decisions");
    assert.throws(() => unsigned.assertMayAppend([{ action: "request.approve", rows: ROWS }]), unavailable);
    unsigned.note(12, 12, 0);
    unsigned.assertMayOpen();
    unsigned.assertMayAppend([{ action: "request.approve", rows: ROWS }]);
  });

  it("is known at once to a process that has just started, by the age of the first entry that waits", () => {
    const { unsigned } = tail();
    unsigned.note(500, 5, LIMITS.unsignedDecisionMs + 1);
    assert.equal(unsigned.stage, "decisions");
  });

  it("goes on being refused while the guard cannot be asked, or a clock was put back", () => {
    const { unsigned, clock } = tail();
    unsigned.note(10, 10, 0);
    unsigned.noteUnseen(11);
    clock.ms += LIMITS.unsignedOpeningMs + 1;
    unsigned.noteUnseen(11);
    assert.equal(unsigned.stage, "openings");
    unsigned.note(11, 10, -3_600_000);
    assert.equal(unsigned.stage, "openings");
    unsigned.note(30, 20, 10);
    assert.equal(unsigned.stage, "none");
  });

  it("never is what takes away, nor an entry that changes no row; one act that gives holds up those beside it", () => {
    const { unsigned } = tail();
    unsigned.note(500, 5, LIMITS.unsignedDecisionMs + 1);
    const goesOn = [...OPERATION_NAMES, ...LOG_ACTIONS].filter((action) => {
      try {
        unsigned.assertMayAppend([{ action, rows: ROWS }]);
        return true;
      } catch {
        return false;
      }
    });
    assert.deepEqual(goesOn.toSorted(), [
      "allowlist.lapsed",
      "allowlist.revoke",
      "authenticator.locked",
      "grant.expired",
      "grant.return",
      "grant.revoke",
      "grant.revoked",
      "key.disabled",
      "log.voided",
      "person.suspend",
      "request.closed",
      "request.deny",
      "request.expired",
      "request.withdraw",
      "secret.burnt",
      "service.sealed",
      "session.create",
      "session.end",
      "session.ended",
      "session.expired",
      "session.logout",
      "session.revoke",
    ]);
    unsigned.assertMayAppend([{ action: "person.enrol" }, { action: "person.suspend", rows: ROWS }]);
    const mixed = [
      { action: "grant.expired", rows: ROWS },
      { action: "allowlist.grant", rows: ROWS },
    ];
    assert.throws(() => unsigned.assertMayAppend(mixed), unavailable);
  });
});
