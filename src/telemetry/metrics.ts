import { NOTICE_CHANNELS, TICKET_SYSTEMS } from "../config/reference.js";
import { ERRORS } from "../kernel/errors.js";
import { OPERATION_NAMES } from "../kernel/operations.js";

/** One metric: its labels and every value that each may take, so that a caller can never grow the number of series. */
export interface MetricRow {
  readonly type: "counter" | "gauge";
  readonly help: string;
  readonly labels: Readonly<Record<string, readonly string[]>>;
}

const CODES = ["OK", ...Object.keys(ERRORS)];

/** The closed list of metrics. Names follow Prometheus: base units, counters end in `_total`. */
export const METRICS = {
  rootkeep_requests_total: {
    type: "counter",
    help: "Calls answered, by operation and outcome.",
    labels: { operation: OPERATION_NAMES, code: CODES },
  },
  rootkeep_rows_refused_total: { type: "counter", help: "Deciding rows that were not the ones the log knows.", labels: {} },
  rootkeep_audit_append_failures_total: { type: "counter", help: "Appends to the audit log that failed.", labels: {} },
  rootkeep_notices_sent_total: { type: "counter", help: "Notices that a channel has taken.", labels: { channel: NOTICE_CHANNELS } },
  rootkeep_notice_failures_total: { type: "counter", help: "Attempts to send a notice that failed.", labels: { channel: NOTICE_CHANNELS } },
  rootkeep_glass_reviews_overdue: { type: "gauge", help: "Reviews of break-glass that are overdue.", labels: {} },
  rootkeep_notices_waiting: { type: "gauge", help: "Messages that wait to be sent.", labels: {} },
  rootkeep_notices_dead: { type: "gauge", help: "Messages that were given up.", labels: {} },
  rootkeep_ticket_looks_total: {
    type: "counter",
    help: "Looks at tickets before an act, by what they came to.",
    labels: { system: TICKET_SYSTEMS, outcome: ["good", "unknown", "closed", "other-account", "unavailable"] },
  },
  rootkeep_ticket_updates_sent_total: {
    type: "counter",
    help: "Changes of requests that were written to their tickets.",
    labels: { system: TICKET_SYSTEMS },
  },
  rootkeep_ticket_update_failures_total: {
    type: "counter",
    help: "Attempts to write a change to a ticket that failed.",
    labels: { system: TICKET_SYSTEMS },
  },
  rootkeep_ticket_updates_waiting: { type: "gauge", help: "Changes of requests that wait to be written to a ticket.", labels: {} },
  rootkeep_ticket_updates_dead: { type: "gauge", help: "Changes of requests that were given up.", labels: {} },
  rootkeep_allowlist_entries: {
    type: "gauge",
    help: "Entries of the allowlist that have not ended, by what they are worth.",
    labels: { standing: ["counts", "kept", "lapsed", "ran-out", "not-yet"] },
  },
  rootkeep_allowlist_due_entries: {
    type: "gauge",
    help: "Entries of the allowlist that lapse within so many days unless they are certified.",
    labels: { days: ["1", "7", "14"] },
  },
  rootkeep_accounts_uncovered: { type: "gauge", help: "Accounts with too few people who may ask or approve.", labels: {} },
  rootkeep_data_keys_unescrowed: {
    type: "gauge",
    help: "Data keys that are not wrapped to the configured escrow recipient; all of them where there is none.",
    labels: {},
  },
  rootkeep_versions_uncopied: {
    type: "gauge",
    help: "Sealed versions whose copy is not in the second store, where there is one.",
    labels: {},
  },
  rootkeep_rotations_overdue: { type: "gauge", help: "Working values of accounts whose rotation is overdue.", labels: {} },
  rootkeep_posture_accounts: {
    type: "gauge",
    help: "Accounts by what their newest posture evidence is worth, whatever its age; unknown where there is none.",
    labels: { verdict: ["insecure", "unknown", "secured"] },
  },
  rootkeep_posture_stale_accounts: { type: "gauge", help: "Accounts whose posture evidence is stale, or that have none.", labels: {} },
  rootkeep_posture_due_accounts: { type: "gauge", help: "Accounts whose turn it is to be asked.", labels: {} },
  rootkeep_heartbeat_failures_total: { type: "counter", help: "Heartbeats of the audit log that could not be written.", labels: {} },
} as const satisfies Record<string, MetricRow>;

export type MetricName = keyof typeof METRICS;

/** The labels of `Name`; all of them are given at each use. */
export type LabelsOf<Name extends MetricName> = { readonly [Label in keyof (typeof METRICS)[Name]["labels"]]: string };

/** What a label value outside its list is counted as. */
export const OTHER_LABEL = "other";

/** Counts in memory, rendered in the Prometheus text format 0.0.4. */
export class Metrics {
  readonly #series = new Map<MetricName, Map<string, number>>();

  /** Adds `by` (at least 0) to a counter. */
  add<Name extends MetricName>(name: Name, labels: LabelsOf<Name>, by = 1): void {
    this.#change(name, labels, Math.max(0, by));
  }

  /** Says what a gauge is now. */
  set<Name extends MetricName>(name: Name, labels: LabelsOf<Name>, value: number): void {
    const { series, key } = this.#place(name, labels);
    series.set(key, value);
  }

  /** Everything so far; a metric without labels is rendered from the start, as 0. */
  render(): string {
    const lines: string[] = [];
    for (const name of Object.keys(METRICS) as MetricName[]) {
      const row: MetricRow = METRICS[name];
      lines.push(`# HELP ${name} ${row.help}`, `# TYPE ${name} ${row.type}`);
      const series = this.#series.get(name) ?? new Map<string, number>(Object.keys(row.labels).length === 0 ? [["", 0]] : []);
      for (const [labels, value] of series) lines.push(`${name}${labels} ${String(value)}`);
    }
    return `${lines.join("\n")}\n`;
  }

  #change(name: MetricName, labels: Readonly<Record<string, string>>, by: number): void {
    const { series, key } = this.#place(name, labels);
    series.set(key, (series.get(key) ?? 0) + by);
  }

  #place(name: MetricName, labels: Readonly<Record<string, string>>): { series: Map<string, number>; key: string } {
    const row: MetricRow = METRICS[name];
    const pairs = Object.entries(row.labels).map(([label, values]) => {
      const value = labels[label];
      // Both the bound on the number of series and the reason why nothing needs escaping below.
      return `${label}="${value !== undefined && values.includes(value) ? value : OTHER_LABEL}"`;
    });
    const key = pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
    const series = this.#series.get(name) ?? new Map<string, number>();
    this.#series.set(name, series);
    return { series, key };
  }
}
