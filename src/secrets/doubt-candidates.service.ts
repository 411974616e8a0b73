import type { DataSource } from "typeorm";
import { draftEntry, SYSTEM_ACTOR } from "../audit/draft.js";
import type { Transactions } from "../audit/transactions.service.js";
import type { Id } from "../kernel/ids.js";
import type { ReopeningsOfLog } from "./exposure.js";
import { doubt, lockCandidate } from "./show-candidate.service.js";

const LOOKED_AT_ONCE = 100;

/** Writes down of candidates what time has decided already: that nobody holds the grant any more under which one was shown. */
export class DoubtCandidates {
  constructor(
    private readonly dataSource: DataSource,
    private readonly transactions: Transactions,
    private readonly log: ReopeningsOfLog,
  ) {}

  /** @returns how many are in doubt now that were not. */
  async sweep(): Promise<number> {
    let count = 0;
    for (let after = ""; ; ) {
      const rows: { id: Id<"version"> }[] = await this.dataSource.query(
        "SELECT id FROM secrets.secret_version WHERE state = 'APPLYING' AND id > $1 ORDER BY id LIMIT $2",
        [after, LOOKED_AT_ONCE],
      );
      for (const { id } of rows) if (await this.#look(id)) count += 1;
      const last = rows.at(-1);
      if (last === undefined || rows.length < LOOKED_AT_ONCE) return count;
      after = last.id;
    }
  }

  async #look(versionId: Id<"version">): Promise<boolean> {
    const { result } = await this.transactions.run(async (tx) => {
      const found = await lockCandidate(tx, versionId, this.log, await tx.clock());
      if (found?.version.state !== "APPLYING" || found.state !== "AMBIGUOUS") return { result: false, entries: [] };
      await doubt(tx, found.version);
      const draft = draftEntry({
        action: "candidate.doubted",
        outcome: "committed",
        actor: SYSTEM_ACTOR,
        target: { type: "secret-version", id: versionId },
        stream: found.account.id,
      });
      return { result: true, entries: [{ draft }] };
    });
    return result;
  }
}
