// Counts attacks. `npm run attacks` names a file to which every test file adds its counts; a plain test run only asserts.
import assert from "node:assert/strict";
import { appendFileSync } from "node:fs";

/** Variable that names the file of counts; set by test/attacks/run.ts. It also asks for the full counts. */
export const TALLY_VARIABLE = "ROOTKEEP_TEST_ATTACKS";

/** True under `npm run attacks`: every attack in all its variants. */
export const isFullRun = (process.env[TALLY_VARIABLE] ?? "") !== "";

/** Attacks of one test and those that got through. */
export class AttackTally {
  tried = 0;
  readonly violations: string[] = [];

  /** @param label the attack's number in a matrix: `T1` to `T25`, `F1` to `F91`. */
  constructor(private readonly label?: string) {}

  /** Notes one attack; `fault` says how it got through, null that it did not. */
  note(attack: string, fault: string | null): void {
    this.tried++;
    if (fault !== null) this.violations.push(`${attack}: ${fault}`);
  }

  /** Writes the counts where a run collects them, and fails if anything got through, or nothing was tried. */
  assertHeld(): void {
    if (isFullRun) {
      const counted = { tried: this.tried, violations: this.violations.length, ...(this.label === undefined ? {} : { label: this.label }) };
      appendFileSync(process.env[TALLY_VARIABLE] ?? "", `${JSON.stringify(counted)}\n`);
    }
    assert.deepEqual(this.violations, []);
    assert.ok(this.tried > 0, "nothing was tried");
  }
}
