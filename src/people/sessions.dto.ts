import { LIMITS } from "../kernel/limits.js";
import { CodeField, SHOWN, Shown, TextField } from "../wire/fields.js";

/** Signing in with password and authenticator. */
export class SessionForm {
  @TextField({ min: 3, max: LIMITS.emailCharsMax, format: "email" }) readonly email!: string;
  @TextField({ max: LIMITS.passwordCharsMax, isSecret: true }) readonly password!: string;
  @CodeField() readonly code!: string;
}

/** A new session; the token is shown this once. */
export class NewSessionReply {
  @Shown(SHOWN.id) readonly sessionId!: string;
  @Shown(SHOWN.id) readonly personId!: string;
  @Shown({ ...SHOWN.text, description: "Bearer token, shown this once." }) readonly token!: string;
  @Shown(SHOWN.time) readonly expiresAt!: string;
  @Shown({ ...SHOWN.count, description: "Position of the entry in the audit log." }) readonly seq!: number;
}

/** A session of the caller's own. */
export class SessionReply {
  @Shown(SHOWN.id) readonly id!: string;
  @Shown(SHOWN.time) readonly createdAt!: string;
  @Shown(SHOWN.time) readonly expiresAt!: string;
  @Shown(SHOWN.time) readonly lastSeenAt!: string;
  @Shown({ ...SHOWN.flag, description: "It is the one that asks." }) readonly isCurrent!: boolean;
}

/** The caller's sessions that have not ended. */
export class SessionsReply {
  @Shown({ type: () => [SessionReply] }) readonly items!: readonly SessionReply[];
  @Shown(SHOWN.next) readonly next!: string | null;
}
