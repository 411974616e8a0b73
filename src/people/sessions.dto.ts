import { LIMITS } from "../kernel/limits.js";
import { CodeField, SHOWN, Shown, TextField } from "../wire/fields.js";
import type { Session } from "./session.entity.js";

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

/** A session that has not ended. */
export class SessionReply {
  @Shown(SHOWN.id) readonly id!: string;
  @Shown(SHOWN.time) readonly createdAt!: string;
  @Shown(SHOWN.time) readonly expiresAt!: string;
  @Shown(SHOWN.time) readonly lastSeenAt!: string;
  @Shown({ ...SHOWN.text, nullable: true, description: "Where it was opened from: an IPv4 address, or the /64 of an IPv6 one." })
  readonly place!: string | null;
  @Shown({ type: "string", enum: ["password", "oidc"], description: "How it was opened." }) readonly method!: string;
  @Shown({ ...SHOWN.flag, description: "It is the one that asks." }) readonly isCurrent!: boolean;
}

/** A session as it is shown to somebody whose own is `current`. */
export function shownSession(session: Session, current: string): SessionReply {
  const { id, createdAt, expiresAt, lastSeenAt, place, identityId } = session;
  return {
    id,
    createdAt: createdAt.toISOString(),
    expiresAt: expiresAt.toISOString(),
    lastSeenAt: lastSeenAt.toISOString(),
    place,
    method: identityId === null ? "password" : "oidc",
    isCurrent: id === current,
  };
}

/** Sessions that have not ended. */
export class SessionsReply {
  @Shown({ type: () => [SessionReply] }) readonly items!: readonly SessionReply[];
  @Shown(SHOWN.next) readonly next!: string | null;
}
