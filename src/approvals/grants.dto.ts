import { SHOWN, Shown } from "../wire/fields.js";

/** A version that the grant opens. */
export class GrantedVersionReply {
  @Shown(SHOWN.id) readonly secretId!: string;
  @Shown(SHOWN.id) readonly versionId!: string;
  @Shown(SHOWN.text) readonly kind!: string;
  @Shown({ ...SHOWN.id, description: "Who opens it." }) readonly holder!: string;
  @Shown({ ...SHOWN.flag, description: "Staged to succeed the current one, and opened as `candidate`." }) readonly isCandidate!: boolean;
}

/** What an approved request lets its holder open. */
export class GrantReply {
  @Shown(SHOWN.id) readonly id!: string;
  @Shown(SHOWN.id) readonly requestId!: string;
  @Shown({ ...SHOWN.id, description: "Holder of the password, where it opens one; each version names its own." })
  readonly holderId!: string;
  @Shown(SHOWN.id) readonly accountId!: string;
  @Shown({ type: () => [GrantedVersionReply] }) readonly versions!: readonly GrantedVersionReply[];
  @Shown({ ...SHOWN.count, description: "MFA codes that it gives at most." }) readonly codesMax!: number;
  @Shown({ type: "object", additionalProperties: { type: "integer" }, description: "How often each version was opened, by version id." })
  readonly openings!: Readonly<Record<string, number>>;
  @Shown({ type: "string", enum: ["OPEN", "RETURNED", "EXPIRED", "REVOKED"] }) readonly state!: string;
  @Shown(SHOWN.time) readonly grantedAt!: string;
  @Shown(SHOWN.time) readonly expiresAt!: string;
}
