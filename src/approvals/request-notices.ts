import type { Id } from "../kernel/ids.js";
import type { Role } from "../kernel/operations.js";
import type { Facts, Notice } from "../notices/notice.js";
import type { RequestBody } from "./request-body.js";

/** What a message says of a request: ids and slugs. The reason stays in the house; whoever decides reads it there. */
function factsOf({ id, operation, purpose, account, requester }: RequestBody): Facts {
  return {
    request: id,
    operation,
    "asked by": requester,
    ...(purpose === null ? {} : { purpose: purpose.slug }),
    ...(account === null ? {} : { account: account.id, "aws account": account.awsId }),
  };
}

/** To everybody who may approve it when the message is sent, but for requester and subject: that there is something to decide, or no more. */
export function awaitingNotice(
  what: "submitted" | "withdrawn",
  body: RequestBody,
  approverRole: Role,
  subjectId: Id<"person"> | null,
): Notice {
  const except = [body.requester, ...(subjectId === null ? [] : [subjectId])];
  return {
    topic: `request.${what}`,
    facts: factsOf(body),
    audience: [{ role: approverRole, account: body.account?.id ?? null, except }],
  };
}

/** To the requester. @param by who decided; nobody where time did. */
export function decidedNotice(verdict: "approved" | "denied" | "expired", body: RequestBody, by?: Id<"person">): Notice {
  const facts = { ...factsOf(body), ...(by === undefined ? {} : { "decided by": by }) };
  return { topic: `request.${verdict}`, facts, audience: [{ person: body.requester }] };
}
