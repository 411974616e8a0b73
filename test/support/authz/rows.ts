// Every call of the matrix of relations: its route, what it is about, and who takes part in that.
import { randomInt } from "node:crypto";
import type { Operation } from "../../../src/kernel/operations.js";
import { importFile, newAccount } from "../crew.js";
import { type Circle, CUSTODIANS_ACTS, type CustodiansAct, type IdName, type Party, type Target, type TargetKind } from "./relation.js";

/** What a call sends, besides what its path names. */
export interface Sent {
  readonly json?: object;
  readonly csv?: string;
  readonly seed?: string;
}

/** What a body is made of. */
export interface BodyFacts {
  readonly target: Target;
  readonly code: string;
}

export interface Row {
  /** The operation that the row shows; of a guarded act of custodians not the route's own. */
  readonly operation: Operation;
  /** As the API description has it: verb and path. */
  readonly route: string;
  /** What is done to a guarded act. */
  readonly step?: "ask" | "approve";
  readonly kind: TargetKind;
  /** What sets it apart from another row of the same call. */
  readonly variant?: string;
  readonly circle: Circle;
  /** Parties that there are. */
  readonly parties: readonly Party[];
  /** What leavers were to it; null where they were nothing. */
  readonly leaver: Party | null;
  /** Of whom the thing is orphaned where they have left: whoever asked is not there to be approved, whoever approved does not count. */
  readonly orphanOf?: Party;
  /** Which id of the target the path names, as `{id}` or `{reference}`. */
  readonly id?: IdName;
  readonly query?: string;
  readonly body?: (facts: BodyFacts) => Sent;
  /** Looks at every row of a table, or at what any other act changes: side by side such calls would wait for one another. */
  readonly isAlone?: boolean;
  /** What went through cannot be done again. */
  readonly isUsedUp: boolean;
}

const REASON = "because the matrix says so";

/** A call that nobody takes part in. */
function plain(operation: Operation, route: string, rest: Partial<Row> = {}): Row {
  return { operation, route, kind: "nothing", circle: "none", parties: [], leaver: null, isUsedUp: false, ...rest };
}

/** A call about a person. */
function person(operation: Operation, route: string, id: IdName, rest: Partial<Row> = {}): Row {
  return plain(operation, route, { kind: "person", id, parties: ["about"], ...rest });
}

/** A call about an opening: its account, its request, its grant. */
function opening(operation: Operation, route: string, id: "account" | "request" | "grant", rest: Partial<Row> = {}): Row {
  const parties = ["asked", "about", "approver"] as const;
  return plain(operation, route, { kind: id, circle: "opening", parties, leaver: "asked", id, ...rest });
}

/** A call about a ticket of the board, which somebody opened and nobody approves. */
function ticket(operation: Operation, route: string, kind: "ticket" | "general ticket", rest: Partial<Row> = {}): Row {
  const variant = kind === "ticket" ? "" : "names no account";
  return plain(operation, route, { kind, variant, circle: "opening", parties: ["asked"], leaver: "asked", id: "ticket", ...rest });
}

const withCode = ({ code }: BodyFacts): Sent => ({ json: { code } });
const withReason = (): Sent => ({ json: { reason: REASON } });
const asksToOpen = ({ target }: BodyFacts): Sent => ({
  json: { operation: "secret.reveal", reason: REASON, ticket: "OPS-7", purpose: "billing-root-only", accountId: target.account },
});
const asksToSettle = ({ target }: BodyFacts): Sent => ({
  json: { operation: "candidate.settle", reason: REASON, subject: target.subject },
});
const POLICY = { name: "matrix", purposes: ["tax-invoice-view"], scope: { kind: "all" }, minutes: 20 };

const withText = (): Sent => ({ json: { text: REASON } });
const opensTicket = ({ target }: BodyFacts): Sent => ({
  json: { title: REASON, ...(target.account === undefined ? {} : { accountId: target.account }) },
});

