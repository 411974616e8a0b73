import { In, LessThan } from "typeorm";
import { draftEntry, SYSTEM_ACTOR } from "../audit/draft.js";
import type { EntryDraft } from "../audit/entry.js";
import type { Transactions } from "../audit/transactions.service.js";
import type { Drafted } from "../database/transaction-runner.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { type Certification, type Cut, seqOfCut } from "../people/certification.service.js";
import { voidAccess } from "../people/void-access.service.js";
import { revokeGrants } from "./end-grant.service.js";
import { Request } from "./request.entity.js";
import { parseRequest } from "./request-body.js";
import { decidedChange, tellTicket } from "./request-tickets.service.js";

/** Rows that one transaction changes at most. */
const ROWS_AT_ONCE = 50;

/**
 * What an ended epoch of the log has left open: grants, requests, invitations and sessions of people of whom the lost part may have told
 * that they are no longer (design §7); and what custodians have left open who were recovered from (decision 0028). All of it ends before anybody is
 * answered. There is no mark that it was done: every start looks for rows whose newest entry is older than the cut, so that nobody can say in
 * its place that there are none.
 */
export class EndedEpoch {
  constructor(
    private readonly transactions: Transactions,
    private readonly certification: Pick<Certification, "cut">,
  ) {}

  /** Ends it all. @returns how many rows. */
  async voidOpen(): Promise<number> {
    // Read on to the end: what was recovered a moment ago, while this process was starting, counts as well.
    await this.transactions.peek(() => Promise.resolve());
    const { cut } = this.certification;
    if (cut === null) return 0;
    let total = 0;
    for (const step of [endGrants, endRequests, voidAccess]) {
      for (let count = -1; count !== 0; total += count) {
        const { result } = await this.transactions.run(async (tx) => {
          const entries = await step(tx, cut, ROWS_AT_ONCE);
          return { result: entries.length, entries };
        });
        count = result;
      }
    }
    return total;
  }
}

async function endGrants(tx: WorkTransaction, cut: Cut, take: number): Promise<Drafted<EntryDraft>[]> {
  return await revokeGrants(tx, { seq: LessThan(String(seqOfCut(cut))) }, take);
}

async function endRequests(tx: WorkTransaction, cut: Cut, take: number): Promise<Drafted<EntryDraft>[]> {
  const open = In(["SUBMITTED", "APPROVED", "OPENED"]);
  const rows = await tx.readAll(Request, { state: open, seq: LessThan(String(seqOfCut(cut))) }, "lock", take);
  const entries: Drafted<EntryDraft>[] = [];
  for (const row of rows) {
    tx.change(Request, row, { state: "EXPIRED" });
    const draft = draftEntry({
      action: "request.expired",
      outcome: "committed",
      actor: SYSTEM_ACTOR,
      target: { type: "request", id: row.id },
      details: { ...cut },
      ...(row.accountId === null ? {} : { stream: row.accountId }),
    });
    await tellTicket(tx, parseRequest(row.body, row.hash), decidedChange("request.expired", "EXPIRED", draft));
    entries.push({ draft, rows: [row] });
  }
  return entries;
}
