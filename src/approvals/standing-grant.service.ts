import type { WorkTransaction } from "../database/work-transaction.js";
import type { Id } from "../kernel/ids.js";
import { AccessGrant } from "./access-grant.entity.js";

/** A grant as it stands, for whoever opens or settles what it names. */
export type StandingGrant = Pick<AccessGrant, "id" | "state" | "expiresAt">;

/** The grant, held as it is until the transaction ends; null where there is none. */
export async function readGrant(tx: WorkTransaction, grantId: Id<"grant">): Promise<StandingGrant | null> {
  return await tx.read(AccessGrant, grantId);
}
