import { ChoiceField, SHOWN, Shown } from "../wire/fields.js";
import { CANDIDATE_KINDS, type CandidateKind } from "./candidates.service.js";
import { DUE_REASONS } from "./rotation-due.js";

/** Why, and since or until when. */
export class DueReply {
  @Shown({ type: "string", enum: [...DUE_REASONS] }) readonly reason!: string;
  @Shown(SHOWN.time) readonly dueAt!: string;
}

/** The value that is staged to succeed it. */
export class DueCandidateReply {
  @Shown(SHOWN.id) readonly id!: string;
  @Shown(SHOWN.text) readonly state!: string;
}

/** A working value that is to be rotated. */
export class DueRotationReply {
  @Shown(SHOWN.id) readonly accountId!: string;
  @Shown(SHOWN.text) readonly awsId!: string;
  @Shown(SHOWN.text) readonly kind!: string;
  @Shown(SHOWN.id) readonly versionId!: string;
  @Shown({ type: () => [DueReply], description: "The earliest first." }) readonly due!: readonly DueReply[];
  @Shown({ type: () => DueCandidateReply, nullable: true }) readonly candidate!: DueCandidateReply | null;
}

/** A part of the queue. It may be empty and yet have a next one: the queue is paged by account. */
export class DueRotationsReply {
  @Shown({ type: () => [DueRotationReply] }) readonly items!: readonly DueRotationReply[];
  @Shown(SHOWN.next) readonly next!: string | null;
}

/** Says that a value may be known to whoever should not know it. */
export class SuspicionForm {
  @ChoiceField(CANDIDATE_KINDS) readonly kind!: CandidateKind;
}

/** Noted: its rotation is due. */
export class SuspicionReply {
  @Shown(SHOWN.seq) readonly seq!: number;
}
