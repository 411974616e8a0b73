import type { AllowlistEntry } from "./allowlist-entry.entity.js";
import type { EntryStanding } from "./lapse.js";
import type { ReminderDays } from "./reminder.js";

/** What operators must hear of the allowlist, as log events and metrics. What custodians are told is in `AllowlistReminders`. */
export interface AllowlistAlarms {
  /** So many entries have come within `days` of their lapse since they were last reminded of. */
  due(entries: number, days: ReminderDays): void;
  /** The lapse of an entry has just been written into the log. */
  lapsed(entry: AllowlistEntry): void;
  /** So many custodians stand although their entries have lapsed or run out; said when it changes. */
  custodiansKept(custodians: number): void;
  /** How many entries have each standing, and how many lapse within each of the reminders' days; after every look. */
  counted(standings: ReadonlyMap<EntryStanding, number>, due: ReadonlyMap<ReminderDays, number>): void;
}
