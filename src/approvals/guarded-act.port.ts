import type { EntryDraft } from "../audit/entry.js";
import type { Drafted } from "../database/transaction-runner.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import type { RootkeepError } from "../kernel/errors.js";
import type { Id } from "../kernel/ids.js";
import type { Operation, Role } from "../kernel/operations.js";
import type { ScopedAccount } from "../people/scope.js";
import type { Request } from "./request.entity.js";
import type { RequestBody } from "./request-body.js";

/** What a caller asks for, as it came over the wire; every act checks its own part. */
export interface RequestForm {
  readonly operation: Operation;
  readonly ticket: string | null;
  readonly reason: string;
  readonly accountId: string | null;
  readonly purpose: string | null;
  /** Kinds of secret that are to be opened; empty for all that the purpose names. */
  readonly kinds: readonly string[];
  readonly minutes: number | null;
  /** Fewer approvers and less time, for everybody being told and a review. */
  readonly breakGlass?: boolean;
  /** Person by kind, where somebody else than the requester is to open it. */
  readonly holders?: Readonly<Record<string, unknown>>;
  readonly subject: Readonly<Record<string, unknown>>;
}

/** The part of a request that the act itself determines. */
export interface CheckedForm extends Pick<RequestBody, "account" | "purpose" | "secrets" | "policy" | "minutes" | "flags" | "subject"> {
  /** The person whom the act is about: neither asks nor approves. */
  readonly personId: Id<"person"> | null;
  /** The account whose rights decide who may ask and approve. */
  readonly scoped: ScopedAccount | null;
  /** What the entry only commits to. */
  readonly disclosures: readonly { readonly field: string; readonly value: string }[];
}

/** What holds for a request now. */
export interface TermsNow {
  /** The account whose rights decide, or null where no account is concerned. */
  readonly scoped: ScopedAccount | null;
  /** Approvals that today's policy wants, at least one. */
  readonly approvals: number;
  /** True: approvers are of another team than requester and holders. */
  readonly otherTeam?: boolean;
  /** Bounds of the grant. */
  readonly minutes?: number;
  readonly codes?: number;
  /** Today's policy does not allow the request any more: it is neither approved nor opened; denying and revoking go on. */
  readonly refusal?: RootkeepError | null;
}

/** A request that is being decided. */
export interface DecidedRequest {
  readonly row: Request;
  readonly body: RequestBody;
  /** Everybody whose approval counts, in order; the last one decided. */
  readonly approvers: readonly Id<"person">[];
  readonly now: Date;
}

/**
 * One kind of guarded act. The engine asks, counts and decides; the act says what may be asked, by whom, and does it, inside the
 * transaction of the deciding approval. Acts of higher modules are registered with the engine, so nothing imports upwards.
 */
export interface GuardedAct {
  readonly operation: Operation;
  readonly requesterRole: Role;
  readonly approverRole: Role;
  /** Only openings name a ticket; the others may. */
  readonly isTicketNeeded: boolean;
  /** What the request's row becomes when it is approved. */
  readonly approvedState: "APPROVED" | "CLOSED";
  /**
   * Checks what is asked. Reads what it needs in `tx`.
   * @throws RootkeepError for whatever may not be asked.
   */
  check(tx: WorkTransaction, form: RequestForm, requesterId: Id<"person">): Promise<CheckedForm>;
  /**
   * Today's terms, at an approval and at use: the stricter of these and the request's own count.
   * @param mode `lock` before an {@link apply} in the same transaction: what the act will change is then locked for that at once. Two that
   *   first shared a row and then both wanted to change it would wait for each other, until PostgreSQL ends one of them.
   */
  termsNow(tx: WorkTransaction, body: RequestBody, mode: "read" | "lock"): Promise<TermsNow>;
  /** Does the approved act. @returns the entries that tell of it. */
  apply(tx: WorkTransaction, decided: DecidedRequest): Promise<readonly Drafted<EntryDraft>[]>;
}
