import { SHOWN, Shown } from "../wire/fields.js";
import { ACCOUNT_KINDS, PARTITIONS } from "./account.js";

/** The registered facts of an account. */
export class AccountReply {
  @Shown(SHOWN.id) readonly id!: string;
  @Shown({ type: "string", pattern: "^[0-9]{12}$" }) readonly awsId!: string;
  @Shown({ type: "string", enum: [...PARTITIONS] }) readonly partition!: string;
  @Shown({ type: "string", enum: [...ACCOUNT_KINDS] }) readonly kind!: string;
  @Shown(SHOWN.text) readonly customer!: string;
  @Shown({ type: "object", additionalProperties: { type: "string" } }) readonly tags!: Readonly<Record<string, string>>;
  @Shown(SHOWN.text) readonly rootEmail!: string;
  @Shown(SHOWN.text) readonly state!: string;
  @Shown({ ...SHOWN.id, nullable: true, description: "The grant that has the account checked out; null while it is in." })
  readonly checkedOutBy!: string | null;
}

/** One page of accounts. */
export class AccountsReply {
  @Shown({ type: () => [AccountReply] }) readonly items!: readonly AccountReply[];
  @Shown(SHOWN.next) readonly next!: string | null;
}
