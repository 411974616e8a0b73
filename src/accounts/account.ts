import type { FieldError } from "../kernel/errors.js";
import type { Id } from "../kernel/ids.js";
import { LIMITS } from "../kernel/limits.js";

/** AWS partitions that we keep accounts of. Account ids are unique within one, not across them. */
export const PARTITIONS = ["aws", "aws-us-gov", "aws-cn"] as const;
export type Partition = (typeof PARTITIONS)[number];

/** What the account is to AWS Organizations; it decides which way a task may go (domain catalogue §1.1). */
export const ACCOUNT_KINDS = ["standalone", "management", "member"] as const;
export type AccountKind = (typeof ACCOUNT_KINDS)[number];

/** The life of an account, after the state machine of the domain file §6.1. */
export const ACCOUNT_STATES = [
  "invited",
  "assuming",
  "secured",
  "active",
  "rotating",
  "closing",
  "closed",
  "sealed_final",
  "reopening",
  "releasing",
  "released",
  "quarantined",
  "abandoned",
] as const;
export type AccountState = (typeof ACCOUNT_STATES)[number];

/** Labels of an account; allowlist entries may name them, so they change only under dual control. Keys are unique by nature. */
export type AccountTags = Readonly<Record<string, string>>;

/** The facts that are registered about an account. It carries no secret. */
export interface AccountFacts {
  readonly id: Id<"account">;
  /** Twelve digits. Text, because ids begin with zeros. */
  readonly awsId: string;
  readonly partition: Partition;
  readonly kind: AccountKind;
  readonly customer: string;
  readonly tags: AccountTags;
  /** As AWS was given it, byte for byte: mail is matched by other rules than registration. */
  readonly rootEmail: string;
  readonly state: AccountState;
}

/** The facts that a caller states; id and state are ours to give. */
export type AccountStatement = Omit<AccountFacts, "id" | "state">;

/** Bounds of the tags of one account. Characters are UTF-16 units. */
export const TAG_LIMITS = { tagsMax: 16, keyCharsMax: 32, valueCharsMax: 64 } as const;

/** What the validators answer: constants that never hold the value they judge (law L8). */
export const ACCOUNT_RULES = {
  awsId: "must be twelve digits and not all zeros",
  partition: "must be aws, aws-us-gov or aws-cn",
  kind: "must be standalone, management or member",
  state: "must be a state of the account's life cycle",
  customer: "must be 1 to 120 visible characters in Unicode form NFC, without blanks at either end",
  tagKey: "must be 1 to 32 characters: a lower-case letter, then lower-case letters, digits, hyphens or underscores",
  tagValue: "must be 1 to 64 visible characters in Unicode form NFC, without blanks at either end",
  tagCount: "must be no more than 16 tags",
  rootEmail: "must be an e-mail address of at most 254 ASCII characters, at most 64 of them before the @",
  accessKey: "Root access keys are refused: delete the key at AWS (Security credentials of the root user), then import without it",
} as const;

/** A rule that was broken. */
export type AccountRule = (typeof ACCOUNT_RULES)[keyof typeof ACCOUNT_RULES];

const AWS_ID = /^(?!0{12}$)[0-9]{12}$/;
const TAG_KEY = /^[a-z][a-z0-9_-]{0,31}$/;
// Control, format (bidirectional overrides among them), surrogate, private-use and separator characters: an approver must read what stands there.
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u;
const ACCESS_KEY_ID = /(?:^|[^A-Z0-9])A(?:KIA|SIA)[A-Z0-9]{16}(?![A-Z0-9])/;
// RFC 5321 dot-atoms and host labels; quoted local parts and address literals are left out because AWS takes neither.
const LOCAL = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/;
const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])$/;

const LOCAL_CHARS_MAX = 64;

/** True if `value` is one of {@link PARTITIONS}. */
export function isPartition(value: string): value is Partition {
  return (PARTITIONS as readonly string[]).includes(value);
}

