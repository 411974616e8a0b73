import type { EntryAction } from "../actions.js";

/** Release of the Open Cybersecurity Schema Framework that events are written in (28 April 2025). */
export const OCSF_VERSION = "1.5.0";

/** OCSF `severity_id`: 1 informational, 2 low, 3 medium, 4 high, 5 critical. */
export type Severity = 1 | 2 | 3 | 4 | 5;

/** The event classes that entries are mapped to; `uid` is category × 1000 + class, as the schema composes it. */
export const OCSF_CLASSES = {
  base: { uid: 0, category: 0, name: "Base Event" },
  accountChange: { uid: 3001, category: 3, name: "Account Change" },
  authentication: { uid: 3002, category: 3, name: "Authentication" },
  entityManagement: { uid: 3004, category: 3, name: "Entity Management" },
  userAccess: { uid: 3005, category: 3, name: "User Access Management" },
  applicationLifecycle: { uid: 6002, category: 6, name: "Application Lifecycle" },
  apiActivity: { uid: 6003, category: 6, name: "API Activity" },
} as const;
export type OcsfClass = keyof typeof OCSF_CLASSES;

/** Activities by class, with the schema's captions. */
const ACTIVITIES = {
  accountChange: {
    1: "Create",
    2: "Enable",
    5: "Disable",
    6: "Delete",
    9: "Lock",
    10: "MFA Factor Enable",
    11: "MFA Factor Disable",
  },
  authentication: { 1: "Logon", 2: "Logoff" },
  entityManagement: {
    1: "Create",
    2: "Read",
    3: "Update",
    4: "Delete",
    10: "Activate",
    11: "Deactivate",
  },
  userAccess: { 1: "Assign Privileges", 2: "Revoke Privileges" },
  applicationLifecycle: { 3: "Start", 4: "Stop", 6: "Enable", 7: "Disable" },
  apiActivity: { 1: "Create", 2: "Read", 3: "Update", 4: "Delete" },
} as const;

/** What an action is in OCSF. */
export interface OcsfKind {
  readonly class: OcsfClass;
  readonly activity: number;
  readonly activityName: string;
  /** Of an act that went well; a refusal or an error may raise it. */
  readonly severity: Severity;
}

type Activities = typeof ACTIVITIES;

function kind<Class extends keyof Activities>(name: Class, activity: keyof Activities[Class] & number, severity: Severity = 1): OcsfKind {
  return { class: name, activity, activityName: String(ACTIVITIES[name][activity]), severity };
}

const api = (activity: keyof Activities["apiActivity"], severity?: Severity): OcsfKind => kind("apiActivity", activity, severity);
const entity = (activity: keyof Activities["entityManagement"], severity?: Severity): OcsfKind =>
  kind("entityManagement", activity, severity);
const account = (activity: keyof Activities["accountChange"], severity?: Severity): OcsfKind => kind("accountChange", activity, severity);

const CREATE = 1;
const READ = 2;
const UPDATE = 3;
const DELETE = 4;

/**
 * The kind of every action of the closed list; a new action does not compile without its line. What changes who may do what, or releases
 * a credential, is `low` or more, so that a SIEM's rule can begin there.
 */
