import type { JsonObject } from "../audit/canonical-json.js";
import { draftEntry, SYSTEM_ACTOR } from "../audit/draft.js";
import type { EntryDraft } from "../audit/entry.js";
import type { Drafted } from "../database/transaction-runner.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { Request } from "./request.entity.js";
import { parseRequest } from "./request-body.js";
import { decidedChange, tellTicket } from "./request-tickets.service.js";

/** Ends a request that is locked, because of something else than time or a decision; its ticket is told. @returns the entry that tells of it. */
export async function endRequest(tx: WorkTransaction, row: Request, details: JsonObject): Promise<Drafted<EntryDraft>> {
  tx.change(Request, row, { state: "EXPIRED" });
  const draft = draftEntry({
    action: "request.expired",
    outcome: "committed",
    actor: SYSTEM_ACTOR,
    target: { type: "request", id: row.id },
    details,
    ...(row.accountId === null ? {} : { stream: row.accountId }),
  });
  await tellTicket(tx, parseRequest(row.body, row.hash), decidedChange("request.expired", "EXPIRED", draft));
  return { draft, rows: [row] };
}
