import { ACCOUNT_KINDS, ACCOUNT_STATES } from "../accounts/account.js";
import { LIMITS } from "../kernel/limits.js";
import { ChoiceField, CodeField, SHOWN, Shown, TextField, WholeField } from "../wire/fields.js";
import { CHECKLIST_KINDS, CUSTODIES, EVIDENCE_KINDS, type EvidenceKind, TARGETS } from "./checklist.js";

const STANDINGS = ["WAITING", "OPEN", "CLAIMED", "PASSED", "STALE", "WAIVED"] as const;
const STATES = ["OPEN", "DONE", "ENDED"] as const;

/** Begins the takeover of an account. */
export class BeginChecklistForm {
  @TextField({
    max: 64,
    isOptional: true,
    description:
      "SHA-256, in hex, of the customer's signed authorisation. Only for an account that was imported as in use it may be left out.",
  })
  readonly document?: string | null;
  @CodeField() readonly code!: string;
}

/** The checklist was begun. */
export class BegunReply {
  @Shown(SHOWN.id) readonly id!: string;
  @Shown(SHOWN.seq) readonly seq!: number;
}

/** Names evidence for a step. */
export class ClaimForm {
  @ChoiceField(EVIDENCE_KINDS, { description: "One of the kinds that the step accepts." }) readonly kind!: EvidenceKind;
  @TextField({
    max: 128,
    isOptional: true,
    description:
      "Position of an entry of the log, eventID of a CloudTrail event, SHA-256 of a document, or the id of a snapshot, a rotation, a message.",
  })
  readonly reference?: string | null;
  @TextField({ max: 64, isOptional: true, description: "Name of the CloudTrail event." }) readonly event?: string | null;
  @TextField({ max: 40, isOptional: true, description: "Time of the CloudTrail event, RFC 3339 in UTC." }) readonly at?: string | null;
  @TextField({
    max: LIMITS.reasonCharsMax,
    isOptional: true,
    description: "What was done and seen; at least 5 characters where another person is to look as well. Never a secret.",
  })
  readonly note?: string | null;
  @CodeField() readonly code!: string;
}

/** A second person has looked as well. */
export class AttestStepForm {
  @WholeField({ min: 0, max: Number.MAX_SAFE_INTEGER, description: "`seq` of the claim that you have read." }) readonly claim!: number;
  @CodeField() readonly code!: string;
}

/** How a step stands after a call. */
export class StepOutcomeReply {
  @Shown({ type: "string", enum: ["CLAIMED", "PASSED", "WAIVED"] }) readonly state!: string;
  @Shown({ type: "string", enum: [...ACCOUNT_STATES] }) readonly accountState!: string;
  @Shown(SHOWN.seq) readonly seq!: number;
}

/** A run of a checklist over an account. */
export class ChecklistReply {
  @Shown(SHOWN.id) readonly id!: string;
  @Shown(SHOWN.id) readonly accountId!: string;
  @Shown({ type: "string", enum: [...CHECKLIST_KINDS] }) readonly kind!: string;
  @Shown({ type: "string", enum: [...STATES] }) readonly state!: string;
  @Shown({ type: "string", enum: [...ACCOUNT_KINDS] }) readonly accountKind!: string;
  @Shown({ type: "string", enum: [...CUSTODIES] }) readonly custody!: string;
  @Shown({ type: "string", enum: [...TARGETS], nullable: true, description: "Where a handed-back account goes." }) readonly target!:
    | string
    | null;
  @Shown({ ...SHOWN.text, nullable: true, description: "SHA-256 of the paper that the customer signed." }) readonly document!:
    | string
    | null;
  @Shown(SHOWN.id) readonly begunBy!: string;
  @Shown(SHOWN.time) readonly begunAt!: string;
  @Shown({ ...SHOWN.time, nullable: true }) readonly endedAt!: string | null;
}

/** One page of checklists. */
export class ChecklistsReply {
  @Shown({ type: () => [ChecklistReply] }) readonly items!: readonly ChecklistReply[];
  @Shown(SHOWN.next) readonly next!: string | null;
}

/** A kind of evidence that a step accepts. */
export class AcceptedReply {
  @Shown({ type: "string", enum: [...EVIDENCE_KINDS] }) readonly kind!: string;
  @Shown({ type: "array", items: { type: "string" }, description: "Actions of an entry, or names of CloudTrail events." })
  readonly names!: readonly string[];
}

/** What somebody has named for a step. */
export class EvidenceReply {
  @Shown(SHOWN.text) readonly kind!: string;
  @Shown(SHOWN.text) readonly reference!: string;
  @Shown(SHOWN.object) readonly facts!: Readonly<Record<string, unknown>>;
  @Shown(SHOWN.text) readonly note!: string;
  @Shown(SHOWN.id) readonly claimedBy!: string;
  @Shown(SHOWN.time) readonly claimedAt!: string;
  @Shown({ ...SHOWN.id, nullable: true, description: "Who else stands for it; null where the program has checked it, or nobody has yet." })
  readonly attestedBy!: string | null;
  @Shown({ ...SHOWN.time, nullable: true, description: "When the step was ticked; null while it is only claimed." })
  readonly decidedAt!: string | null;
  @Shown(SHOWN.seq) readonly seq!: number;
}

/** A step: what to do, and how it stands. */
export class StepReply {
  @Shown(SHOWN.text) readonly step!: string;
  @Shown(SHOWN.text) readonly title!: string;
  @Shown({ type: "string", enum: ["program", "person"] }) readonly who!: string;
  @Shown({ type: "array", items: { type: "string" } }) readonly roles!: readonly string[];
  @Shown(SHOWN.text) readonly instruction!: string;
  @Shown({ type: "array", items: { type: "string" }, description: "Purposes under which what it needs is opened." })
  readonly purposes!: readonly string[];
  @Shown({ type: () => [AcceptedReply] }) readonly accepts!: readonly AcceptedReply[];
  @Shown(SHOWN.flag) readonly isWaivable!: boolean;
  @Shown({ type: "string", enum: [...STANDINGS] }) readonly standing!: string;
  @Shown({ type: "array", items: { type: "string" }, description: "Steps that come first." }) readonly waitsFor!: readonly string[];
  @Shown({ type: () => EvidenceReply, nullable: true }) readonly evidence!: EvidenceReply | null;
}

/** A checklist, whole. */
export class WholeChecklistReply extends ChecklistReply {
  @Shown(SHOWN.text) readonly title!: string;
  @Shown({ type: "string", enum: [...ACCOUNT_STATES] }) readonly accountState!: string;
  @Shown({ ...SHOWN.time, nullable: true, description: "When the closure at AWS was seen." }) readonly closedAt!: string | null;
  @Shown({ ...SHOWN.time, nullable: true, description: "From when on AWS reopens it no more." }) readonly finalAt!: string | null;
  @Shown({ type: "array", items: { type: "string" }, description: "Steps that somebody can do something about now." })
  readonly next!: readonly string[];
  @Shown({ type: () => [StepReply] }) readonly steps!: readonly StepReply[];
}
