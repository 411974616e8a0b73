import type { ExportCheck, Report } from "../../../src/verify/report.js";

/** Failed checks, each with the entry that it names. */
export type Findings = Readonly<Partial<Record<ExportCheck, number>>>;

/** Null when the report says that the log was tampered with, and each of `findings` stands in it; otherwise what it says instead. */
export function unnamed(report: Report, findings: Findings): string | null {
  const failed = report.checks.filter(({ status }) => status === "failed");
  const said = `exit ${String(report.exitCode)}, ${failed.map(({ check, seq }) => `${check}@${String(seq)}`).join(" ")}`;
  if (report.exitCode !== 1) return said;
  const isFound = Object.entries(findings).every(([check, seq]) => failed.some((found) => found.check === check && found.seq === seq));
  return isFound
    ? null
    : `${said}; not ${Object.entries(findings)
        .map(([check, seq]) => `${check}@${String(seq)}`)
        .join(" ")}`;
}

/** Null when the report finds nothing; otherwise what it found. */
export function passed(report: Report): string | null {
  return report.exitCode === 0 ? null : `was found: ${unnamed(report, { manifest: -1 }) ?? ""}`;
}

/** Null when the report says that not everything could be checked. */
export function incomplete(report: Report): string | null {
  return report.exitCode === 2 ? null : `exit ${String(report.exitCode)}`;
}
