import type { Id } from "../kernel/ids.js";
import type { Log } from "../telemetry/log.service.js";
import type { Metrics } from "../telemetry/metrics.js";
import { slug } from "../telemetry/site.js";
import type { AuditAlarms } from "./audit-log.service.js";

/** The log's alarms, as events of the operators' log: those that page are told to custodians too. */
export function operatorAlarms(log: Pick<Log, "event">, metrics: Pick<Metrics, "add">): AuditAlarms {
  return {
    chainBroken: (seq) => {
      log.event("audit.chain_broken", { seq });
    },
    appendFailed: (reason) => {
      metrics.add("rootkeep_audit_append_failures_total", {});
      log.event("audit.append_failed", { code: "AUDIT_UNAVAILABLE", sqlState: slug(reason.replaceAll(" ", "-")) });
    },
    rolledBack: (seq) => {
      log.event("audit.rollback_detected", { seq });
    },
    clockRefused: (reason) => {
      log.event("clock.skew", { reason: slug(reason) });
    },
    rowRefused: (rowKey, reason) => {
      metrics.add("rootkeep_rows_refused_total", {});
      const [table = "", id] = rowKey.split("/");
      log.event("row.refused", { table: slug(table), id: id as Id | undefined, reason: slug(reason) });
    },
  };
}
