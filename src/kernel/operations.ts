/** Roles that an allowlist entry gives a person (design §2). */
export const ROLES = ["requester", "approver", "custodian", "auditor"] as const;
export type Role = (typeof ROLES)[number];

/**
 * What a route needs of its caller. `anyone`: nobody need be signed in (the call carries its own proof). `person`: any signed-in
 * person, whatever the roles. `roles`: at least one live allowlist entry with one of them. Rights over one account are decided by the
 * use case, against the entry's scope.
 */
export type Access = "anyone" | "person" | readonly Role[];

export interface OperationRule {
  readonly access: Access;
  /** Guarded acts run only as the effect of a request that enough other people approved. */
  readonly guarded: boolean;
  /** Releases a secret: its answer is never stored, never cached, and a repeat is refused (design §9). */
  readonly releases: boolean;
  /** Needs a fresh second factor as an argument of the call. */
  readonly stepUp: boolean;
  /**
   * How far its answer reaches (decision 0036). `accounts`: accounts that the caller's entries cover, and the caller's own part. `whole`: it
   * tells of all accounts together, and answers only whose entries are over all. Without: what it tells is of no account.
   */
  readonly reads?: "accounts" | "whole";
  /** May run before the deployment is founded. */
  readonly beforeFounding?: true;
}

const rule = (access: Access, marks: Partial<Omit<OperationRule, "access">> = {}): OperationRule =>
  Object.freeze({ access, guarded: false, releases: false, stepUp: false, ...marks });

/**
 * The closed list of operations. The same string stands in route, RPC, audit entry, metric, policy and docs; a route without one does
 * not boot, one without a rule does not compile. The matrix of it is test/golden/authz-matrix.txt.
 */
