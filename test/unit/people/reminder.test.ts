import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { plusSeconds } from "../../../src/kernel/clock.js";
import type { JudgedEntry } from "../../../src/people/judged-allowlist.service.js";
import { REMINDER_DAYS, remindersOf } from "../../../src/people/reminder.js";

const DAY = 86_400;
const NOW = new Date("2026-03-01T12:00:00.000Z");

interface Dates {
  /** Seconds from now until it lapses. */
  readonly left: number;
  /** Seconds for which somebody has vouched for it, all in all. */
  readonly life?: number;
  readonly isEnding?: boolean;
  readonly standing?: JudgedEntry["standing"];
  readonly state?: string;
}

function judged({ left, life = 92 * DAY, isEnding = false, standing = "counts", state = "ACTIVE" }: Dates): JudgedEntry {
  const due = plusSeconds(NOW, left);
  const entry = { id: "alw_1", personId: "per_1", validTo: isEnding ? due : plusSeconds(due, DAY) };
  return { entry, person: { state }, standing, due, vouched: plusSeconds(due, -life), certificateSeq: null } as unknown as JudgedEntry;
}

const daysOf = (dates: Dates): (number | string)[] =>
  remindersOf({ now: NOW, entries: [judged(dates)] }).map(({ days, isEnding }) => (isEnding ? `ending ${String(days)}` : days));

describe("custodians are reminded of an entry of the allowlist", () => {
  it("within the nearest of the days, from the second on at which it is that near", () => {
    for (const days of REMINDER_DAYS) {
      assert.deepEqual(daysOf({ left: days * DAY }), [days]);
      assert.deepEqual(daysOf({ left: days * DAY + 1 }), days === 14 ? [] : [REMINDER_DAYS[REMINDER_DAYS.indexOf(days) + 1]]);
    }
    assert.deepEqual(daysOf({ left: 1 }), [1]);
  });

  it("apart where its last day comes, which no certificate prolongs", () => {
    assert.deepEqual(daysOf({ left: 7 * DAY, isEnding: true }), ["ending 7"]);
  });

  it("not once it is over, nor while only two are left and it is kept, nor of somebody suspended", () => {
    for (const standing of ["lapsed", "ran-out", "kept", "not-yet", "ended"] as const)
      assert.deepEqual(daysOf({ left: DAY, standing }), []);
    assert.deepEqual(daysOf({ left: DAY, state: "SUSPENDED" }), []);
  });

  it("not as early as somebody has vouched for it: a grant for a week is no news to those who have just decided it", () => {
    assert.deepEqual(daysOf({ left: 7 * DAY, life: 7 * DAY }), []);
    assert.deepEqual(daysOf({ left: DAY, life: 7 * DAY }), [1]);
    assert.deepEqual(daysOf({ left: 7 * DAY, life: 7 * DAY + 1 }), [7]);
    assert.deepEqual(daysOf({ left: 60, life: DAY }), []);
  });

  it("under one name for one entry, date and days, and under another for each other", () => {
    const subjectsOf = (left: number): string[] => remindersOf({ now: NOW, entries: [judged({ left })] }).map(({ subject }) => subject);
    assert.deepEqual(subjectsOf(DAY), subjectsOf(DAY));
    assert.notDeepEqual(subjectsOf(DAY), subjectsOf(DAY - 1));
    assert.match(subjectsOf(DAY)[0] ?? "", /^allowlist\.due alw_1 2026-03-02T12:00:00\.000Z 1$/);
  });
});