export const OCSF_ACTIONS: Readonly<Record<EntryAction, OcsfKind>> = {
  "sys.live": api(READ),
  "sys.ready": api(READ),
  "sys.health": api(READ),
  "sys.metrics": api(READ),
  "sys.openapi": api(READ),
  "founding.accept": account(1, 2),
  "founding.confirm": account(10, 2),
  "invitation.link": entity(READ, 2),
  "invitation.code": entity(READ, 2),
  "invitation.accept": account(1, 2),
  "invitation.confirm": account(10, 2),
  "session.create": kind("authentication", 1),
  "login.begin": api(CREATE),
  "login.complete": kind("authentication", 1),
  "session.list": api(READ),
  "session.revoke": kind("authentication", 2),
  "session.survey": api(READ),
  "session.end": kind("authentication", 2, 2),
  "session.logout": kind("authentication", 2),
  "identity.link": account(10, 3),
  "identity.accept": account(10, 3),
  "identity.list": api(READ),
  "person.self": api(READ),
  "person.list": api(READ),
  "person.enrol": account(1, 2),
  "person.suspend": account(5, 2),
  "person.restore": account(2, 2),
  "person.leave": account(6, 2),
  "person.team": entity(UPDATE, 2),
  "team.list": api(READ),
  "authenticator.reset": account(11, 3),
  "allowlist.list": api(READ),
  "allowlist.report": api(READ),
  "allowlist.grant": kind("userAccess", 1, 2),
  "allowlist.revoke": kind("userAccess", 2, 2),
  "allowlist.certify": entity(10, 2),
  "config.read": api(READ),
  "config.approve": entity(10, 3),
  "account.list": api(READ),
  "account.read": api(READ),
  "account.register": entity(CREATE, 2),
  "account.import": entity(CREATE, 2),
  "account.change": entity(UPDATE, 3),
  "import.read": api(READ),
  "account.move": entity(UPDATE, 3),
  "checklist.list": api(READ),
  "checklist.read": api(READ),
  "checklist.begin": entity(CREATE, 2),
  "checklist.claim": entity(UPDATE),
  "checklist.attest": entity(UPDATE, 2),
  "checklist.waive": entity(UPDATE, 3),
  "purpose.list": api(READ),
  "policy.list": api(READ),
  "policy.history": api(READ),
  "policy.explain": api(READ),
  "policy.preview": api(READ),
  "policy.change": entity(UPDATE, 3),
  "request.submit": entity(CREATE),
  "request.list": api(READ),
  "request.read": api(READ),
  "request.approve": entity(UPDATE, 2),
  "request.deny": entity(UPDATE, 2),
  "request.withdraw": entity(UPDATE),
  "grant.read": api(READ),
  "grant.revoke": entity(DELETE, 2),
  "grant.return": entity(11),
  "secret.list": api(READ),
  "secret.reveal": api(READ, 2),
  "secret.code": api(READ, 2),
  "secret.waive": entity(UPDATE, 3),
  "candidate.stage": entity(CREATE, 2),
  "account.destroy": entity(DELETE, 3),
  "destruction.read": api(READ, 2),
  "candidate.report": entity(UPDATE, 2),
  "candidate.settle": entity(10, 3),
  "secret.suspect": entity(UPDATE, 3),
  "rotation.list": api(READ),
  "disclosure.erase": entity(DELETE, 3),
  "glass.list": api(READ),
  "glass.review": entity(UPDATE, 3),
  "brake.raise": entity(UPDATE, 3),
  "posture.list": api(READ),
  "posture.read": api(READ),
  "posture.take": api(CREATE),
  "ticket.list": api(READ),
  "ticket.read": api(READ),
  "ticket.open": entity(CREATE),
  "ticket.comment": entity(UPDATE),
  "ticket.close": entity(11),
  "ticket_update.list": api(READ),
  "ticket_update.retry": api(UPDATE),
  "notice.list": api(READ),
  "notice.retry": api(UPDATE),
  "audit.read": api(READ),
  "audit.export": api(READ, 2),
  "report.read": api(READ, 2),
  "log.genesis": entity(CREATE),
  "log.heartbeat": entity(READ),
  "log.reopened": entity(CREATE, 4),
  "log.voided": entity(DELETE, 3),
  "log.pruned": entity(DELETE, 3),
  "log.key_rotated": entity(UPDATE, 3),
  "log.rollback_detected": entity(READ, 5),
  "people.founded": account(1, 3),
  "people.recovered": account(1, 4),
  "service.started": kind("applicationLifecycle", 3),
  "service.stopped": kind("applicationLifecycle", 4),
  "service.sealed": kind("applicationLifecycle", 7, 4),
  "service.unsealed": kind("applicationLifecycle", 6, 3),
  "row.refused": entity(READ, 4),
  "entry.refused": entity(READ, 4),
  "clock.refused": entity(READ, 3),
  "config.changed": entity(UPDATE, 3),
  "session.failed": kind("authentication", 1, 2),
  "session.expired": kind("authentication", 2),
  "session.ended": kind("authentication", 2, 2),
  "allowlist.lapsed": kind("userAccess", 2),
  "authenticator.locked": account(9, 3),
  "request.opened": entity(10),
  "request.expired": entity(11),
  "request.closed": entity(11),
  "grant.expired": entity(11),
  "grant.revoked": entity(DELETE, 2),
  "address.registered": entity(CREATE),
  "account.changed": entity(UPDATE),
  "account.destroyed": entity(DELETE, 3),
  "import.started": entity(CREATE, 2),
  "import.finished": entity(UPDATE, 2),
  "secret.sealed": entity(CREATE),
  "secret.staged": entity(CREATE),
  "secret.activated": entity(10),
  "candidate.doubted": entity(UPDATE, 2),
  "candidate.abandoned": entity(11, 2),
  "secret.burnt": entity(11, 2),
  "secret.destroyed": entity(DELETE, 2),
  "brake.engaged": entity(READ, 4),
  "key.created": entity(CREATE),
  "key.unwrapped": entity(READ),
  "key.rewrapped": entity(UPDATE),
  "key.disabled": entity(11, 3),
  "key.destroyed": entity(DELETE, 3),
  "key.escrowed": entity(UPDATE),
  "posture.taken": entity(READ),
  "posture.changed": entity(UPDATE, 4),
};

/** An action that a later build wrote, and this one does not know [AE-16]: it is sent all the same. */
export const OCSF_UNKNOWN_ACTION: OcsfKind = { class: "base", activity: 99, activityName: "Other", severity: 1 };
