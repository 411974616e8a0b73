import { ChoicesField, ObjectField, SHOWN, Shown, TextField } from "../wire/fields.js";
import { TERM_NAMES } from "./opening-terms.js";
import { PURPOSE_KINDS, PURPOSE_SCOPES } from "./purpose.js";

/** A policy in force. */
export class PolicyReply {
  @Shown(SHOWN.text) readonly name!: string;
  @Shown({
    type: "string",
    pattern: "^[0-9a-f]{64}$",
    description: "SHA-256 of its canonical JSON: what a change names as what it replaces.",
  })
  readonly hash!: string;
  @Shown({ ...SHOWN.object, description: "The policy, whole (docs/spec/policy.md)." }) readonly policy!: object;
}

/** The policies in force. */
export class PoliciesReply {
  @Shown({ ...SHOWN.text, description: "Version of all of them together; a request's hash covers it." }) readonly version!: string;
  @Shown({ type: () => [PolicyReply] }) readonly items!: readonly PolicyReply[];
  @Shown(SHOWN.next) readonly next!: string | null;
}

/** All policies as one change left them. */
export class PolicyBookReply {
  @Shown(SHOWN.id) readonly id!: string;
  @Shown(SHOWN.text) readonly version!: string;
  @Shown({ ...SHOWN.id, description: "The request that made it; it shows who asked, who approved and why." }) readonly requestId!: string;
  @Shown(SHOWN.time) readonly changedAt!: string;
  @Shown({ type: "array", items: SHOWN.object }) readonly policies!: readonly object[];
}

/** One page of the history. */
export class PolicyBooksReply {
  @Shown({ type: () => [PolicyBookReply] }) readonly items!: readonly PolicyBookReply[];
  @Shown(SHOWN.next) readonly next!: string | null;
}

/** An opening that somebody might ask for. */
export class ExplainPolicyForm {
  @TextField({ max: 64, isOptional: true, description: "Who would ask; absent for yourself." }) readonly personId?: string | null;
  @TextField({ max: 64 }) readonly accountId!: string;
  @TextField({ max: 64, description: "Slug of the purpose." }) readonly purpose!: string;
  @ChoicesField(PURPOSE_KINDS, { isOptional: true, description: "Kinds to open; absent for all that the purpose names." })
  readonly kinds?: readonly string[] | null;
  @TextField({ max: 64, isOptional: true, description: "The ticket, where there is one already." }) readonly ticket?: string | null;
  @ObjectField({ isOptional: true, description: "Person by kind, for what somebody else is to open." })
  readonly holders?: Readonly<Record<string, unknown>> | null;
}

/** Why it would be refused. */
export class RefusalReply {
  @Shown(SHOWN.text) readonly code!: string;
  @Shown(SHOWN.text) readonly message!: string;
  @Shown({ ...SHOWN.object, description: "As in the problem that submitting would give: the better way, the rule, the policies." })
  readonly facts!: object;
  @Shown({ type: "array", items: SHOWN.object }) readonly errors!: readonly object[];
}

/** One term, and who decided it. */
export class TermReply {
  @Shown({ type: "string", enum: [...TERM_NAMES] }) readonly term!: string;
  @Shown({ description: "A number, a yes or no, or a list of words." }) readonly value!: unknown;
  @Shown({ type: "array", items: SHOWN.text, description: "Policies that made it so; empty where the catalogue did." })
  readonly decidedBy!: readonly string[];
}

/** Somebody who could approve it now. */
export class EligibleApproverReply {
  @Shown(SHOWN.id) readonly person!: string;
  @Shown({ ...SHOWN.text, nullable: true }) readonly team!: string | null;
}

/** What a request would meet now. */
export class ExplanationReply {
  @Shown({ type: "string", enum: ["allowed", "refused"] }) readonly decision!: string;
  @Shown({ type: () => RefusalReply, nullable: true }) readonly refusal!: RefusalReply | null;
  @Shown(SHOWN.text) readonly catalogue!: string;
  @Shown({ ...SHOWN.text, nullable: true, description: "Version of the policies that decided; null where none were asked." })
  readonly version!: string | null;
  @Shown({ type: "array", items: SHOWN.text, description: "All policies that match." }) readonly policies!: readonly string[];
  @Shown({ type: () => [TermReply] }) readonly terms!: readonly TermReply[];
  @Shown({ type: () => [EligibleApproverReply] }) readonly approvers!: readonly EligibleApproverReply[];
  @Shown({ type: "array", items: SHOWN.text, description: "What it would still need." }) readonly missing!: readonly string[];
}

/** The subject of a `policy.change`, to be looked at and not done. */
export class PreviewPolicyForm {
  @TextField({ max: 48 }) readonly name!: string;
  @ObjectField({ isOptional: true, description: "The whole new policy; absent to take it away." })
  readonly policy?: Readonly<Record<string, unknown>> | null;
  @TextField({ max: 64, isOptional: true, description: "Hash of the policy that it replaces; absent where there is none." })
  readonly replaces?: string | null;
}

/** One term that the change moves. */
export class TermChangeReply {
  @Shown({ type: "string", enum: [...TERM_NAMES] }) readonly term!: string;
  @Shown({}) readonly before!: unknown;
  @Shown({}) readonly after!: unknown;
  @Shown({ type: "string", enum: ["stricter", "looser"] }) readonly effect!: string;
}

/** What the change does to one purpose on accounts of one kind. */
export class PurposeChangeReply {
  @Shown(SHOWN.text) readonly purpose!: string;
  @Shown({ type: "string", enum: [...PURPOSE_SCOPES] }) readonly kind!: string;
  @Shown({ ...SHOWN.count, description: "Registered accounts that it reaches; 0: none yet." }) readonly accounts!: number;
  @Shown({ ...SHOWN.id, nullable: true, description: "One of them." }) readonly example!: string | null;
  @Shown({ type: "array", items: SHOWN.text, description: "Other policies that reach them." }) readonly beside!: readonly string[];
  @Shown({ type: () => [TermChangeReply] }) readonly changes!: readonly TermChangeReply[];
}

/** What a change would do. */
export class PreviewReply {
  @Shown(SHOWN.text) readonly before!: string;
  @Shown(SHOWN.text) readonly after!: string;
  @Shown({ type: () => [PurposeChangeReply] }) readonly purposes!: readonly PurposeChangeReply[];
}
