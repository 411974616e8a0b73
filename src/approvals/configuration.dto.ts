import { SHOWN, Shown } from "../wire/fields.js";

/** The trusted configuration of the process that answers. */
export class ConfigurationReply {
  @Shown({ type: "string", pattern: "^[0-9a-f]{64}$" }) readonly digest!: string;
  @Shown({ type: "string", nullable: true, description: "The digest that custodians last approved in the log." })
  readonly approvedDigest!: string | null;
  @Shown(SHOWN.flag) readonly isApproved!: boolean;
  @Shown(SHOWN.object) readonly settings!: object;
}
