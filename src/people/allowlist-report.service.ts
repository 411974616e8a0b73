import type { AuditLog } from "../audit/audit-log.service.js";
import type { Transactions } from "../audit/transactions.service.js";
import { judgeAllowlist, type Provenance, provenanceOf } from "./judged-allowlist.service.js";
import { type EntryStanding, givesRights, LapseRule } from "./lapse.js";
import { parseScope, type Scope } from "./scope.js";

/** One line of the report; times as RFC 3339. */
export interface ReportedEntry extends Omit<Provenance, "seq"> {
  readonly id: string;
  readonly personId: string;
  readonly personName: string;
  readonly personState: string;
  readonly role: string;
  readonly scope: Scope;
  readonly validFrom: string;
  readonly validTo: string;
  readonly standing: EntryStanding;
  /** It counts or is kept, and the person is active. */
  readonly givesRights: boolean;
  readonly grantedSeq: number;
  readonly certifiedSeq: number | null;
  readonly certifiedAt: string | null;
  readonly dueAt: string;
}

/** Who may do what, over which accounts, since when, on whose word, and until when somebody must vouch for it again. */
export class AllowlistReport {
  constructor(
    private readonly transactions: Transactions,
    private readonly log: AuditLog,
  ) {}

  /** Every entry that has not ended, in the order of their ids. */
  async entries(): Promise<ReportedEntry[]> {
    return await this.transactions.peek(async (tx) => {
      const { entries } = await judgeAllowlist(tx);
      const { newest } = tx.lent(LapseRule);
      return entries.map(({ entry, person, standing, due, certificateSeq }) => {
        const { seq, ...provenance } = provenanceOf(this.log, entry);
        return {
          id: entry.id,
          personId: person.id,
          personName: person.name,
          personState: person.state,
          role: entry.role,
          scope: parseScope(entry.scope),
          validFrom: entry.validFrom.toISOString(),
          validTo: entry.validTo.toISOString(),
          standing,
          givesRights: givesRights(standing) && person.state === "ACTIVE",
          grantedSeq: seq,
          ...provenance,
          certifiedSeq: certificateSeq,
          certifiedAt: certificateSeq === null ? null : (newest?.at.toISOString() ?? null),
          dueAt: due.toISOString(),
        };
      });
    });
  }
}