export const OPERATIONS = {
  "sys.live": rule("anyone", { beforeFounding: true }),
  "sys.ready": rule("anyone", { beforeFounding: true }),
  "sys.health": rule("anyone", { beforeFounding: true }),
  "sys.metrics": rule("anyone", { beforeFounding: true }),
  "sys.openapi": rule("anyone", { beforeFounding: true }),
  "founding.accept": rule("anyone", { releases: true, beforeFounding: true }),
  "founding.confirm": rule("anyone", { beforeFounding: true }),
  "invitation.link": rule(["custodian"], { releases: true, stepUp: true }),
  "invitation.code": rule(["custodian"], { releases: true, stepUp: true }),
  "invitation.accept": rule("anyone", { releases: true }),
  "invitation.confirm": rule("anyone"),
  "session.create": rule("anyone", { releases: true }),
  "login.begin": rule("anyone", { releases: true }),
  "login.complete": rule("anyone", { releases: true }),
  "session.list": rule("person"),
  "session.revoke": rule("person"),
  "session.survey": rule(["custodian"]),
  "session.end": rule(["custodian"]),
  "session.logout": rule("anyone"),
  "identity.link": rule(["custodian"], { guarded: true }),
  "identity.accept": rule("anyone"),
  "identity.list": rule(["custodian", "auditor"]),
  "person.self": rule("person"),
  "person.list": rule(["custodian", "auditor"]),
  "person.enrol": rule(["custodian"], { guarded: true }),
  "person.suspend": rule(["custodian"]),
  "person.restore": rule(["custodian"], { guarded: true }),
  "person.leave": rule(["custodian"], { guarded: true }),
  "person.team": rule(["custodian"], { guarded: true }),
  "team.list": rule(["approver", "custodian", "auditor"]),
  "authenticator.reset": rule(["custodian"], { guarded: true }),
  "allowlist.list": rule(["custodian", "auditor"], { reads: "whole" }),
  "allowlist.report": rule(["custodian", "auditor"], { reads: "whole" }),
  "allowlist.grant": rule(["custodian"], { guarded: true }),
  "allowlist.revoke": rule(["custodian"]),
  "allowlist.certify": rule(["custodian"], { guarded: true }),
  "config.read": rule(["custodian", "auditor"]),
  "config.approve": rule(["custodian"], { guarded: true }),
  "account.list": rule(["requester", "approver", "custodian", "auditor"], { reads: "accounts" }),
  "account.read": rule(["requester", "approver", "custodian", "auditor"], { reads: "accounts" }),
  "account.register": rule(["custodian"]),
  "account.import": rule(["custodian"]),
  "account.change": rule(["custodian"], { guarded: true }),
  "import.read": rule(["custodian"]),
  "account.move": rule(["custodian"], { guarded: true }),
  "checklist.list": rule(["requester", "approver", "custodian", "auditor"], { reads: "accounts" }),
  "checklist.read": rule(["requester", "approver", "custodian", "auditor"], { reads: "accounts" }),
  "checklist.begin": rule(["custodian"], { stepUp: true }),
  "checklist.claim": rule(["requester", "custodian"], { stepUp: true }),
  "checklist.attest": rule(["approver", "custodian"], { stepUp: true }),
  "checklist.waive": rule(["custodian"], { guarded: true }),
  "purpose.list": rule("person"),
  "policy.list": rule(["requester", "approver", "custodian", "auditor"]),
  "policy.history": rule(["custodian", "auditor"]),
  "policy.explain": rule(["requester", "approver", "custodian", "auditor"], { reads: "accounts" }),
  "policy.preview": rule(["custodian", "auditor"], { reads: "whole" }),
  "policy.change": rule(["custodian"], { guarded: true }),
  "request.submit": rule(["requester", "custodian"]),
  "request.list": rule(["requester", "approver", "custodian", "auditor"], { reads: "accounts" }),
  "request.read": rule(["requester", "approver", "custodian", "auditor"], { reads: "accounts" }),
  "request.approve": rule(["approver", "custodian"], { stepUp: true }),
  "request.deny": rule(["approver", "custodian"]),
  "request.withdraw": rule(["requester", "custodian"]),
  "grant.read": rule(["requester", "approver", "custodian", "auditor"], { reads: "accounts" }),
  "grant.revoke": rule(["approver", "custodian"]),
  "grant.return": rule(["requester"]),
  "secret.list": rule(["requester", "approver", "custodian", "auditor"], { reads: "accounts" }),
  "secret.reveal": rule(["requester"], { guarded: true, releases: true, stepUp: true }),
  "secret.code": rule(["requester"], { guarded: true, releases: true, stepUp: true }),
  "secret.waive": rule(["custodian"], { guarded: true }),
  "candidate.stage": rule(["requester", "custodian"]),
  "account.destroy": rule(["custodian"], { guarded: true }),
  "destruction.read": rule(["custodian", "auditor"], { reads: "accounts" }),
  "candidate.report": rule(["requester"]),
  "candidate.settle": rule(["requester"], { guarded: true }),
  "secret.suspect": rule(["requester", "approver", "custodian"]),
  "rotation.list": rule(["requester", "approver", "custodian", "auditor"], { reads: "accounts" }),
  "disclosure.erase": rule(["custodian"], { guarded: true }),
  "glass.list": rule(["approver", "custodian", "auditor"], { reads: "accounts" }),
  "glass.review": rule(["custodian"], { stepUp: true }),
  "brake.raise": rule(["custodian"], { guarded: true }),
  "posture.list": rule(["requester", "approver", "custodian", "auditor"], { reads: "accounts" }),
  "posture.read": rule(["requester", "approver", "custodian", "auditor"], { reads: "accounts" }),
  "posture.take": rule(["custodian"]),
  "ticket.list": rule(["requester", "approver", "custodian", "auditor"], { reads: "accounts" }),
  "ticket.read": rule(["requester", "approver", "custodian", "auditor"], { reads: "accounts" }),
  "ticket.open": rule(["requester", "approver", "custodian"]),
  "ticket.comment": rule(["requester", "approver", "custodian"]),
  "ticket.close": rule(["requester", "approver", "custodian"]),
  "ticket_update.list": rule(["custodian", "auditor"], { reads: "whole" }),
  "ticket_update.retry": rule(["custodian"]),
  "notice.list": rule(["custodian", "auditor"], { reads: "whole" }),
  "notice.retry": rule(["custodian"]),
  "audit.read": rule(["auditor", "custodian"], { reads: "whole" }),
  "audit.export": rule(["auditor"], { reads: "whole" }),
  "report.read": rule(["auditor", "custodian"], { reads: "accounts" }),
} as const satisfies Record<string, OperationRule>;

export type Operation = keyof typeof OPERATIONS;

/** Every operation, in the order of the table. */
export const OPERATION_NAMES = Object.keys(OPERATIONS) as readonly Operation[];

/** True if `value` is the name of an operation of the closed list. */
export function isOperation(value: unknown): value is Operation {
  return typeof value === "string" && Object.hasOwn(OPERATIONS, value);
}

/** The rule of `operation`. */
export function ruleOf(operation: Operation): OperationRule {
  return OPERATIONS[operation];
}
