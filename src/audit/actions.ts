import { OPERATION_NAMES, type Operation } from "../kernel/operations.js";

/**
 * Actions that no caller asks for by an operation: what the system does or notices by itself. Together with the operations they are the
 * closed list of what an entry can say; both lists only grow, because old entries stay.
 */
export const LOG_ACTIONS = [
  "log.genesis",
  "log.heartbeat",
  "log.reopened",
  "log.voided",
  "people.founded",
  "people.recovered",
  "service.started",
  "row.refused",
  "entry.refused",
  "session.failed",
  "session.ended",
  "allowlist.lapsed",
  "request.opened",
  "request.expired",
  "request.closed",
  "grant.expired",
  "import.started",
  "import.finished",
  "address.registered",
  "secret.activated",
  "secret.staged",
  "candidate.doubted",
  "candidate.abandoned",
  "account.destroyed",
  "brake.engaged",
  "key.unwrapped",
  "key.escrowed",
  "posture.taken",
  "posture.changed",
  // Nothing writes these: they are planned, or were never used, and stay because the list only grows.
  "log.pruned",
  "log.key_rotated",
  "log.rollback_detected",
  "service.stopped",
  "service.sealed",
  "service.unsealed",
  "clock.refused",
  "config.changed",
  "session.expired",
  "authenticator.locked",
  "grant.revoked",
  "account.changed",
  "secret.sealed",
  "secret.burnt",
  "secret.destroyed",
  "key.created",
  "key.rewrapped",
  "key.disabled",
  "key.destroyed",
] as const;

export type LogAction = (typeof LOG_ACTIONS)[number];

/** What an entry of this build can be about. */
export type EntryAction = Operation | LogAction;

const ENTRY_ACTIONS: ReadonlySet<string> = new Set<string>([...OPERATION_NAMES, ...LOG_ACTIONS]);

/** True if `action` is an operation or a log action of this build. */
export function isEntryAction(action: string): action is EntryAction {
  return ENTRY_ACTIONS.has(action);
}
