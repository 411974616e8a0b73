import type { WorkTransaction } from "../database/work-transaction.js";
import type { Id } from "../kernel/ids.js";
import { Authenticator } from "./authenticator.entity.js";

/** Ends every authenticator of `personId`, also one that waits to be confirmed; returns them, so that the caller's entry can list them. */
export async function endAuthenticators(tx: WorkTransaction, personId: Id<"person">): Promise<Authenticator[]> {
  const authenticators = await tx.readAll(Authenticator, { personId }, "lock");
  const open = authenticators.filter(({ state }) => state !== "ENDED");
  for (const authenticator of open) tx.change(Authenticator, authenticator, { state: "ENDED" });
  return open;
}
