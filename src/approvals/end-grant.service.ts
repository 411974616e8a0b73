import type { FindOptionsWhere } from "typeorm";
import { type AccountRow, lockAccount, setCheckOut } from "../accounts/account-registry.service.js";
import { draftEntry, SYSTEM_ACTOR } from "../audit/draft.js";
import type { EntryDraft } from "../audit/entry.js";
import type { Drafted } from "../database/transaction-runner.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import type { Id } from "../kernel/ids.js";
import { AccessGrant, type AccessGrantState } from "./access-grant.entity.js";
import { holdersOfGrant } from "./granted-version.js";
import { Request, type RequestState } from "./request.entity.js";
import { shownRequest } from "./request-body.js";
import { endedChange, tellTicket } from "./request-tickets.service.js";

type SettledRow = AccessGrant | Request | AccountRow;

/** Ends a grant: the account is free again, the request moves on, its ticket is told. @param draft the entry that tells of it. */
export async function settle(tx: WorkTransaction, grant: AccessGrant, state: AccessGrantState, draft: EntryDraft): Promise<SettledRow[]> {
  tx.change(AccessGrant, grant, { state });
  const rows: SettledRow[] = [grant];
  const request = await tx.lock(Request, grant.requestId);
  if (request !== null) {
    tx.change(Request, request, { state: endOf(request.state, state) });
    rows.push(request);
    await tellTicket(tx, shownRequest(request.body, request.hash), endedChange(request.state, grant.id, draft));
  }
  const account = await lockAccount(tx, grant.accountId);
  if (account?.checkoutGrantId === grant.id) {
    setCheckOut(tx, account, null);
    rows.push(account);
  }
  return rows;
}

function endOf(request: RequestState, grant: AccessGrantState): RequestState {
  if (grant === "REVOKED") return "REVOKED";
  if (grant === "RETURNED") return "RETURNED";
  return request === "OPENED" ? "RETURNED" : "EXPIRED";
}

/** Ends a grant whose time is over (automatic return). @returns the entry that tells of it. */
export async function expireGrant(tx: WorkTransaction, grant: AccessGrant): Promise<Drafted<EntryDraft>> {
  const draft = draftEntry({
    action: "grant.expired",
    outcome: "committed",
    actor: SYSTEM_ACTOR,
    target: { type: "grant", id: grant.id },
    stream: grant.accountId,
  });
  return { draft, rows: await settle(tx, grant, "EXPIRED", draft) };
}

/** Open grants under which `personId` opens something. The search finds candidates only; each is read as a deciding row. */
async function openGrantsOf(tx: WorkTransaction, personId: Id<"person">): Promise<AccessGrant[]> {
  const found: { id: Id<"grant"> }[] = await tx.manager.query(
    "SELECT id FROM approvals.access_grant WHERE state = 'OPEN' AND (holder_id = $1 OR strpos(versions, $1) > 0) ORDER BY id",
    [personId],
  );
  const grants: AccessGrant[] = [];
  for (const { id } of found) {
    const grant = await tx.lock(AccessGrant, id);
    if (grant?.state === "OPEN" && holdersOfGrant(grant).includes(personId)) grants.push(grant);
  }
  return grants;
}

/** Ends every grant that `holderId` still holds: of a leaver, and of a reset, which ends what was granted before it. @returns the entries that tell of it. */
export async function revokeGrantsOf(tx: WorkTransaction, holderId: Id<"person">): Promise<Drafted<EntryDraft>[]> {
  return await revokeEach(tx, await openGrantsOf(tx, holderId));
}

/** Ends the open grants that match; the system does it. @returns the entries that tell of it, one for each. */
export async function revokeGrants(tx: WorkTransaction, where: FindOptionsWhere<AccessGrant>): Promise<Drafted<EntryDraft>[]> {
  return await revokeEach(tx, await tx.readAll(AccessGrant, { ...where, state: "OPEN" }, "lock"));
}

async function revokeEach(tx: WorkTransaction, grants: readonly AccessGrant[]): Promise<Drafted<EntryDraft>[]> {
  const entries: Drafted<EntryDraft>[] = [];
  for (const grant of grants) {
    const draft = draftEntry({
      action: "grant.revoke",
      outcome: "committed",
      actor: SYSTEM_ACTOR,
      target: { type: "grant", id: grant.id },
      stream: grant.accountId,
    });
    entries.push({ draft, rows: await settle(tx, grant, "REVOKED", draft) });
  }
  return entries;
}
