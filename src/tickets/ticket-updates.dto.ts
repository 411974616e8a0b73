import { ChoiceField, SHOWN, Shown } from "../wire/fields.js";
import { PageQuery } from "../wire/page.dto.js";

const STATES = ["WAITING", "SENT", "DEAD"] as const;

/** Which changes are listed. */
export class TicketUpdatesQuery extends PageQuery {
  @ChoiceField(STATES, { isOptional: true, description: "DEAD, those that were given up, unless told." })
  readonly state?: (typeof STATES)[number];
}

/** One change of a request on its way into a ticket. */
export class TicketUpdateReply {
  @Shown(SHOWN.id) readonly id!: string;
  @Shown({ ...SHOWN.text, description: "Id of the request, and whether it is the ticket that it names or the one opened for it." })
  readonly thread!: string;
  @Shown({ type: "string", enum: ["APPEND", "OPEN"] }) readonly act!: string;
  @Shown({ ...SHOWN.text, nullable: true, description: "The ticket; null for one that was opened for the request." })
  readonly reference!: string | null;
  @Shown(SHOWN.text) readonly event!: string;
  @Shown({ type: "string", enum: [...STATES] }) readonly state!: string;
  @Shown(SHOWN.count) readonly attempts!: number;
  @Shown({ ...SHOWN.text, nullable: true, description: "Why the last attempt failed." }) readonly reason!: string | null;
  @Shown(SHOWN.time) readonly createdAt!: string;
}

/** One page of changes. */
export class TicketUpdatesReply {
  @Shown({ type: () => [TicketUpdateReply] }) readonly items!: readonly TicketUpdateReply[];
  @Shown(SHOWN.next) readonly next!: string | null;
}
