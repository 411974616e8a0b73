import type { WorkTransaction } from "../database/work-transaction.js";
import type { Id } from "../kernel/ids.js";
import { AccessGrant } from "./access-grant.entity.js";
import { parseVersions } from "./granted-version.js";

/** A grant as it stands, for whoever opens or settles what it names. */
export type StandingGrant = Pick<AccessGrant, "id" | "state" | "expiresAt" | "versions">;

/** The grant, held as it is until the transaction ends; null where there is none. */
export async function readGrant(tx: WorkTransaction, grantId: Id<"grant">): Promise<StandingGrant | null> {
  return await tx.read(AccessGrant, grantId);
}

/** True while somebody can open `versionId` under the grant. */
export function isOpenFor({ state, expiresAt, versions }: StandingGrant, versionId: Id<"version">, now: Date): boolean {
  return state === "OPEN" && expiresAt > now && parseVersions(versions).some((version) => version.versionId === versionId);
}
