import type { EntryAction } from "./actions.js";

/** The stream of the acts that concern every account: who may act at all, and by which rules. No account has this id. */
export const GLOBAL_STREAM = "global";

const ACTS: readonly EntryAction[] = [
  "people.founded",
  "people.recovered",
  "person.enrol",
  "person.suspend",
  "person.restore",
  "person.leave",
  "invitation.accept",
  "invitation.confirm",
  "authenticator.reset",
  "identity.link",
  "identity.accept",
  "authenticator.locked",
  "allowlist.grant",
  "allowlist.revoke",
  "allowlist.certify",
  "allowlist.lapsed",
  "person.team",
  "policy.change",
  "brake.raise",
  "config.approve",
  "config.changed",
  "log.reopened",
  "log.key_rotated",
];

/** Actions whose entries are global acts where they took effect (docs/spec/account-export.md [AC-6]). The list only grows. */
export const GLOBAL_ACTS: ReadonlySet<string> = new Set<string>(ACTS);

/** What of an entry says whether it is a global act. */
export interface ActFacts {
  readonly action: string;
  readonly outcome: string;
  readonly stream?: unknown;
}

/** True for an entry of an act that lets somebody in, or out, or changes the rules, and took effect [AC-6]. */
export function isGlobalAct({ action, outcome, stream }: ActFacts): boolean {
  return stream === undefined && outcome === "committed" && GLOBAL_ACTS.has(action);
}
