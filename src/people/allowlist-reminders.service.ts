import type { DataSource } from "typeorm";
import { everyone, type Facts, type Notice } from "../notices/notice.js";
import { tellOnce } from "../notices/tell-once.service.js";
import type { JudgedAllowlist } from "./judged-allowlist.service.js";
import { REMINDER_DAYS, type Reminder, remindersOf } from "./reminder.js";

/**
 * Reminds custodians of entries that lapse or end soon: of each entry once for each of the days. Entries of which the same is to be said are
 * told of together: after a certificate a whole company is due at one moment.
 */
export class AllowlistReminders {
  constructor(private readonly dataSource: DataSource) {}

  /** Tells what has not been told yet. @returns of how many entries. */
  async tell(allowlist: JudgedAllowlist): Promise<number> {
    const reminders = remindersOf(allowlist);
    if (reminders.length === 0) return 0;
    const subjects = reminders.map(({ subject }) => subject);
    return await tellOnce(this.dataSource, subjects, (fresh) => noticesOf(reminders.filter(({ subject }) => fresh.has(subject))));
  }
}

function noticesOf(reminders: readonly Reminder[]): Notice[] {
  const groups = REMINDER_DAYS.flatMap((days) =>
    [false, true].map((isEnding) => reminders.filter((one) => one.days === days && one.isEnding === isEnding)),
  );
  return groups.flatMap((alike): Notice[] => {
    const [first] = [...alike].sort((one, other) => one.judged.due.getTime() - other.judged.due.getTime());
    if (first === undefined) return [];
    const { entry, due } = first.judged;
    const facts: Facts = {
      // One is named; of many the report has the list.
      ...(alike.length === 1 ? { entry: entry.id, person: entry.personId } : {}),
      entries: String(alike.length),
      days: String(first.days),
      until: due.toISOString(),
    };
    return [{ topic: first.isEnding ? "allowlist.ending" : "allowlist.due", facts, audience: [everyone("custodian")] }];
  });
}
