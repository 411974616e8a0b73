import type { WorkTransaction } from "../database/work-transaction.js";
import type { Id } from "../kernel/ids.js";
import type { ActingPerson } from "../people/acting-person.service.js";
import { AccessGrant } from "./access-grant.entity.js";
import { holdersOfGrant } from "./granted-version.js";
import { Request } from "./request.entity.js";
import { parseRequest, type RequestBody } from "./request-body.js";

/** The request of a grant, for what is done before its claim; null for a grant that is not `acting`'s to open now. */
export async function grantedBody(tx: WorkTransaction, acting: ActingPerson, grantId: Id<"grant">): Promise<RequestBody | null> {
  const grant = await tx.read(AccessGrant, grantId);
  if (grant === null || !holdersOfGrant(grant).includes(acting.personId)) return null;
  if (grant.state !== "OPEN" || grant.expiresAt <= (await tx.clock())) return null;
  const request = await tx.read(Request, grant.requestId);
  return request === null ? null : parseRequest(request.body, request.hash);
}
