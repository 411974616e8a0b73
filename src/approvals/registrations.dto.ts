import { ACCOUNT_KINDS, PARTITIONS } from "../accounts/account.js";
import { CONTACTS_MAX } from "../accounts/contact.js";
import { CUSTODY_MODES } from "../accounts/custody.js";
import { LIMITS } from "../kernel/limits.js";
import { ChoiceField, ListField, ObjectField, SHOWN, Shown, TextField } from "../wire/fields.js";

/** States an account. */
export class RegisterForm {
  @TextField({ min: 12, max: 12, pattern: /^[0-9]{12}$/, rule: "is twelve digits" }) readonly awsId!: string;
  @ChoiceField(PARTITIONS, { isOptional: true, description: "aws unless told." }) readonly partition?: string | null;
  @ChoiceField(ACCOUNT_KINDS) readonly kind!: string;
  @TextField({ max: LIMITS.nameCharsMax }) readonly customer!: string;
  @ChoiceField(CUSTODY_MODES, { isOptional: true, description: "Who is to keep the root credentials; VAULTED unless told." })
  readonly custody?: string | null;
  @TextField({ max: 34, isOptional: true, description: "Id of the AWS organization." }) readonly organizationId?: string | null;
  @ObjectField({ isOptional: true, description: "Access tags: text by key." }) readonly tags?: Readonly<Record<string, unknown>> | null;
  @ListField({ max: CONTACTS_MAX, isOptional: true, description: "Contacts: role, name, email, phone." })
  readonly contacts?: readonly unknown[] | null;
  @TextField({
    max: LIMITS.emailCharsMax,
    isOptional: true,
    description: "The root e-mail address that the account has and keeps; absent to have one made.",
  })
  readonly rootEmail?: string | null;
}

/** The account, registered. */
export class RegisteredReply {
  @Shown(SHOWN.id) readonly id!: string;
  @Shown({ ...SHOWN.text, description: "Its root e-mail address: of no other account, now or ever." }) readonly rootEmail!: string;
  @Shown(SHOWN.seq) readonly seq!: number;
}