/** An import of an account that there is not yet. */
function csvOfNew(): Sent {
  return { csv: importFile([newAccount(String(randomInt(500_000_000_000, 599_999_999_999)))]) };
}

/** An account that there is not yet, without credentials. */
function registersNew(): Sent {
  const awsId = String(randomInt(600_000_000_000, 699_999_999_999));
  return { json: { awsId, kind: "standalone", customer: "Acme", rootEmail: `root-${awsId}@example.com` } };
}

/** Reading that names nothing, or a fixed thing. */
function readingRows(signedSize: number): readonly Row[] {
  const size = String(signedSize);
  return [
    plain("session.list", "GET /v1/sessions"),
    plain("person.self", "GET /v1/people/self"),
    plain("person.list", "GET /v1/people"),
    plain("team.list", "GET /v1/teams"),
    plain("allowlist.list", "GET /v1/allowlist"),
    plain("allowlist.list", "GET /v1/allowlist/certification"),
    plain("allowlist.report", "GET /v1/allowlist/report"),
    plain("allowlist.report", "GET /v1/allowlist/coverage"),
    plain("config.read", "GET /v1/configuration"),
    plain("account.list", "GET /v1/accounts"),
    plain("import.read", "GET /v1/imports/{id}", { kind: "import", id: "import" }),
    plain("posture.list", "GET /v1/posture"),
    plain("purpose.list", "GET /v1/purposes"),
    plain("policy.list", "GET /v1/policies"),
    plain("policy.history", "GET /v1/policies/books"),
    plain("policy.preview", "POST /v1/policies/previews", { body: () => ({ json: { name: "matrix", policy: POLICY, replaces: null } }) }),
    plain("request.list", "GET /v1/requests"),
    plain("rotation.list", "GET /v1/rotations/due"),
    plain("glass.list", "GET /v1/glass"),
    plain("ticket.list", "GET /v1/tickets"),
    plain("ticket_update.list", "GET /v1/ticket-updates"),
    plain("notice.list", "GET /v1/notices"),
    plain("audit.read", "GET /v1/audit/head"),
    plain("audit.read", "GET /v1/audit/entries"),
    plain("audit.read", "GET /v1/audit/checkpoints"),
    plain("audit.read", "GET /v1/audit/verifier-key"),
    plain("audit.read", "GET /v1/audit/entries/{seq}/proof"),
    plain("audit.read", "GET /v1/audit/proofs/inclusion", { query: `index=0&size=${size}` }),
    plain("audit.read", "GET /v1/audit/proofs/consistency", { query: `from=${size}&to=${size}` }),
    plain("audit.export", "GET /v1/audit/disclosures", { query: "from=0&to=1" }),
    plain("audit.export", "GET /v1/audit/tlog/checkpoint"),
    plain("audit.export", "GET /v1/audit/tlog/tile/{path}"),
    plain("audit.export", "GET /v1/audit/global-acts", { query: `size=${size}` }),
    plain("report.read", "GET /v1/reports/activity"),
  ];
}

/** About people and messages. */
const PEOPLE_ROWS: readonly Row[] = [
  person("session.revoke", "DELETE /v1/sessions/{id}", "session", { isUsedUp: true }),
  person("session.survey", "GET /v1/people/{id}/sessions", "person"),
  person("session.end", "DELETE /v1/people/{id}/sessions/{session}", "person", { isUsedUp: true }),
  person("identity.list", "GET /v1/people/{id}/identities", "person"),
  person("person.suspend", "POST /v1/people/{id}/suspensions", "person", { isUsedUp: true }),
  person("allowlist.revoke", "POST /v1/allowlist/{id}/revocations", "entry", { isUsedUp: true }),
  plain("notice.retry", "POST /v1/notices/{id}/retries", { kind: "delivery", id: "delivery", isUsedUp: true }),
  plain("ticket_update.retry", "POST /v1/ticket-updates/{id}/retries", { kind: "ticket update", id: "ticketUpdate", isUsedUp: true }),
  plain("account.import", "POST /v1/imports", { body: csvOfNew }),
  plain("account.register", "POST /v1/accounts", { body: registersNew }),
];

