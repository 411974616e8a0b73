import { appendFileSync } from "node:fs";

/** True for the long run, `npm run faults`. */
export const IS_FULL = process.env["ROOTKEEP_FAULTS"] === "full";

/** `small` in a test run, `full` in the long run. */
export function times(small: number, full: number): number {
  return IS_FULL ? full : small;
}

/** What a scenario counted; the long run adds it up. */
export interface Tally {
  /** Bad moments that were tried: kills, cuts, races. */
  readonly tried: number;
  /** Callers who called in them. */
  readonly calls?: number;
  /** Plaintexts that came out. */
  readonly opened?: number;
  /** Whatever else was counted, by name. */
  readonly counts?: Readonly<Record<string, number>>;
}

/** The file into which the long run's test processes write their tallies, one JSON object on each line. */
export const TALLY_VARIABLE = "ROOTKEEP_FAULTS_TALLY";

/** Notes what `scenario` counted, where somebody adds it up. */
export function tally(scenario: string, counts: Tally): void {
  const path = process.env[TALLY_VARIABLE];
  if (path !== undefined) appendFileSync(path, `${JSON.stringify({ scenario, ...counts })}\n`);
}
