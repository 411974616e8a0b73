import { type AccountRow, lockAccount } from "../accounts/account-registry.service.js";
import type { EntryDraft } from "../audit/entry.js";
import type { Drafted } from "../database/transaction-runner.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import type { Id } from "../kernel/ids.js";
import { AccessGrant } from "./access-grant.entity.js";
import { revokeGrants } from "./end-grant.service.js";
import { endRequest } from "./end-request.service.js";
import { Request } from "./request.entity.js";
import { parseRequest } from "./request-body.js";

/**
 * Locks what is open of an account, and then the account: waiting requests, grants, account. In this order, as by everybody who approves, opens or
 * ends one. Null where there is no such account.
 */
export async function lockForMove(tx: WorkTransaction, accountId: Id<"account">): Promise<AccountRow | null> {
  await waiting(tx, accountId);
  for (const grant of await tx.readAll(AccessGrant, { accountId, state: "OPEN" }, "lock")) await tx.lock(Request, grant.requestId);
  return await lockAccount(tx, accountId);
}

/**
 * Ends every request and grant of the account, but those for one of the purposes that go on. What is left would be refused at use all the
 * same; nobody is to wait for it, or to have the account checked out under it.
 * @returns the entries that tell of it.
 */
export async function freezeAccount(
  tx: WorkTransaction,
  accountId: Id<"account">,
  goesOn: readonly string[],
): Promise<Drafted<EntryDraft>[]> {
  const ends = (request: Request): boolean => !goesOn.includes(parseRequest(request.body, request.hash).purpose?.slug ?? "");
  const entries: Drafted<EntryDraft>[] = [];
  for (const request of await waiting(tx, accountId)) if (ends(request)) entries.push(await endRequest(tx, request, { frozen: accountId }));
  for (const grant of await tx.readAll(AccessGrant, { accountId, state: "OPEN" }, "lock")) {
    const request = await tx.lock(Request, grant.requestId);
    if (request === null || ends(request)) entries.push(...(await revokeGrants(tx, { id: grant.id })));
  }
  return entries;
}

/** Requests to open the account that nobody has decided yet, locked. */
async function waiting(tx: WorkTransaction, accountId: Id<"account">): Promise<Request[]> {
  const rows = await tx.readAll(Request, { accountId, operation: "secret.reveal", state: "SUBMITTED" }, "lock");
  return rows.filter(({ state }) => state === "SUBMITTED");
}
