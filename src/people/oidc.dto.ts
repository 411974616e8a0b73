import { LIMITS } from "../kernel/limits.js";
import { ChoiceField, CodeField, SHOWN, Shown, TextField } from "../wire/fields.js";
import { LOGIN_PURPOSES, type LoginPurpose } from "./oidc-logins.service.js";

/** Begins a sign-in at the provider. */
export class LoginForm {
  @ChoiceField(LOGIN_PURPOSES, { description: "`link` to link an identity that custodians have decided." }) readonly purpose!: LoginPurpose;
}

/** A sign-in that was begun. */
export class LoginReply {
  @Shown({ ...SHOWN.text, description: "Completes it, once; shown this once. It never goes into an address." })
  readonly loginToken!: string;
  @Shown({ ...SHOWN.text, format: "uri", description: "Where the person signs in." }) readonly authorizationUrl!: string;
  @Shown({ ...SHOWN.text, format: "uri", description: "Where the provider sends the browser afterwards." }) readonly redirect!: string;
  @Shown(SHOWN.time) readonly expiresAt!: string;
}

/** What every completion brings: the token of the one who began, and the provider's answer. */
class LoginAnswerForm {
  @TextField({ max: 128, isSecret: true }) readonly loginToken!: string;
  @TextField({ max: LIMITS.oidcResponseCharsMax, description: "Query of the redirect, as it came.", isSecret: true })
  readonly response!: string;
}

/** Completes a sign-in at the provider with a code of the authenticator enrolled here. */
export class LoginCompletionForm extends LoginAnswerForm {
  @CodeField() readonly code!: string;
}

/** Completes the link of an identity. */
export class IdentityForm extends LoginAnswerForm {
  @TextField({ max: 128, description: "Token of the invitation's link.", isSecret: true }) readonly token!: string;
  @TextField({ max: 32, description: "Code that the approving custodian hands over.", isSecret: true }) readonly invitationCode!: string;
  @CodeField() readonly code!: string;
}

/** A linked identity. */
export class LinkedReply {
  @Shown(SHOWN.id) readonly personId!: string;
  @Shown({ ...SHOWN.time, description: "From when on its sessions count for approving and opening." }) readonly usableFrom!: string;
  @Shown({ ...SHOWN.count, description: "Position of the entry in the audit log." }) readonly seq!: number;
}

/** The provider's logout token, form-encoded as OpenID Connect Back-Channel Logout has it. */
export class LogoutForm {
  @TextField({ max: LIMITS.logoutTokenCharsMax, isSecret: true }) readonly logout_token!: string;
}

/** An identity of a person. */
export class IdentityReply {
  @Shown(SHOWN.id) readonly id!: string;
  @Shown({ ...SHOWN.text, format: "uri" }) readonly issuer!: string;
  @Shown({ ...SHOWN.text, description: "The provider's own name of the person." }) readonly subject!: string;
  @Shown({ type: "string", enum: ["ACTIVE", "ENDED"] }) readonly state!: string;
  @Shown(SHOWN.time) readonly usableFrom!: string;
}

/** Identities of a person, ended ones too. */
export class IdentitiesReply {
  @Shown({ type: () => [IdentityReply] }) readonly items!: readonly IdentityReply[];
  @Shown(SHOWN.next) readonly next!: string | null;
}
