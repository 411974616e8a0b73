import { type FindOptionsWhere, In } from "typeorm";
import type { EntryDraft } from "../audit/entry.js";
import type { Transactions } from "../audit/transactions.service.js";
import type { Drafted } from "../database/transaction-runner.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { isRootkeepError } from "../kernel/errors.js";
import type { Certification, Cut } from "../people/certification.service.js";
import { type OpenKind, openKind, ROWS_AT_ONCE } from "../people/open-kind.service.js";
import { ACCESS_KINDS } from "../people/void-access.service.js";
import { AccessGrant } from "./access-grant.entity.js";
import { revokeGrants } from "./end-grant.service.js";
import { endRequest } from "./end-request.service.js";
import { Request } from "./request.entity.js";

/**
 * What an ended epoch of the log has left open: grants, requests, invitations and sessions of people of whom the lost part may have told
 * that they are no longer (design §7); and what custodians have left open who were recovered from (decision 0028). All of it ends before anybody is
 * answered. There is no mark that it was done: every start looks for rows whose newest entry is older than the cut, so that nobody can say in
 * its place that there are none. A row that somebody has edited counts for nothing as it is: it is told of, left, and keeps nothing else from
 * ending nor the service from starting.
 */
export class EndedEpoch {
  constructor(
    private readonly transactions: Transactions,
    private readonly certification: Pick<Certification, "cut">,
  ) {}

  /** Ends it all. @returns how many entries tell of it. */
  async voidOpen(): Promise<number> {
    // Read on to the end: what was recovered a moment ago, while this process was starting, counts as well.
    await this.transactions.peek(() => Promise.resolve());
    const { cut } = this.certification;
    if (cut === null) return 0;
    let total = 0;
    for (const kind of KINDS) total += await this.#endAll(kind, cut);
    return total;
  }

  async #endAll(kind: OpenKind, cut: Cut): Promise<number> {
    let total = 0;
    for (let after = ""; ; ) {
      const from = after;
      const rows = await this.transactions.peek((tx) => kind.find(tx, cut, from));
      const genuine = rows.filter(({ isGenuine }) => isGenuine).map(({ id }) => id);
      if (genuine.length > 0) total += await this.#end(kind, cut, genuine);
      // Read as a decision would read them, each on its own: what is wrong with a row is written down and told of there.
      for (const { id, isGenuine } of rows) if (!isGenuine) total += await this.#end(kind, cut, [id]);
      if (rows.length < ROWS_AT_ONCE) return total;
      after = rows.at(-1)?.id ?? after;
    }
  }

  async #end(kind: OpenKind, cut: Cut, ids: readonly string[]): Promise<number> {
    try {
      const { result } = await this.transactions.run(async (tx) => {
        const entries = await kind.end(tx, cut, ids);
        return { result: entries.length, entries };
      });
      return result;
    } catch (error) {
      if (!isRootkeepError(error, "ROW_REFUSED")) throw error;
    }
    if (ids.length === 1) return 0;
    let total = 0;
    for (const id of ids) total += await this.#end(kind, cut, [id]);
    return total;
  }
}

const KINDS: readonly OpenKind[] = [
  openKind(
    AccessGrant,
    () => ({ state: "OPEN" }),
    (tx, _cut, where) => revokeGrants(tx, where),
  ),
  openKind(Request, () => ({ state: In(["SUBMITTED", "APPROVED", "OPENED"]) }), endRequests),
  ...ACCESS_KINDS,
];

async function endRequests(tx: WorkTransaction, cut: Cut, where: FindOptionsWhere<Request>): Promise<Drafted<EntryDraft>[]> {
  const entries: Drafted<EntryDraft>[] = [];
  for (const row of await tx.readAll(Request, where, "lock")) entries.push(await endRequest(tx, row, { ...cut }));
  return entries;
}