/** About the board. Closing comes last, as somebody who is back closes what the other rows were about. */
const TICKET_ROWS: readonly Row[] = [
  plain("ticket.open", "POST /v1/tickets", { kind: "account", body: opensTicket }),
  plain("ticket.open", "POST /v1/tickets", { variant: "names no account", body: opensTicket }),
  ...(["ticket", "general ticket"] as const).flatMap((kind) => [
    ticket("ticket.read", "GET /v1/tickets/{reference}", kind),
    ticket("ticket.comment", "POST /v1/tickets/{reference}/comments", kind, { body: withText }),
    ticket("ticket.close", "POST /v1/tickets/{reference}/closings", kind, { isUsedUp: true }),
  ]),
];

/** About one account, and what is opened of it. Withdrawing comes last: somebody who is back withdraws what the other rows were about. */
function openingRows(signedSize: number): readonly Row[] {
  const size = `size=${String(signedSize)}`;
  return [
    opening("account.read", "GET /v1/accounts/{id}", "account"),
    plain("destruction.read", "GET /v1/accounts/{id}/destruction", { kind: "destroyed account", id: "account" }),
    opening("posture.read", "GET /v1/accounts/{id}/posture", "account"),
    plain("posture.take", "POST /v1/accounts/{id}/posture", { kind: "account", id: "account" }),
    opening("secret.list", "GET /v1/accounts/{id}/secrets", "account"),
    opening("audit.export", "GET /v1/audit/accounts/{id}/head", "account"),
    opening("audit.export", "GET /v1/audit/accounts/{id}/entries", "account", { query: size }),
    plain("policy.explain", "POST /v1/policies/explanations", {
      kind: "account",
      body: ({ target }) => ({ json: { accountId: target.account, purpose: "billing-root-only" } }),
    }),
    plain("request.submit", "POST /v1/requests", { kind: "account", body: asksToOpen }),
    plain("secret.reveal", "POST /v1/requests", { step: "ask", kind: "account", body: asksToOpen }),
    plain("candidate.stage", "POST /v1/accounts/{id}/candidates", {
      ...{ kind: "account", id: "account", body: () => ({ json: { kind: "root-password" } }) },
    }),
    plain("candidate.stage", "POST /v1/accounts/{id}/candidates/mfa-seed", {
      ...{ kind: "fresh account", id: "account", isUsedUp: true, body: () => ({ seed: "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" }) },
    }),
    plain("secret.suspect", "POST /v1/accounts/{id}/suspicions", {
      ...{ kind: "account", id: "account", body: () => ({ json: { kind: "mfa-seed" } }) },
    }),
    opening("request.read", "GET /v1/requests/{id}", "request"),
    opening("request.approve", "POST /v1/requests/{id}/approvals", "request", {
      ...{ leaver: "approver", orphanOf: "asked", isUsedUp: true, body: withCode },
    }),
    opening("request.deny", "POST /v1/requests/{id}/denials", "request", { leaver: "approver", isUsedUp: true, body: withReason }),
    opening("grant.read", "GET /v1/grants/{id}", "grant"),
    opening("secret.reveal", "POST /v1/grants/{id}/openings", "grant", {
      isUsedUp: true,
      orphanOf: "approver",
      body: ({ code }) => ({ json: { kind: "root-password", code } }),
    }),
    opening("secret.code", "POST /v1/grants/{id}/codes", "grant", { isUsedUp: true, orphanOf: "approver", body: withCode }),
    opening("candidate.report", "POST /v1/candidates/{id}/reports", "grant", {
      ...{ kind: "shown candidate", id: "version", body: () => ({ json: { outcome: "unknown" } }) },
    }),
    plain("candidate.settle", "POST /v1/requests", { step: "ask", kind: "staged candidate", body: asksToSettle }),
    plain("candidate.settle", "POST /v1/requests/{id}/approvals", {
      ...{
        step: "approve",
        kind: "request of verdict",
        circle: "opening",
        parties: ["asked", "approver"],
        leaver: "asked",
        orphanOf: "asked",
      },
      ...{ id: "request", isUsedUp: true, body: withCode },
    }),
    opening("grant.return", "POST /v1/grants/{id}/returns", "grant", { isUsedUp: true }),
    opening("grant.revoke", "POST /v1/grants/{id}/revocations", "grant", { leaver: "approver", isUsedUp: true }),
    opening("request.withdraw", "POST /v1/requests/{id}/withdrawals", "request", { isUsedUp: true, body: withReason }),
  ];
}

