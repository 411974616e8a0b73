import { reachedAccount } from "../accounts/reached-accounts.service.js";
import type { Transactions } from "../audit/transactions.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { isRootkeepError, RootkeepError } from "../kernel/errors.js";
import type { Id } from "../kernel/ids.js";
import { readerOf } from "../people/reading.service.js";
import type { ScopedAccount } from "../people/scope.js";
import { scopedAccountOf } from "../people/scoped-account.js";
import { everWithRole, hasRole, standingOf } from "../people/standing.service.js";
import { teamOf } from "../people/teams.service.js";
import type { CheckedForm, GuardedAct, RequestForm } from "./guarded-act.port.js";
import { judgeForm } from "./judge-form.service.js";
import { approverObstacle, approverRule } from "./may-approve.service.js";
import type { TermsInForce } from "./opening-policy.service.js";
import type { Catalogue } from "./purpose.js";
import { askedTerms } from "./reveal-act.service.js";

/** Who over an account is told what anybody would meet there; others are told their own case. */
const ASKING_ABOUT_OTHERS = ["approver", "custodian", "auditor"] as const;

/** What is to be explained: an opening that somebody might ask for. */
export interface ExplainForm extends Pick<RequestForm, "kinds" | "ticket" | "holders"> {
  readonly personId: Id<"person">;
  readonly accountId: Id<"account">;
  readonly purpose: string;
}

/** Somebody who could approve it now. */
export interface EligibleApprover {
  readonly person: Id<"person">;
  readonly team: string | null;
}

/** What would happen to the request now, and why. */
export interface Explanation {
  readonly decision: "allowed" | "refused";
  /** Why it would be refused: the error that submitting it would give. */
  readonly refusal: RootkeepError | null;
  /** Null where there are no terms, because the task has a better way or there is no such thing. */
  readonly decided: TermsInForce | null;
  readonly checked: CheckedForm | null;
  readonly approvers: readonly EligibleApprover[];
  /** What it would wait for although nothing refuses it. */
  readonly missing: readonly string[];
  readonly catalogue: string;
}

/**
 * `policy explain`: what a request would meet. It has no rules of its own: it asks the functions that submit, approve and open, in a
 * transaction that only reads, and shows what they answer.
 */
export class ExplainPolicy {
  constructor(
    private readonly transactions: Transactions,
    private readonly act: GuardedAct,
    private readonly catalogue: Catalogue,
  ) {}

  /**
   * @throws RootkeepError `NOT_FOUND` for an account that the caller may not read of, as for one that there is not; `NOT_ALLOWLISTED` when
   *   somebody asks about somebody else who only asks for openings there.
   */
  async explain(callerId: Id<"person">, asked: ExplainForm): Promise<Explanation> {
    return await this.transactions.peek(async (tx) => {
      const now = await tx.clock();
      const caller = await standingOf(tx, callerId, now);
      const { reach } = await readerOf(tx, callerId, "policy.explain");
      const scoped = scopedAccountOf(await reachedAccount(tx, reach, asked.accountId));
      const mayAskAboutOthers = ASKING_ABOUT_OTHERS.some((role) => hasRole(caller, role, scoped));
      if (asked.personId !== callerId && !mayAskAboutOthers) throw new RootkeepError("NOT_ALLOWLISTED");
      return await this.#explainIn(tx, asked, now);
    });
  }

  async #explainIn(tx: WorkTransaction, asked: ExplainForm, now: Date): Promise<Explanation> {
    const form = formOf(asked);
    const terms = await refusable(() => askedTerms(tx, this.catalogue, form));
    if ("refusal" in terms) return this.#refused(terms.refusal);
    const { decided, scoped } = terms.value;
    const { ticketPrefixes } = decided.terms;
    // A ticket that is not named yet is something to get, not something wrong; two projects at once are.
    const [prefix] = ticketPrefixes;
    const judged = await refusable(async () =>
      judgeForm(tx, this.act, await standingOf(tx, asked.personId, now), { ...form, ticket: asked.ticket ?? prefix ?? null }),
    );
    const checked = "value" in judged ? judged.value : null;
    const approvers = await this.#approvers(tx, asked, { decided, scoped, checked }, now);
    const missing = [
      ...(asked.ticket !== null ? [] : [prefix === undefined ? "a ticket" : `a ticket that begins with ${ticketPrefixes.join(" and ")}`]),
      ...(approvers.length >= decided.terms.approvals
        ? []
        : [`approvers: ${String(decided.terms.approvals)} needed, ${String(approvers.length)} may`]),
    ];
    const refusal = "refusal" in judged ? judged.refusal : null;
    return {
      decision: refusal === null ? "allowed" : "refused",
      refusal,
      decided,
      checked,
      approvers,
      missing,
      catalogue: this.catalogue.version,
    };
  }

  /** Everybody who could approve it now, by the rule that counts approvals. */
  async #approvers(
    tx: WorkTransaction,
    { personId }: ExplainForm,
    about: { decided: TermsInForce; scoped: ScopedAccount; checked: CheckedForm | null },
    now: Date,
  ): Promise<EligibleApprover[]> {
    const { terms, version } = about.decided;
    const body = { secrets: about.checked?.secrets ?? [], policy: { version, approvals: terms.approvals } };
    const rule = approverRule({ requesterId: personId, personId: null }, body, this.act, {
      scoped: about.scoped,
      otherTeam: terms.otherTeam,
    });
    const eligible: EligibleApprover[] = [];
    for (const person of await everWithRole(tx, this.act.approverRole)) {
      const standing = await refusable(() => standingOf(tx, person, now));
      if ("refusal" in standing || (await approverObstacle(tx, rule, standing.value)) !== null) continue;
      eligible.push({ person, team: (await teamOf(tx, person)).team });
    }
    return eligible;
  }

  #refused(refusal: RootkeepError): Explanation {
    return { decision: "refused", refusal, decided: null, checked: null, approvers: [], missing: [], catalogue: this.catalogue.version };
  }
}

function formOf({ accountId, purpose, kinds, ticket, holders }: ExplainForm): RequestForm {
  return { operation: "secret.reveal", reason: "", accountId, purpose, kinds, ticket, minutes: null, holders: holders ?? {}, subject: {} };
}

/** Refusals that are answers here. A row that was refused, a broken log, a lost database are not: they stay errors. */
const ANSWERS = [
  "MALFORMED",
  "NOT_FOUND",
  "NOT_ALLOWLISTED",
  "SELF_APPROVAL",
  "BETTER_WAY",
  "BURNT",
  "CANDIDATE_REQUIRED",
  "POLICY_REFUSED",
  "STATE_CONFLICT",
] as const;

async function refusable<T>(ask: () => Promise<T>): Promise<{ readonly value: T } | { readonly refusal: RootkeepError }> {
  try {
    return { value: await ask() };
  } catch (error) {
    if (isRootkeepError(error) && ANSWERS.some((code) => code === error.code)) return { refusal: error };
    throw error;
  }
}
