import { LIMITS } from "../kernel/limits.js";
import { CodeField, SHOWN, Shown, TextField } from "../wire/fields.js";

/** Closes the review of a break-glass, with a fresh second factor. */
export class ReviewForm {
  @CodeField() readonly code!: string;
  @TextField({ max: LIMITS.reasonCharsMax, description: "What was found; at least 20 characters. The log commits to it." })
  readonly findings!: string;
}

/** The review is closed. */
export class ReviewedReply {
  @Shown(SHOWN.seq) readonly seq!: number;
}

/** One breaking of the glass. */
export class GlassUseReply {
  @Shown(SHOWN.id) readonly id!: string;
  @Shown(SHOWN.id) readonly accountId!: string;
  @Shown(SHOWN.id) readonly requestId!: string;
  @Shown(SHOWN.id) readonly grantId!: string;
  @Shown({
    type: "string",
    enum: ["OPEN", "CLOSED"],
    description: "OPEN: to be reviewed; the account has no other break-glass until then.",
  })
  readonly state!: string;
  @Shown(SHOWN.time) readonly dueAt!: string;
  @Shown(SHOWN.flag) readonly isOverdue!: boolean;
  @Shown({ ...SHOWN.id, nullable: true }) readonly reviewerId!: string | null;
  @Shown({ ...SHOWN.text, nullable: true }) readonly findings!: string | null;
  @Shown({ ...SHOWN.time, nullable: true }) readonly closedAt!: string | null;
}

/** One page of uses. */
export class GlassUsesReply {
  @Shown({ type: () => [GlassUseReply] }) readonly items!: readonly GlassUseReply[];
  @Shown(SHOWN.next) readonly next!: string | null;
}
