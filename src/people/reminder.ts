import { plusSeconds } from "../kernel/clock.js";
import type { JudgedAllowlist, JudgedEntry } from "./judged-allowlist.service.js";

/** Days before a lapse at which people are reminded, the nearest first. */
export const REMINDER_DAYS = [1, 7, 14] as const;
export type ReminderDays = (typeof REMINDER_DAYS)[number];

/** The nearest of the reminders' days within which an entry lapses; undefined while it is far from it, and for one that is over or kept. */
export function nearestReminder({ standing, due }: JudgedEntry, now: Date): ReminderDays | undefined {
  return standing === "counts" ? REMINDER_DAYS.find((days) => due <= plusSeconds(now, days * 86_400)) : undefined;
}

/** That one entry lapses within some days. */
export interface Reminder {
  /** The same for the same entry, date and days, whoever looks. */
  readonly subject: string;
  readonly days: ReminderDays;
  /** True: its last day comes, and only a new grant helps. False: a certificate does. */
  readonly isEnding: boolean;
  readonly judged: JudgedEntry;
}

/**
 * What custodians are to be reminded of now. Not of who is suspended, since whoever restores them looks then, nor as early as somebody has vouched
 * for the entry: who is let in for a day is no news to those who have just decided it.
 */
export function remindersOf({ now, entries }: JudgedAllowlist): Reminder[] {
  return entries.flatMap((judged): Reminder[] => {
    const { entry, person, due, vouched } = judged;
    const days = nearestReminder(judged, now);
    if (days === undefined || person.state === "SUSPENDED" || due <= plusSeconds(vouched, days * 86_400)) return [];
    const subject = `allowlist.due ${entry.id} ${due.toISOString()} ${String(days)}`;
    return [{ subject, days, isEnding: due.getTime() === entry.validTo.getTime(), judged }];
  });
}
