import { LIMITS } from "../kernel/limits.js";
import { ChoiceField, SHOWN, Shown, TextField } from "../wire/fields.js";
import { PageQuery } from "../wire/page.dto.js";

const STATES = ["OPEN", "CLOSED"] as const;

/** Which tickets are listed. */
export class TicketsQuery extends PageQuery {
  @ChoiceField(STATES, { isOptional: true, description: "All unless told." })
  readonly state?: (typeof STATES)[number];
}

/** Opens a ticket on the built-in board. */
export class OpenTicketForm {
  @TextField({
    max: 10,
    pattern: /^[A-Z][A-Z0-9]{1,9}$/,
    rule: "is 2 to 10 capital letters and digits and begins with a letter",
    isOptional: true,
    description: "The letters before the number, such as INC; OPS unless told. The reference must match the deployment's pattern.",
  })
  readonly series?: string;
  @TextField({ max: 64, isOptional: true, description: "The account that it names. An opening needs a ticket that names its account." })
  readonly accountId?: string;
  @TextField({
    max: LIMITS.ticketTitleCharsMax,
    description: "What it is about; at least 5 characters. No name of a person, and never a secret.",
  })
  readonly title!: string;
}

/** Writes under a ticket. */
export class CommentForm {
  @TextField({ max: LIMITS.reasonCharsMax, description: "At least 5 characters. Never a secret: all who sign in read it." })
  readonly text!: string;
}

/** The ticket was opened. */
export class OpenedTicketReply {
  @Shown(SHOWN.text) readonly reference!: string;
  @Shown(SHOWN.seq) readonly seq!: number;
}

/** A ticket of the built-in board. */
export class TicketReply {
  @Shown(SHOWN.id) readonly id!: string;
  @Shown(SHOWN.text) readonly reference!: string;
  @Shown({ ...SHOWN.id, nullable: true }) readonly accountId!: string | null;
  @Shown(SHOWN.text) readonly title!: string;
  @Shown({ type: "string", enum: [...STATES] }) readonly state!: string;
  @Shown({ ...SHOWN.id, nullable: true, description: "Null where the service itself opened it." }) readonly openedBy!: string | null;
  @Shown(SHOWN.time) readonly openedAt!: string;
  @Shown({ ...SHOWN.id, nullable: true }) readonly closedBy!: string | null;
  @Shown({ ...SHOWN.time, nullable: true }) readonly closedAt!: string | null;
}

/** One page of tickets. */
export class TicketsReply {
  @Shown({ type: () => [TicketReply] }) readonly items!: readonly TicketReply[];
  @Shown(SHOWN.next) readonly next!: string | null;
}

/** Something written under a ticket. */
export class CommentReply {
  @Shown(SHOWN.id) readonly id!: string;
  @Shown({ ...SHOWN.id, nullable: true, description: "Null where the service itself wrote it." }) readonly authorId!: string | null;
  @Shown(SHOWN.text) readonly text!: string;
  @Shown(SHOWN.time) readonly at!: string;
}

/** A ticket and what is written under it. */
export class TicketWithCommentsReply extends TicketReply {
  @Shown({ type: () => [CommentReply] }) readonly comments!: readonly CommentReply[];
}
