import type { HealthRegistry } from "../telemetry/health.js";
import type { Log } from "../telemetry/log.service.js";
import type { Metrics } from "../telemetry/metrics.js";
import type { AllowlistAlarms } from "./allowlist-alarms.port.js";
import { ENTRY_STANDINGS } from "./lapse.js";
import { REMINDER_DAYS } from "./reminder.js";

/** Turns what is to be heard of the allowlist into log events, gauges and the alerts of the health probe. */
export function allowlistAlarms(log: Log, metrics: Metrics, health: HealthRegistry): AllowlistAlarms {
  const raised = { due: false, lapsed: false, kept: false };
  health.watch("allowlist-due", () => raised.due);
  health.watch("allowlist-lapsed", () => raised.lapsed);
  health.watch("custodians-kept", () => raised.kept);
  return {
    due(entries, days) {
      log.event("allowlist.due", { entries, days });
    },
    lapsed({ id, personId, role }) {
      log.event("allowlist.lapsed", { entry: id, person: personId, role });
    },
    custodiansKept(custodians) {
      raised.kept = custodians > 0;
      // The event pages; that nobody is kept any more wakes nobody.
      if (raised.kept) log.event("allowlist.custodians_kept", { custodians });
    },
    counted(standings, due) {
      for (const standing of ENTRY_STANDINGS) {
        if (standing !== "ended") metrics.set("rootkeep_allowlist_entries", { standing }, standings.get(standing) ?? 0);
      }
      for (const days of REMINDER_DAYS) metrics.set("rootkeep_allowlist_due_entries", { days: String(days) }, due.get(days) ?? 0);
      raised.due = [...due.values()].some((count) => count > 0);
      raised.lapsed = (standings.get("lapsed") ?? 0) > 0;
    },
  };
}
