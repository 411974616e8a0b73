import { SHOWN, Shown } from "../wire/fields.js";
import { PURPOSE_SCOPES } from "./purpose.js";

/** Accounts for which too few people may act. */
export class UncoveredGroupReply {
  @Shown({ type: "string", enum: [...PURPOSE_SCOPES] }) readonly purposeScope!: string;
  @Shown(SHOWN.text) readonly customer!: string;
  @Shown({ ...SHOWN.count, description: "People who may ask; one is needed." }) readonly requesters!: number;
  @Shown({ ...SHOWN.count, description: "People who may approve." }) readonly approvers!: number;
  @Shown({ ...SHOWN.count, description: "One more than the strictest purpose needs, for one of them may be who asks." })
  readonly approversNeeded!: number;
  @Shown(SHOWN.count) readonly accounts!: number;
  @Shown({ type: "array", items: SHOWN.id, description: "Some of the accounts." }) readonly examples!: readonly string[];
}

/** Whether each account has people enough. */
export class CoverageReply {
  @Shown({ ...SHOWN.time, description: "When all accounts were looked at." }) readonly at!: string;
  @Shown(SHOWN.count) readonly accounts!: number;
  @Shown(SHOWN.count) readonly uncovered!: number;
  @Shown({ type: () => [UncoveredGroupReply], description: "The largest groups, at most 200." })
  readonly groups!: readonly UncoveredGroupReply[];
}