/** True if `value` is one of {@link ACCOUNT_KINDS}. */
export function isAccountKind(value: string): value is AccountKind {
  return (ACCOUNT_KINDS as readonly string[]).includes(value);
}

/** True for twelve digits that are not all zeros, which is what AWS gives out. */
export function isAwsId(value: string): boolean {
  return AWS_ID.test(value);
}

/** True if `value` is an e-mail address of the plain form that AWS takes for a root user. */
export function isRootEmail(value: string): boolean {
  // The length is looked at first, so that no pattern runs over a long text.
  if (value.length > LIMITS.emailCharsMax) return false;
  const at = value.lastIndexOf("@");
  return at > 0 && at <= LOCAL_CHARS_MAX && LOCAL.test(value.slice(0, at)) && HOST.test(value.slice(at + 1));
}

/**
 * True if `value` is a label that a person can read and a comparison can trust: 1 to `charsMax` UTF-16 units, nothing invisible, no blank
 * at either end, and in form NFC, so that two texts that look alike by composition are one text.
 */
export function isLabel(value: string, charsMax: number): boolean {
  if (value.length === 0 || value.length > charsMax || !value.isWellFormed()) return false;
  return !HIDDEN.test(value) && value.trim() === value && value.normalize("NFC") === value;
}

/** True if `value` may be the key of a tag: a letter, then letters, digits, `_` and `-`, in lower case, 32 at most. */
export function isTagKey(value: string): boolean {
  return TAG_KEY.test(value);
}

/** True if `value` holds what looks like an AWS access key id. Such keys are never taken in: the right thing is to delete them. */
export function holdsAccessKeyId(value: string): boolean {
  return ACCESS_KEY_ID.test(value);
}

/** Every rule that `tags` break; the field is `tag:<key>` for a key of the right form and `tags` otherwise. */
export function checkTags(tags: AccountTags): FieldError[] {
  const entries = Object.entries(tags);
  if (entries.length > TAG_LIMITS.tagsMax) return [{ field: "tags", rule: ACCOUNT_RULES.tagCount }];
  const errors: FieldError[] = [];
  for (const [key, value] of entries) {
    if (!isTagKey(key)) errors.push({ field: "tags", rule: ACCOUNT_RULES.tagKey });
    else if (holdsAccessKeyId(value)) errors.push({ field: `tag:${key}`, rule: ACCOUNT_RULES.accessKey });
    else if (!isLabel(value, TAG_LIMITS.valueCharsMax)) errors.push({ field: `tag:${key}`, rule: ACCOUNT_RULES.tagValue });
  }
  return errors;
}

/** What a caller states before it is checked: texts of any content. */
export type UncheckedStatement = Record<"awsId" | "partition" | "kind" | "customer" | "rootEmail", string> & { readonly tags: AccountTags };

/** Every rule that the statement breaks, in the order of the fields; empty when it is an {@link AccountStatement}. */
export function checkAccount(statement: UncheckedStatement): FieldError[] {
  const { awsId, partition, kind, customer, rootEmail, tags } = statement;
  const errors: FieldError[] = [];
  if (!isAwsId(awsId)) errors.push({ field: "awsId", rule: ACCOUNT_RULES.awsId });
  if (!isPartition(partition)) errors.push({ field: "partition", rule: ACCOUNT_RULES.partition });
  if (!isAccountKind(kind)) errors.push({ field: "kind", rule: ACCOUNT_RULES.kind });
  if (holdsAccessKeyId(customer)) errors.push({ field: "customer", rule: ACCOUNT_RULES.accessKey });
  else if (!isLabel(customer, LIMITS.nameCharsMax)) errors.push({ field: "customer", rule: ACCOUNT_RULES.customer });
  if (holdsAccessKeyId(rootEmail)) errors.push({ field: "rootEmail", rule: ACCOUNT_RULES.accessKey });
  else if (!isRootEmail(rootEmail)) errors.push({ field: "rootEmail", rule: ACCOUNT_RULES.rootEmail });
  return [...errors, ...checkTags(tags)];
}
