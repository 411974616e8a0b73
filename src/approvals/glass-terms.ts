import type { Id } from "../kernel/ids.js";
import { everyone, type Notice, type Topic } from "../notices/notice.js";
import { askingPeople, type RequestBody } from "./request-body.js";

/** The flag of a request that breaks the glass; the request's hash covers it. */
export const GLASS_FLAG = "breakGlass";

/** True for a request that breaks the glass. */
export function isGlass({ flags }: Pick<RequestBody, "flags">): boolean {
  return flags.includes(GLASS_FLAG);
}

/** One approver fewer than usual, and never none (law L2). */
export function glassApprovals(usual: number): number {
  return Math.max(1, usual - 1);
}

const MINUTES_MAX = 30;
const MINUTES_MIN = 5;

/** Half the usual time, at most half an hour. */
export function glassMinutes(usual: number): number {
  return Math.max(MINUTES_MIN, Math.min(MINUTES_MAX, Math.floor(usual / 2)));
}

/** A use is to be reviewed within three days. */
export const GLASS_REVIEW_SECONDS = 72 * 3600;

/** A page about a break-glass: to custodians, auditors and the account's approvers, but not to those who ask for it or open. */
export function glassNotice(
  topic: Topic & `glass.${string}`,
  { id, account, purpose, requester, secrets }: Pick<RequestBody, "id" | "account" | "purpose" | "requester" | "secrets">,
  grantId: Id<"grant">,
): Notice {
  const breaking = askingPeople({ requester, secrets });
  return {
    topic,
    facts: {
      request: id,
      grant: grantId,
      "asked by": requester,
      ...(purpose === null ? {} : { purpose: purpose.slug }),
      ...(account === null ? {} : { account: account.id, "aws account": account.awsId }),
    },
    audience: [
      everyone("custodian", breaking),
      { role: "auditor", account: account?.id ?? null, except: breaking },
      { role: "approver", account: account?.id ?? null, except: breaking },
    ],
  };
}
