// Why some cells of the matrix are empty, and why some let somebody through where one would not expect it. No hole without a reason.
import { type Operation, ruleOf } from "../../../src/kernel/operations.js";
import { edgeOperation, type Line, PASS } from "./matrix.js";
import { type Column, PARTIES, type Party, RELATIONS } from "./relation.js";

/** What the checked-in table says of itself. */
export const EXPLANATION = [
  "What the application answers, over HTTP, to everybody who stands in some relation to what a call is about: pass, or the code of the refusal.",
  "test/policy/authz-relations.test.ts makes it and says what must hold of it; test/support/authz/reasons.ts says why a cell is empty (a dot).",
  "",
  "asked, about, approver  take part: who asked for it (and holds the password); whom it is about (or who holds the code); who has approved it.",
  "                        They have, besides the role of the line, the one without which nobody takes that part.",
  "other                   has the role, over all accounts, and took no part",
  "suspended               took part, was suspended, and has the session of before",
  "off list                took part, was taken off the allowlist, and signed in anew",
  "back                    the same, and was put on the allowlist again",
  "outside                 has the role for another customer's accounts only: what is read of an account is as if it were not",
  "stale, used             the first who passes, with a code whose time is over, and with the code that was just taken",
  "orphan                  the first who passes, on what somebody asked for (or, to open it, approved) who was suspended since",
  "unknown                 the first who passes (or other), on an id that nothing has",
  "",
];

/** Calls that carry their own proof: who is signed in is not even looked at. */
export const PUBLIC: Readonly<Partial<Record<Operation, string>>> = {
  "sys.live": "a probe",
  "sys.ready": "a probe",
  "sys.health": "a probe",
  "sys.metrics": "numbers without names",
  "sys.openapi": "the description of the API",
  "founding.accept": "carries a founding invitation, once",
  "founding.confirm": "carries a founding invitation and a code of its authenticator",
  "invitation.accept": "carries both halves of an invitation",
  "invitation.confirm": "carries an invitation and a code of its authenticator",
  "session.create": "is how one becomes somebody",
  "login.begin": "is how one becomes somebody",
  "login.complete": "is how one becomes somebody",
  "session.logout": "carries the provider's signed token",
  "identity.accept": "carries both halves of an invitation, the provider's word and a code",
};

/** What is read of people, or of a file, is of no account: by role alone, whatever accounts that is over (docs/decisions/0036). */
export const READ_BY_ROLE: ReadonlySet<Operation> = new Set<Operation>(["identity.list", "session.survey", "import.read"]);

/** What is read of accounts: by the scopes of one's entries. Of what one took part in one reads on, also when one is back. */
export function isReadByScope(operation: Operation): boolean {
  return ruleOf(operation).reads !== undefined;
}

/** What somebody who is back may do to what they took part in before: it takes away, and gives nothing. */
export const PASSES_BACK: ReadonlySet<Operation> = new Set<Operation>([
  "request.withdraw",
  "candidate.report",
  "grant.revoke",
  "ticket.comment",
  "ticket.close",
]);

/** Calls that answer for an id that nothing has as for one without entries. */
export const UNHIDDEN: ReadonlySet<string> = new Set(["GET audit/accounts/{id}/entries"]);

const LIST = "shows a list, or what there is one of: nobody takes part in it";
const ALONE = "one person does it alone: it is neither asked for nor approved";
const WORKED =
  "who works on a checklist is nobody that it is about; that nobody attests what they claimed, test/integration/lifecycle shows";
const OPENED = "somebody opens a ticket; it is about nobody, and nobody approves it";
const THING = "is about no person";

/** Of operations in which not everybody takes part: why there is nobody. */
const NO_PARTY: Readonly<Partial<Record<Operation, string>>> = {
  ...entries(LIST, [
    ...(["session.list", "person.self", "person.list", "team.list", "allowlist.list", "allowlist.report", "config.read"] as const),
    ...(["account.list", "import.read", "purpose.list", "policy.list", "policy.history", "policy.preview", "policy.explain"] as const),
    ...([
      "request.list",
      "rotation.list",
      "glass.list",
      "notice.list",
      "audit.read",
      "audit.export",
      "report.read",
      "destruction.read",
    ] as const),
    ...(["posture.list", "ticket.list", "ticket_update.list", "checklist.list", "checklist.read"] as const),
  ]),
  ...entries(ALONE, [
    ...(["session.revoke", "session.survey", "session.end", "identity.list", "person.suspend", "allowlist.revoke"] as const),
    ...([
      "notice.retry",
      "account.import",
      "account.register",
      "request.submit",
      "ticket.open",
      "ticket_update.retry",
      "candidate.stage",
      "secret.suspect",
      "posture.take",
    ] as const),
  ]),
  ...entries(WORKED, ["checklist.begin", "checklist.claim", "checklist.attest"]),
  ...entries(OPENED, ["ticket.read", "ticket.comment", "ticket.close"]),
  ...entries(THING, [
    ...([
      "person.enrol",
      "allowlist.certify",
      "config.approve",
      "policy.change",
      "secret.waive",
      "account.change",
      "account.destroy",
      "account.move",
      "checklist.waive",
    ] as const),
    ...(["invitation.link", "invitation.code", "candidate.settle"] as const),
  ]),
};

function entries(reason: string, operations: readonly Operation[]): Partial<Record<Operation, string>> {
  return Object.fromEntries(operations.map((operation) => [operation, reason]));
}

/** Why nobody stands so, or nothing is tried; null where somebody does. */
export function whyNobody({ row, role, cells }: Line, column: Column): string | null {
  const isParty = PARTIES.some((party) => party === column);
  if (isParty && !row.parties.includes(column as Party)) {
    if (row.step === "ask") return "before it is asked for nobody has asked or approved";
    return NO_PARTY[row.operation] ?? null;
  }
  if (column === "outside" && role === "custodian") return "the allowlist takes no custodian of some accounts only";
  const isPassed = RELATIONS.some((relation) => cells[relation] === PASS);
  const hasFactor = ruleOf(edgeOperation(row)).stepUp;
  if ((column === "stale" || column === "used") && !(hasFactor && isPassed)) return "takes no second factor, or nobody of the role passes";
  if (column === "orphan" && !(row.orphanOf !== undefined && isPassed))
    return "does not rest on somebody else, or nobody of the role passes";
  if (column === "unknown" && row.id === undefined) return "names nothing by an id";
  return null;
}
