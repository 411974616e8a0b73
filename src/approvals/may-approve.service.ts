import type { WorkTransaction } from "../database/work-transaction.js";
import { RootkeepError } from "../kernel/errors.js";
import type { Id } from "../kernel/ids.js";
import type { Role } from "../kernel/operations.js";
import type { ScopedAccount } from "../people/scope.js";
import { hasRole, type Standing } from "../people/standing.service.js";
import { type Membership, teamOf } from "../people/teams.service.js";
import type { GuardedAct, TermsNow } from "./guarded-act.port.js";
import type { Request } from "./request.entity.js";
import { askingPeople, type RequestBody } from "./request-body.js";

/** Whom an approver must not be, and what they must have. */
export interface ApproverRule {
  /** Requester, holders and whom it is about: none of them approves (law L2). */
  readonly parties: readonly Id<"person">[];
  readonly role: Role;
  readonly scoped: ScopedAccount | undefined;
  /** People whose team the approver must not be of; empty where teams do not count. */
  readonly apartFrom: readonly Id<"person">[];
}

/** The rule for approvers of `row`: the stricter of what it was submitted under and what holds now. */
export function approverRule(
  row: Pick<Request, "requesterId" | "personId">,
  body: Pick<RequestBody, "secrets" | "policy">,
  act: Pick<GuardedAct, "approverRole">,
  terms: Pick<TermsNow, "scoped" | "otherTeam">,
): ApproverRule {
  const asking = askingPeople({ requester: row.requesterId, secrets: body.secrets });
  const isApart = body.policy.terms?.otherTeam === true || terms.otherTeam === true;
  return {
    parties: row.personId === null ? asking : [...asking, row.personId],
    role: act.approverRole,
    scoped: terms.scoped ?? undefined,
    apartFrom: isApart ? asking : [],
  };
}

/** What keeps the person of `standing` from approving under `rule`, or null. One answer for whoever decides, counts or explains. */
export async function approverObstacle(tx: WorkTransaction, rule: ApproverRule, standing: Standing): Promise<RootkeepError | null> {
  const { id } = standing.person;
  if (rule.parties.includes(id)) return new RootkeepError("SELF_APPROVAL");
  if (!hasRole(standing, rule.role, rule.scoped)) return new RootkeepError("NOT_ALLOWLISTED");
  return (await teamsApart(tx, rule, id)) === null ? sameTeam() : null;
}

/**
 * The position in the log since which approver and asking people are of different teams; null if they are not. Who is of no team is of
 * nobody's other team.
 */
export async function teamsApart(tx: WorkTransaction, { apartFrom }: ApproverRule, approver: Id<"person">): Promise<number | null> {
  if (apartFrom.length === 0) return -1;
  const own = await teamOf(tx, approver);
  const others: Membership[] = [];
  for (const id of apartFrom) others.push(await teamOf(tx, id));
  if (own.team === null || others.some(({ team }) => team === null || team === own.team)) return null;
  return Math.max(own.seq, ...others.map(({ seq }) => seq));
}

function sameTeam(): RootkeepError {
  return new RootkeepError("POLICY_REFUSED", { facts: { term: "otherTeam", rule: "the policy wants an approver of another team" } });
}
