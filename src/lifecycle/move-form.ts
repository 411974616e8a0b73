import type { AccountState } from "../accounts/account.js";
import { type FieldError, RootkeepError } from "../kernel/errors.js";
import { type Id, isId } from "../kernel/ids.js";
import { isDocumentHash } from "./account-states.js";
import { TARGETS, type Target } from "./checklist.js";

/** States that two custodians move an account into; the others are reached by checklists. */
export const DECIDED_STATES = [
  "active",
  "quarantined",
  "rotating",
  "closing",
  "reopening",
  "sealed_final",
  "releasing",
  "abandoned",
] as const satisfies readonly AccountState[];
export type DecidedState = (typeof DECIDED_STATES)[number];

/** What two custodians decide about an account's life. */
export interface MoveForm {
  readonly accountId: Id<"account">;
  readonly to: DecidedState;
  /** State of the account when it was asked for; another one meanwhile is another question (law L3). */
  readonly from: string | null;
  /** SHA-256 of the customer's written order: of closing and handing back. */
  readonly document: string | null;
  /** Where a handed-back account goes. */
  readonly target: Target | null;
}

/** @throws RootkeepError `MALFORMED` */
export function parseMove(subject: Readonly<Record<string, unknown>>): MoveForm {
  const { accountId, to, from = null, document = null, target = null } = subject;
  const state = DECIDED_STATES.find((known) => known === to);
  const goal = TARGETS.find((known) => known === target) ?? null;
  const needsOrder = state === "closing" || state === "releasing";
  const fields: FieldError[] = [];
  const demand = (holds: boolean, field: string, rule: string): void => {
    if (!holds) fields.push({ field: `subject.${field}`, rule });
  };
  demand(isId("account", accountId), "accountId", "is the id of an account");
  demand(state !== undefined, "to", `is one of ${DECIDED_STATES.join(", ")}`);
  demand(from === null || typeof from === "string", "from", "is a state");
  demand(
    needsOrder ? isDocumentHash(document) : document === null,
    "document",
    "is the SHA-256 of the customer's order, of closing and releasing alone",
  );
  demand((state === "releasing") === (goal !== null), "target", `is one of ${TARGETS.join(", ")}, of releasing alone`);
  if (fields.length > 0 || state === undefined) throw new RootkeepError("MALFORMED", { fields });
  return {
    accountId: accountId as Id<"account">,
    to: state,
    from: from as string | null,
    document: document as string | null,
    target: goal,
  };
}
