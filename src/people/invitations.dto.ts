import { LIMITS } from "../kernel/limits.js";
import { CodeField, SHOWN, Shown, TextField } from "../wire/fields.js";

/** Takes one half of an invitation, with a fresh second factor. */
export class TakingForm {
  @CodeField() readonly code!: string;
}

/** A person's answer to their invitation: the link's token and the code that a custodian handed over. */
export class InvitationAcceptanceForm {
  @TextField({ max: 128, description: "Token of the link.", isSecret: true }) readonly token!: string;
  @TextField({ max: 32, description: "Code that the approving custodian hands over.", isSecret: true }) readonly code!: string;
  @TextField({ min: LIMITS.passwordCharsMin, max: LIMITS.passwordCharsMax, isSecret: true }) readonly password!: string;
}

/** One half of an invitation, given out once to the custodian who asked. */
export class InvitationLinkReply {
  @Shown({ ...SHOWN.text, description: "Token of the link, shown this once." }) readonly token!: string;
  @Shown(SHOWN.time) readonly expiresAt!: string;
  @Shown({ ...SHOWN.count, description: "Position of the entry in the audit log." }) readonly seq!: number;
}

/** The other half, given out once to the custodian who decided. */
export class InvitationCodeReply {
  @Shown({ ...SHOWN.text, description: "Code that completes the link, shown this once." }) readonly code!: string;
  @Shown(SHOWN.time) readonly expiresAt!: string;
  @Shown({ ...SHOWN.count, description: "Position of the entry in the audit log." }) readonly seq!: number;
}

/** A person who has become one. */
export class ConfirmedReply {
  @Shown(SHOWN.id) readonly personId!: string;
  @Shown({ ...SHOWN.time, description: "From when on the authenticator counts for more than signing in." }) readonly usableFrom!: string;
}

/** The person who took the invitation. */
export class AcceptedReply {
  @Shown(SHOWN.id) readonly personId!: string;
  @Shown({ ...SHOWN.text, description: "otpauth:// URI of the new authenticator, shown this once." }) readonly otpauth!: string;
  @Shown({ ...SHOWN.count, description: "Position of the entry in the audit log." }) readonly seq!: number;
}
