import { draftEntry, personActor } from "../audit/draft.js";
import type { Transactions } from "../audit/transactions.service.js";
import { RootkeepError } from "../kernel/errors.js";
import type { Id } from "../kernel/ids.js";
import { type ActingPerson, actingStanding } from "../people/acting-person.service.js";
import { appliersOf } from "./candidate.js";
import type { ReopeningsOfLog } from "./exposure.js";
import { type CandidateReport, SecretVersion, type VersionState } from "./secret-version.entity.js";
import { doubt, lockCandidate } from "./show-candidate.service.js";

/** Whoever was shown a candidate in order to set it says whether they have. */
export class ReportCandidate {
  constructor(
    private readonly transactions: Transactions,
    private readonly log: ReopeningsOfLog,
  ) {}

  /**
   * Notes the report. It proves nothing, whatever it says: from now on nobody knows which value works, until somebody else settles it. A later
   * report replaces an earlier one.
   * @throws RootkeepError `NOT_FOUND` for anybody who was not shown it; `STATE_CONFLICT` once it is settled.
   */
  async report(acting: ActingPerson, versionId: Id<"version">, report: CandidateReport): Promise<{ state: VersionState; seq: number }> {
    const { result, receipts } = await this.transactions.run(async (tx) => {
      const now = await tx.clock();
      await actingStanding(tx, acting, now);
      const found = await lockCandidate(tx, versionId, this.log, now);
      // Who was shown what is nobody else's business.
      if (found === null || !appliersOf(found.version).includes(acting.personId)) throw new RootkeepError("NOT_FOUND");
      const { version, account, state } = found;
      if (state !== "APPLYING" && state !== "AMBIGUOUS") throw new RootkeepError("STATE_CONFLICT", { facts: { state } });
      if (version.state !== "AMBIGUOUS") await doubt(tx, version);
      tx.change(SecretVersion, version, { report });
      const draft = draftEntry({
        action: "candidate.report",
        outcome: "committed",
        actor: personActor(acting.personId),
        target: { type: "secret-version", id: version.id },
        details: { report },
        stream: account.id,
      });
      return { result: version.state, entries: [{ draft }] };
    });
    return { state: result, seq: receipts[0]?.facts.seq ?? -1 };
  }
}
