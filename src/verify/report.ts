import { CHAIN_CHECKS } from "../audit/chain-verifier.js";

/** Every check of an export, in the order of the report. */
export const EXPORT_CHECKS = [
  "manifest",
  "layout",
  "bundles",
  ...CHAIN_CHECKS,
  "heartbeats",
  "end",
  "leaves",
  "tree",
  "signatures",
  "quorum",
  "consistency",
  "epochs",
  "anchors",
  "disclosures",
  "trust",
] as const;
export type ExportCheck = (typeof EXPORT_CHECKS)[number];

export type CheckStatus = "ok" | "failed" | "skipped" | "not-present";

/** One line of the report. */
export interface CheckResult<Check extends string = ExportCheck> {
  readonly check: Check;
  readonly status: CheckStatus;
  /** Place of the first bad entry that the check found. */
  readonly seq?: number;
  /** How often the check failed. */
  readonly count?: number;
  readonly message: string;
}

/** Bundles in a row that are not there, before the rest is taken for missing, too. */
export const MISSING_MAX = 256;
/** Findings after which somebody who serves a log is not listened to any more. */
export const FINDINGS_MAX = 10_000;

/** Exit status for each verdict (design §10); 3, wrong usage, has no report. */
export const EXIT_CODES = { intact: 0, tampered: 1, incomplete: 2 } as const;
export type Verdict = keyof typeof EXIT_CODES;

/** What the verifier says of an export. */
export interface Report<Check extends string = ExportCheck> {
  readonly verdict: Verdict;
  readonly exitCode: (typeof EXIT_CODES)[Verdict];
  readonly origin: string | null;
  readonly from: number | null;
  readonly to: number | null;
  /** Entries that were read. */
  readonly entries: number;
  /** Place of the first bad entry, if the export was tampered with. */
  readonly firstBadSeq: number | null;
  readonly checks: readonly CheckResult<Check>[];
  /** What this version does not know, with its first place and count; no fault. */
  readonly warnings: readonly string[];
  /** One sentence on what the verdict rests on. */
  readonly statement: string;
}

interface Failure {
  readonly seq: number | undefined;
  readonly message: string;
  readonly isTampering: boolean;
  count: number;
}

/** Collects results while an export is read; keeps the first failure of each check and counts the others, so memory stays flat. */
export class ReportBuilder<Check extends string = ExportCheck> {
  readonly #failures = new Map<Check, Failure>();
  readonly #notes = new Map<Check, { readonly status: CheckStatus; readonly message: string }>();
  readonly #warnings = new Map<string, { readonly place: string; count: number }>();

  /** @param checks every check, in the order of the report. */
  constructor(private readonly checks: readonly Check[]) {}

  /** How often a check failed so far. */
  get findings(): number {
    return [...this.#failures.values()].reduce((sum, { count }) => sum + count, 0);
  }

  /** The export contradicts itself or what its reader knows. */
  tampered(check: Check, message: string, seq?: number): void {
    this.#fail(check, message, seq, true);
  }

  /** Something that is needed to check cannot be read. */
  incomplete(check: Check, message: string): void {
    this.#fail(check, message, undefined, false);
  }

  /** What to say of a check that did not fail. */
  note(check: Check, status: "ok" | "skipped" | "not-present", message: string): void {
    this.#notes.set(check, { status, message });
  }

  /** Notes something that is odd but no fault. `place` is where it was first seen. */
  warn(message: string, place: string): void {
    const known = this.#warnings.get(message);
    if (known === undefined) this.#warnings.set(message, { place, count: 1 });
    else known.count += 1;
  }

  build(facts: Pick<Report, "origin" | "from" | "to" | "entries">, statementIfIntact: string): Report<Check> {
    const failures = [...this.#failures.values()];
    const verdict: Verdict = failures.some(({ isTampering }) => isTampering) ? "tampered" : failures.length > 0 ? "incomplete" : "intact";
    const badSeqs = failures.flatMap(({ isTampering, seq }) => (isTampering && seq !== undefined ? [seq] : []));
    const firstBadSeq = badSeqs.length === 0 ? null : Math.min(...badSeqs);
    return {
      verdict,
      exitCode: EXIT_CODES[verdict],
      ...facts,
      firstBadSeq,
      checks: this.checks.map((check) => this.#result(check)),
      warnings: [...this.#warnings].map(
        ([message, { place, count }]) => `${message} (${place}${count > 1 ? `, ${String(count)} times` : ""})`,
      ),
      statement: verdict === "intact" ? statementIfIntact : FAILED_STATEMENTS[verdict],
    };
  }

  #fail(check: Check, message: string, seq: number | undefined, isTampering: boolean): void {
    const known = this.#failures.get(check);
    // What could not be read must not hide what was found to be false.
    if (known === undefined || (isTampering && !known.isTampering)) {
      this.#failures.set(check, { seq, message, isTampering, count: (known?.count ?? 0) + 1 });
    } else known.count += 1;
  }

  #result(check: Check): CheckResult<Check> {
    const failure = this.#failures.get(check);
    if (failure !== undefined) {
      const { message, seq, count } = failure;
      return { check, status: "failed", message, count, ...(seq === undefined ? {} : { seq }) };
    }
    const note = this.#notes.get(check);
    return note === undefined ? { check, status: "skipped", message: "not reached" } : { check, ...note };
  }
}

const FAILED_STATEMENTS = {
  tampered: "this is not what was logged, or not all of it",
  incomplete: "not everything that is needed to check could be read; nothing is proven",
} as const;

/** The report for a person to read; one check a line. */
export function renderReport(report: Report<string>): string {
  const lines = report.checks.map(({ check, status, message, seq, count }) => {
    const place = seq === undefined ? "" : ` [seq ${String(seq)}]`;
    const more = count !== undefined && count > 1 ? ` (and ${String(count - 1)} more)` : "";
    return `${status.padEnd(11)}  ${check.padEnd(11)}  ${message}${place}${more}`;
  });
  for (const warning of report.warnings) lines.push(`warning                   ${warning}`);
  const range = report.from === null || report.to === null ? "" : `, entries ${String(report.from)} to ${String(report.to - 1)}`;
  lines.push("", `origin    ${report.origin ?? "unknown"}${range}, ${String(report.entries)} read`);
  if (report.firstBadSeq !== null) lines.push(`first bad entry: seq ${String(report.firstBadSeq)}`);
  lines.push(`${report.verdict}: ${report.statement}`, "");
  return lines.join("\n");
}

/** A span of time in words, in minutes, hours or days. */
export function spanOf(milliseconds: number): string {
  const hours = Math.floor(milliseconds / 3_600_000);
  if (hours < 2) return `${String(Math.floor(milliseconds / 60_000))} minutes`;
  return hours < 48 ? `${String(hours)} hours` : `${String(Math.floor(hours / 24))} days`;
}
