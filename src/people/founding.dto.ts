import { LIMITS } from "../kernel/limits.js";
import { CodeField, SHOWN, Shown, TextField } from "../wire/fields.js";

/** A founder's answer to their invitation. */
export class FoundingAcceptanceForm {
  @TextField({ max: 128, description: "Token of the invitation.", isSecret: true }) readonly token!: string;
  @TextField({ min: 2, max: LIMITS.nameCharsMax }) readonly name!: string;
  @TextField({ min: 3, max: LIMITS.emailCharsMax, format: "email" }) readonly email!: string;
  @TextField({ min: LIMITS.passwordCharsMin, max: LIMITS.passwordCharsMax, isSecret: true }) readonly password!: string;
}

/** Proof that the new authenticator works. */
export class ConfirmationForm {
  @TextField({ max: 128, description: "Token of the invitation.", isSecret: true }) readonly token!: string;
  @CodeField() readonly code!: string;
}

/** The person who took the invitation. */
export class EnrolledReply {
  @Shown(SHOWN.id) readonly personId!: string;
  @Shown({ ...SHOWN.text, description: "otpauth:// URI of the new authenticator, shown this once." }) readonly otpauth!: string;
}

/** How far the founding is. */
export class FoundingReply {
  @Shown(SHOWN.flag) readonly isFounded!: boolean;
  @Shown({ ...SHOWN.count, description: "Custodians who have not confirmed yet." }) readonly missing!: number;
}
