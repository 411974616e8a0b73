import { LIMITS } from "../kernel/limits.js";
import { ChoiceField, SHOWN, Shown, TextField } from "../wire/fields.js";
import { PageQuery } from "../wire/page.dto.js";
import { ACCOUNT_KINDS, ACCOUNT_STATES, PARTITIONS, TAG_LIMITS } from "./account.js";
import { CONTACT_ROLES } from "./contact.js";
import { CUSTODY_MODES } from "./custody.js";

/** Which accounts are listed: those that fit everything that is given. */
export class AccountsQuery extends PageQuery {
  @TextField({ max: LIMITS.nameCharsMax, isOptional: true, description: "Whole name of the customer." }) readonly customer?: string;
  @TextField({ min: 12, max: 12, pattern: /^[0-9]{12}$/, rule: "is twelve digits", isOptional: true, description: "AWS account id." })
  readonly awsId?: string;
  @ChoiceField(ACCOUNT_STATES, { isOptional: true }) readonly state?: (typeof ACCOUNT_STATES)[number];
  @ChoiceField(CUSTODY_MODES, { isOptional: true }) readonly custody?: (typeof CUSTODY_MODES)[number];
  @TextField({
    max: TAG_LIMITS.keyCharsMax + 1 + TAG_LIMITS.valueCharsMax,
    pattern: /^[a-z][a-z0-9_-]{0,31}=./,
    rule: "is a tag as key=value",
    isOptional: true,
    description: "One access tag, as key=value.",
  })
  readonly tag?: string;
  @TextField({
    max: LIMITS.emailCharsMax,
    isOptional: true,
    description: "Beginning of the customer's name, the AWS account id, or the root e-mail address; A to Z in either case.",
  })
  readonly text?: string;
}

/** Somebody at the customer's. */
export class ContactReply {
  @Shown({ type: "string", enum: [...CONTACT_ROLES] }) readonly role!: string;
  @Shown(SHOWN.text) readonly name!: string;
  @Shown({ ...SHOWN.text, nullable: true }) readonly email!: string | null;
  @Shown({ ...SHOWN.text, nullable: true }) readonly phone!: string | null;
}

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
  @Shown({ type: "string", enum: [...CUSTODY_MODES], description: "Who keeps the root credentials." }) readonly custody!: string;
  @Shown({ type: "string", nullable: true, description: "Id of the AWS organization; null for none." }) readonly organizationId!:
    | string
    | null;
  @Shown({ ...SHOWN.id, nullable: true, description: "The grant that has the account checked out; null while it is in." })
  readonly checkedOutBy!: string | null;
}

/** One account, with the people whom it concerns. */
export class AccountReplyWhole extends AccountReply {
  @Shown({ type: () => [ContactReply] }) readonly contacts!: readonly ContactReply[];
}

/** One page of accounts. */
export class AccountsReply {
  @Shown({ type: () => [AccountReply] }) readonly items!: readonly AccountReply[];
  @Shown(SHOWN.next) readonly next!: string | null;
}