const glassBody = ({ code }: BodyFacts): Sent => ({ json: { code, findings: "looked at what was done, and found it right" } });

/** What custodians do by twos. */
function custodiansRows(): readonly Row[] {
  const all = ["asked", "about", "approver"] as const;
  const half = { kind: "invitation", circle: "custodians", parties: ["asked", "approver"], id: "request", isUsedUp: true } as const;
  const acts = Object.entries(CUSTODIANS_ACTS) as [CustodiansAct, "person" | "thing"][];
  return [
    plain("glass.review", "POST /v1/glass/{id}/reviews", {
      ...{ kind: "glass", circle: "glass", parties: all, id: "glass", isUsedUp: true, body: glassBody },
    }),
    plain("invitation.link", "POST /v1/requests/{id}/invitation-link", { ...half, leaver: "asked", body: withCode }),
    plain("invitation.code", "POST /v1/requests/{id}/invitation-code", { ...half, leaver: "approver", body: withCode }),
    ...acts.flatMap(([act, about]): Row[] => [
      plain(act, "POST /v1/requests", {
        step: "ask",
        isAlone: act === "allowlist.certify",
        kind: `subject of ${act}`,
        circle: "custodians",
        parties: about === "person" ? ["about"] : [],
        // The allowlist as it stands is what is named: anybody who comes or goes makes it another.
        isUsedUp: act === "allowlist.certify" || act === "person.enrol",
        body: ({ target }) => ({
          json: {
            operation: act,
            reason: REASON,
            subject: target.subject,
            ...(target.account === undefined ? {} : { accountId: target.account }),
          },
        }),
      }),
      plain(act, "POST /v1/requests/{id}/approvals", {
        step: "approve",
        isAlone: act === "authenticator.reset" || act === "allowlist.certify",
        kind: `request of ${act}`,
        circle: "custodians",
        parties: about === "person" ? all : ["asked", "approver"],
        leaver: "asked",
        orphanOf: "asked",
        id: "request",
        isUsedUp: true,
        body: withCode,
      }),
    ]),
  ];
}

/** About the life of an account, which somebody begins and nobody is. */
const LIFE_ROWS: readonly Row[] = [
  plain("checklist.list", "GET /v1/accounts/{id}/checklists", { kind: "account", id: "account" }),
  plain("checklist.read", "GET /v1/checklists/{id}", { kind: "checklist", id: "checklist" }),
  plain("checklist.begin", "POST /v1/accounts/{id}/checklists", { kind: "fresh account", id: "account", isUsedUp: true, body: withCode }),
  plain("checklist.claim", "POST /v1/checklists/{id}/steps/{step}/claims", {
    ...{ kind: "checklist", id: "checklist", body: ({ code }) => ({ json: { kind: "attestation", note: REASON, code } }) },
  }),
  plain("checklist.attest", "POST /v1/checklists/{id}/steps/{step}/attestations", {
    ...{ kind: "claimed checklist", id: "checklist", isUsedUp: true },
    body: ({ target, code }) => ({ json: { claim: target.subject?.["claim"], code } }),
  }),
];

/** @param signedSize a size of the log that has a checkpoint. */
export function rowsOf(signedSize: number): readonly Row[] {
  return [...readingRows(signedSize), ...PEOPLE_ROWS, ...TICKET_ROWS, ...LIFE_ROWS, ...openingRows(signedSize), ...custodiansRows()];
}
