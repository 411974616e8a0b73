import type { AuditLog } from "../audit/audit-log.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { AllowlistEntry } from "./allowlist-entry.entity.js";
import { custodianFloor, dueAt, type EntryStanding, isCertified, isOpen, LapseRule, standingAt, vouchedAt } from "./lapse.js";
import { Person } from "./person.entity.js";

/** An entry of the allowlist and what it is worth. */
export interface JudgedEntry {
  readonly entry: AllowlistEntry;
  readonly person: Person;
  readonly standing: EntryStanding;
  /** Until when it counts unless it is certified anew. */
  readonly due: Date;
  /** When somebody last vouched for it. */
  readonly vouched: Date;
  /** Position of the certificate that covers it; null where only its grant vouches for it. */
  readonly certificateSeq: number | null;
}

/** The whole allowlist as it stands at one moment. */
export interface JudgedAllowlist {
  readonly now: Date;
  /** In the order of their ids; ended ones are left out. */
  readonly entries: readonly JudgedEntry[];
}

/** Judges every entry that has not ended, by the same rule as an act that rests on it. Nothing is missing: absence is proven. */
export async function judgeAllowlist(tx: WorkTransaction): Promise<JudgedAllowlist> {
  const [now, rule] = [await tx.clock(), tx.lent(LapseRule)];
  const people = new Map((await tx.readProven(Person)).map((person) => [person.id, person]));
  const entries = (await tx.readProven(AllowlistEntry)).filter(({ endedAt }) => endedAt === null);
  const isActive = ({ personId }: AllowlistEntry): boolean => people.get(personId)?.state === "ACTIVE";
  const custodians = entries.filter((entry) => entry.role === "custodian" && isOpen(entry, now) && isActive(entry));
  const floor = custodianFloor(custodians, rule, now);
  return {
    now,
    entries: entries.map((entry) => {
      const person = people.get(entry.personId);
      if (person === undefined) throw new Error("an entry of the allowlist names nobody");
      return {
        entry,
        person,
        standing: standingAt(entry, rule, now, isActive(entry) ? floor : Number.POSITIVE_INFINITY),
        due: dueAt(entry, rule, now),
        vouched: vouchedAt(entry, rule, now),
        certificateSeq: isCertified(entry, rule, now) ? (rule.newest?.seq ?? null) : null,
      };
    }),
  };
}

/** Who asked for an entry and who approved it, as the log tells. */
export interface Provenance {
  /** Position of the entry of the log that made the row what it is. */
  readonly seq: number;
  /** Null for a founder's. */
  readonly askedBy: string | null;
  readonly approvedBy: string | null;
  readonly isFounding: boolean;
}

/** The row's `seq` stands under its HMAC and names one entry of the log: what another one says of the row is nobody's word. */
export function provenanceOf(log: Pick<AuditLog, "keptAt" | "lastOf">, { seq }: AllowlistEntry): Provenance {
  const entry = log.keptAt(Number(seq));
  const approvedBy = entry?.details["approvedBy"];
  return {
    seq: Number(seq),
    askedBy: entry?.actorId ?? null,
    approvedBy: typeof approvedBy === "string" ? approvedBy : null,
    isFounding: log.lastOf("people.founded")?.seq === Number(seq),
  };
}
