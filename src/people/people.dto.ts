import { ROLES } from "../kernel/operations.js";
import { SHOWN, Shown } from "../wire/fields.js";

const STATE = { type: "string", enum: ["INVITED", "ACTIVE", "SUSPENDED", "LEFT"] };

/** A person as custodians and auditors see them. */
export class PersonReply {
  @Shown(SHOWN.id) readonly id!: string;
  @Shown(SHOWN.text) readonly name!: string;
  @Shown(SHOWN.text) readonly email!: string;
  @Shown(STATE) readonly state!: string;
  @Shown(SHOWN.time) readonly createdAt!: string;
}

/** One page of people. */
export class PeopleReply {
  @Shown({ type: () => [PersonReply] }) readonly items!: readonly PersonReply[];
  @Shown(SHOWN.next) readonly next!: string | null;
}

/** The caller. */
export class SelfReply {
  @Shown(SHOWN.id) readonly id!: string;
  @Shown(SHOWN.text) readonly name!: string;
  @Shown(SHOWN.text) readonly email!: string;
  @Shown(STATE) readonly state!: string;
  @Shown({
    type: "array",
    items: { type: "string", enum: [...ROLES] },
    description: "Roles of allowlist entries in force, over whatever accounts.",
  })
  readonly roles!: readonly string[];
  @Shown(SHOWN.id) readonly sessionId!: string;
}
