import { LIMITS } from "../kernel/limits.js";
import { OPERATION_NAMES, ruleOf } from "../kernel/operations.js";
import { ChoiceField, ChoicesField, CodeField, FlagField, ObjectField, SHOWN, Shown, TextField, WholeField } from "../wire/fields.js";
import { PageQuery } from "../wire/page.dto.js";
import { PURPOSE_KINDS } from "./purpose.js";
import type { RequestState } from "./request.entity.js";

const REQUEST_STATES = [
  "SUBMITTED",
  "APPROVED",
  "OPENED",
  "RETURNED",
  "CLOSED",
  "DENIED",
  "EXPIRED",
  "REVOKED",
  "WITHDRAWN",
] as const satisfies readonly RequestState[];

// A guarded operation that also needs a step-up of its own is an opening: of the two, `secret.reveal` stands for both.
const ASKED = OPERATION_NAMES.filter((name) => ruleOf(name).guarded && name !== "secret.code");

/** Minutes that a request can ask for at most; its purpose says less. */
const MINUTES_MAX = 24 * 60;

/** Text of a reason; what characters it may hold is the engine's to say. */
const REASON = { max: LIMITS.reasonCharsMax };

/** Asks for a guarded act. */
export class SubmitForm {
  @ChoiceField(ASKED) readonly operation!: string;
  @TextField({ ...REASON, description: "Why. Approvers read it, the log commits to it." }) readonly reason!: string;
  @TextField({ max: LIMITS.ticketCharsMax, isOptional: true, description: "Ticket reference; an opening needs one." })
  readonly ticket?: string | null;
  @TextField({ max: 64, isOptional: true, description: "Account of an opening." }) readonly accountId?: string | null;
  @TextField({ max: 64, isOptional: true, description: "Slug of the purpose of an opening." }) readonly purpose?: string | null;
  @ChoicesField(PURPOSE_KINDS, { isOptional: true, description: "Kinds to open; absent for all that the purpose names." })
  readonly kinds?: readonly string[] | null;
  @WholeField({ min: 1, max: MINUTES_MAX, isOptional: true, description: "Minutes from the last approval; absent for the purpose's own." })
  readonly minutes?: number | null;
  @FlagField({ isOptional: true, description: "Break the glass: fewer approvers, less time, everybody paged, a review afterwards." })
  readonly breakGlass?: boolean | null;
  @ObjectField({ isOptional: true, description: "Person by kind, for what somebody else than you is to open; a policy may want that." })
  readonly holders?: Readonly<Record<string, unknown>> | null;
  @ObjectField({ isOptional: true, description: "What a change of people, allowlist, configuration or exposure is about." })
  readonly subject?: Readonly<Record<string, unknown>> | null;
}

/** Approves, with a fresh second factor. */
export class ApproveForm {
  @CodeField() readonly code!: string;
  @TextField({ ...REASON, min: 0, isOptional: true }) readonly reason?: string | null;
}

/** Denies. */
export class DenyForm {
  @TextField(REASON) readonly reason!: string;
}

/** Takes one's own request back. */
export class WithdrawForm {
  @TextField(REASON) readonly reason!: string;
}

/** Which requests are listed. */
export class RequestsQuery extends PageQuery {
  @ChoiceField(REQUEST_STATES, { isOptional: true }) readonly state?: RequestState;
  @ChoiceField(["true", "false"], { isOptional: true, description: "true: only those that you made." }) readonly mine?: string;
  @ChoiceField(["me"], { isOptional: true, description: "me: only those that you may decide now, whatever `state` and `mine` say." })
  readonly awaiting?: string;
}

/** The new request. */
export class SubmittedReply {
  @Shown(SHOWN.id) readonly id!: string;
  @Shown(SHOWN.seq) readonly seq!: number;
}

/** How the request stands after an approval. */
export class ApprovedReply {
  @Shown({ type: "string", enum: [...REQUEST_STATES] }) readonly state!: string;
  @Shown(SHOWN.count) readonly approvals!: number;
  @Shown(SHOWN.count) readonly needed!: number;
  @Shown(SHOWN.seq) readonly seq!: number;
}

/** One verdict. */
export class VerdictReply {
  @Shown(SHOWN.id) readonly person!: string;
  @Shown({ type: "string", enum: ["approve", "deny"] }) readonly verdict!: string;
  @Shown(SHOWN.text) readonly reason!: string;
  @Shown(SHOWN.time) readonly decidedAt!: string;
}

/** A request, whole, but never with a secret. */
export class RequestReply {
  @Shown(SHOWN.id) readonly id!: string;
  @Shown({ type: "string", enum: [...REQUEST_STATES] }) readonly state!: string;
  @Shown({ type: "string", pattern: "^[0-9a-f]{64}$", description: "SHA-256 of the request's canonical JSON: what approvals bind to." })
  readonly hash!: string;
  @Shown({ ...SHOWN.object, description: "Every field that the hash covers." }) readonly body!: object;
  @Shown({ type: () => [VerdictReply] }) readonly approvals!: readonly VerdictReply[];
  @Shown({ ...SHOWN.id, nullable: true }) readonly grantId!: string | null;
}

/** One page of requests. */
export class RequestsReply {
  @Shown({ type: () => [RequestReply] }) readonly items!: readonly RequestReply[];
  @Shown(SHOWN.next) readonly next!: string | null;
}
