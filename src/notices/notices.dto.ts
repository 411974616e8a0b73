import { NOTICE_CHANNELS } from "../config/reference.js";
import { ChoiceField, SHOWN, Shown } from "../wire/fields.js";
import { PageQuery } from "../wire/page.dto.js";

const STATES = ["WAITING", "SENT", "DEAD"] as const;

/** Which deliveries are listed. */
export class DeliveriesQuery extends PageQuery {
  @ChoiceField(STATES, { isOptional: true, description: "DEAD, those that were given up, unless told." })
  readonly state?: (typeof STATES)[number];
}

/** One message to one recipient. */
export class DeliveryReply {
  @Shown(SHOWN.id) readonly id!: string;
  @Shown(SHOWN.text) readonly topic!: string;
  @Shown({ type: "string", enum: [...NOTICE_CHANNELS] }) readonly channel!: string;
  @Shown({ ...SHOWN.text, description: "Id of the person; room where all read; unresolved where people's rows could not be read." })
  readonly recipient!: string;
  @Shown({ type: "string", enum: [...STATES] }) readonly state!: string;
  @Shown(SHOWN.count) readonly attempts!: number;
  @Shown({ ...SHOWN.text, nullable: true, description: "Why the last attempt failed." }) readonly reason!: string | null;
  @Shown(SHOWN.time) readonly createdAt!: string;
}

/** One page of deliveries. */
export class DeliveriesReply {
  @Shown({ type: () => [DeliveryReply] }) readonly items!: readonly DeliveryReply[];
  @Shown(SHOWN.next) readonly next!: string | null;
}
