import type { BeforeApplicationShutdown, OnApplicationBootstrap } from "@nestjs/common";
import type { AuditLog } from "../audit/audit-log.service.js";
import { draftEntry, SYSTEM_ACTOR } from "../audit/draft.js";
import type { EntryDraft } from "../audit/entry.js";
import type { Transactions } from "../audit/transactions.service.js";
import { encodeFields } from "../kernel/encoding.js";
import { deriveEventId } from "../kernel/ids.js";
import { SteadyTimer } from "../kernel/steady-timer.js";
import type { AllowlistAlarms } from "./allowlist-alarms.port.js";
import type { AllowlistReminders } from "./allowlist-reminders.service.js";
import { type JudgedAllowlist, type JudgedEntry, judgeAllowlist } from "./judged-allowlist.service.js";
import type { EntryStanding } from "./lapse.js";
import { nearestReminder, REMINDER_DAYS, type ReminderDays } from "./reminder.js";

const PERIOD_MS = 60_000;
/** Lapses written in one look; the rest is written in the next ones. Nothing waits for it. */
const WRITTEN_AT_ONCE = 50;

/**
 * Looks at the allowlist again and again: reminds before entries lapse, writes a lapse down, and says when custodians stand only because
 * fewer than two would be left. It decides nothing: a lapse is computed at use, whether or not it was written.
 */
export class AllowlistWatch implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #timer: SteadyTimer;
  /** Of each entry, the lapse that is in the log by what this process has seen. */
  readonly #written = new Map<string, string>();
  /** Of each entry, the due date and the nearest reminder that it was counted in. */
  readonly #reminded = new Map<string, string>();
  #kept = 0;

  constructor(
    private readonly transactions: Transactions,
    private readonly log: AuditLog,
    private readonly alarms: AllowlistAlarms,
    private readonly reminders: Pick<AllowlistReminders, "tell">,
    failed: (error: unknown) => void,
  ) {
    this.#timer = new SteadyTimer(PERIOD_MS, () => this.look(), failed);
  }

  onApplicationBootstrap(): void {
    this.#timer.startNow();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.#timer.stop();
  }

  /** One look. @returns how many lapses this process has written. */
  async look(): Promise<number> {
    // Certificates are known as far as this process has followed the log: it follows first, lest it speak of a lapse that another replica has averted.
    await this.transactions.peek(() => Promise.resolve());
    const judged = await this.transactions.peek(judgeAllowlist);
    this.#count(judged);
    this.#sayKept(judged);
    const written = await this.#writeLapses(judged);
    // Last: what an outbox cannot take holds up no lapse.
    await this.reminders.tell(judged);
    return written;
  }

  #count({ now, entries }: JudgedAllowlist): void {
    const counts = new Map<EntryStanding, number>();
    const due = new Map<ReminderDays, number>();
    const fresh = new Map<ReminderDays, number>();
    for (const judged of entries) {
      const { entry, standing, due: date } = judged;
      counts.set(standing, (counts.get(standing) ?? 0) + 1);
      const days = nearestReminder(judged, now);
      if (days === undefined) continue;
      for (const within of REMINDER_DAYS.filter((count) => count >= days)) due.set(within, (due.get(within) ?? 0) + 1);
      const told = `${date.toISOString()} ${String(days)}`;
      if (this.#reminded.get(entry.id) !== told) fresh.set(days, (fresh.get(days) ?? 0) + 1);
      this.#reminded.set(entry.id, told);
    }
    this.alarms.counted(counts, due);
    for (const [days, count] of fresh) this.alarms.due(count, days);
  }

  #sayKept({ entries }: JudgedAllowlist): void {
    const byPerson = new Map<string, boolean>();
    for (const { entry, standing } of entries) {
      if (standing === "kept") byPerson.set(entry.personId, byPerson.get(entry.personId) ?? true);
      // Who has a second entry that counts is no reason for an alarm.
      else if (standing === "counts" && entry.role === "custodian") byPerson.set(entry.personId, false);
    }
    const kept = [...byPerson.values()].filter(Boolean).length;
    if (kept !== this.#kept) this.alarms.custodiansKept(kept);
    this.#kept = kept;
  }

  async #writeLapses({ entries }: JudgedAllowlist): Promise<number> {
    const due = entries.filter((one) => isOver(one) && this.#written.get(one.entry.id) !== lapseOf(one)).slice(0, WRITTEN_AT_ONCE);
    let count = 0;
    for (const judged of due) {
      // One lapse has one entry, whichever replica writes it.
      const isOurs = (await this.log.recordOnce(lapseDraft(judged))) !== null;
      this.#written.set(judged.entry.id, lapseOf(judged));
      if (!isOurs) continue;
      count += 1;
      this.alarms.lapsed(judged.entry);
    }
    return count;
  }
}

function isOver({ standing }: JudgedEntry): boolean {
  return standing === "lapsed" || standing === "ran-out";
}

/** What tells one lapse of an entry from its next: a row that nobody touched lapses again after a certificate. */
function lapseOf({ entry, standing, due }: JudgedEntry): string {
  return `${entry.seq} ${standing} ${due.toISOString()}`;
}

function lapseDraft(judged: JudgedEntry): EntryDraft {
  const { entry, standing, due, certificateSeq } = judged;
  return draftEntry({
    id: deriveEventId(encodeFields(["allowlist.lapsed", entry.id, lapseOf(judged)])),
    action: "allowlist.lapsed",
    outcome: "committed",
    actor: SYSTEM_ACTOR,
    target: { type: "allowlist-entry", id: entry.id },
    details: {
      person: entry.personId,
      role: entry.role,
      due: due.toISOString(),
      cause: standing === "ran-out" ? "ran-out" : "uncertified",
      ...(certificateSeq === null ? {} : { certificate: certificateSeq }),
    },
  });
}
