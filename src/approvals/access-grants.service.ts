import { randomBytes } from "node:crypto";
import { LessThanOrEqual } from "typeorm";
import { readAccount } from "../accounts/account-registry.service.js";
import { draftEntry, personActor } from "../audit/draft.js";
import type { EntryDraft } from "../audit/entry.js";
import type { Transactions } from "../audit/transactions.service.js";
import type { Drafted } from "../database/transaction-runner.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { plusSeconds } from "../kernel/clock.js";
import { RootkeepError } from "../kernel/errors.js";
import { deriveEventId, type Id } from "../kernel/ids.js";
import type { Operation } from "../kernel/operations.js";
import { AcceptedPage } from "../notices/accepted-page.js";
import { postNotice } from "../notices/post-notice.service.js";
import { type ActingPerson, actingStanding, isOfNow } from "../people/acting-person.service.js";
import { readerOf } from "../people/reading.service.js";
import { hasRole, requireRole } from "../people/standing.service.js";
import type { StepUp } from "../people/step-up.service.js";
import type { SeenTicket, Sighting } from "../tickets/ticket-check.service.js";
import { AccessGrant, type AccessGrantState } from "./access-grant.entity.js";
import { expireGrant, settle } from "./end-grant.service.js";
import type { Glass } from "./glass.service.js";
import { glassNotice, isGlass } from "./glass-terms.js";
import {
  type GrantedVersion,
  holdersOfGrant,
  isWhich,
  type Openings,
  openingsText,
  parseOpenings,
  parseVersions,
  type WhichVersion,
} from "./granted-version.js";
import type { GuardedAct, TermsNow } from "./guarded-act.port.js";
import { approverRule } from "./may-approve.service.js";
import type { OpeningBrake } from "./opening-brake.service.js";
import { readableOf } from "./readable-requests.service.js";
import { Request } from "./request.entity.js";
import { askingPeople, neededApprovals, openingBytes, parseRequest, type RequestBody, statementText } from "./request-body.js";
import { openedChange, tellTicket } from "./request-tickets.service.js";
import type { TicketLooks } from "./ticket-looks.service.js";
import { validApprovals } from "./valid-approvals.service.js";
import { VERIFIES_FLAG } from "./wanted-versions.service.js";

/** What a claim lets its caller open, once. */
export interface Claim {
  readonly grant: AccessGrant;
  /** When the grant ends, under the stricter of its own time and today's policy. */
  readonly until: Date;
  readonly version: GrantedVersion;
  /** Finds out whether a candidate works, and sets none. */
  readonly isVerifying: boolean;
  /** Which opening of this version under this grant it is, counting from 1. */
  readonly number: number;
  /** Event id of the intent: derived, so the log takes it only once. */
  readonly eventId: string;
  /** What the second factor confirmed, for the intent's entry. */
  readonly statement: string;
  readonly requestHash: string;
  /** The channel that accepted the page of a break-glass; null where no glass was broken. */
  readonly paged: string | null;
  /** Whether the ticket system was asked; null where none is connected. */
  readonly sighting: Sighting | null;
}

/** Which opening is wanted. */
export interface ClaimForm {
  readonly grantId: Id<"grant">;
  readonly kind: string;
  /** The current one unless told. */
  readonly which?: WhichVersion;
  readonly code: string;
  readonly operation: "secret.reveal" | "secret.code";
  /** Of a grant that broke the glass: that a page about it was accepted. */
  readonly page?: AcceptedPage | null;
  /** The ticket that the request names, looked at just now; null where no ticket system is connected. */
  readonly ticket?: SeenTicket | null;
  /** Thumbprint of the key that the value is delivered to, or null: part of what the second factor confirms. */
  readonly deliverTo: string | null;
}

/** Grants: exclusive per account, time-boxed, revocable, and each version opens once (design §6). */
export class AccessGrants {
  constructor(
    private readonly transactions: Transactions,
    private readonly stepUp: StepUp,
    private readonly act: GuardedAct,
    private readonly brake: OpeningBrake,
    private readonly glass: Glass,
    private readonly tickets: TicketLooks,
  ) {}

  /**
   * Claims one opening inside the caller's transaction, whose last statement must be the intent with {@link Claim.eventId}. Everything
   * that decided is looked at again: session, holder, approvers, count, time, hash.
   * @throws RootkeepError `NOT_FOUND`, `GRANT_SPENT`, `APPROVAL_EXPIRED`, `APPROVAL_REQUIRED`, `NOT_ALLOWLISTED`, `STEP_UP_REQUIRED`
   */
  async claim(tx: WorkTransaction, acting: ActingPerson, form: ClaimForm, now: Date): Promise<Claim> {
    const { grant, version, openings, number } = await this.#claimable(tx, acting, form, now);
    const request = await tx.lock(Request, grant.requestId);
    if (request === null) throw new RootkeepError("ROW_REFUSED", { reason: "grant without a request" });
    const { body, terms } = await this.#assertStands(tx, acting, { grant, request, version }, now);
    const until = endUnder(terms, grant);
    if (until <= now) throw new RootkeepError("APPROVAL_EXPIRED");
    if (form.operation === "secret.code" && number > (terms.codes ?? number)) throw new RootkeepError("GRANT_SPENT");
    const sighting = this.tickets.demand(tx, form.ticket, body);
    const paged = isGlass(body) ? AcceptedPage.demand(form.page, grant.id) : null;
    if (paged !== null) await postNotice(tx, glassNotice("glass.opening", body, grant.id));
    const account = await readAccount(tx, grant.accountId);
    if (account?.checkoutGrantId !== grant.id) {
      throw new RootkeepError("STATE_CONFLICT", { facts: { rule: "the account is not checked out to this grant" } });
    }
    await this.brake.watch(tx, acting.personId, now);
    const authenticator = await this.stepUp.confirm(tx, acting.personId, form.code, now, { session: acting.sessionId }, grant.grantedAt);
    tx.change(AccessGrant, grant, { openings: openingsText({ ...openings, [version.versionId]: number }) });
    if (request.state === "APPROVED") tx.change(Request, request, { state: "OPENED" });
    const eventId = deriveEventId(openingBytes(grant.id, version.versionId, number));
    await tellTicket(tx, body, openedChange(grant.id, version.kind, number, acting.personId, eventId));
    const requestHash = request.hash.toString("hex");
    return {
      grant,
      until,
      version,
      isVerifying: body.flags.includes(VERIFIES_FLAG),
      number,
      eventId,
      requestHash,
      paged,
      sighting,
      statement: statementText({
        act: "open",
        requestHash,
        person: acting.personId,
        authenticator,
        challenge: randomBytes(32).toString("hex"),
        opening: {
          grant: grant.id,
          version: version.versionId,
          number,
          ...(form.deliverTo === null ? {} : { deliverTo: form.deliverTo }),
        },
      }),
    };
  }

  /**
   * What must be there before a claim: the ticket looked at, where a ticket system is connected; and the page of a break-glass, sent and accepted.
   * @throws RootkeepError as `TicketLooks.atOpening`; `PAGE_UNACCEPTED`. Nothing has been used up then.
   */
  async prepare(acting: ActingPerson, grantId: Id<"grant">): Promise<Pick<ClaimForm, "page" | "ticket">> {
    // A ticket that refuses wakes nobody.
    const ticket = await this.tickets.atOpening(acting, grantId);
    return { ticket, page: await this.glass.pageFor(acting, grantId) };
  }

  /** Has it known where the brake refused a claim. */
  async tellRefused(acting: ActingPerson, error: unknown): Promise<void> {
    await this.brake.tell(acting.personId, error);
  }

  /** The grant, locked, if it has an opening left; said before a second factor is used up. */
  async #claimable(
    tx: WorkTransaction,
    acting: ActingPerson,
    form: ClaimForm,
    now: Date,
  ): Promise<{ grant: AccessGrant; version: GrantedVersion; openings: Openings; number: number }> {
    const grant = await tx.lock(AccessGrant, form.grantId);
    if (grant === null || !holdersOfGrant(grant).includes(acting.personId)) throw new RootkeepError("NOT_FOUND");
    if (grant.state !== "OPEN" || grant.expiresAt <= now) throw new RootkeepError("APPROVAL_EXPIRED", { facts: { state: grant.state } });
    const version = parseVersions(grant.versions).find(
      (granted) => granted.kind === form.kind && isWhich(granted, form.which ?? "current"),
    );
    // Another's half is not to be had, nor to be told of.
    if (version === undefined || (version.holder ?? grant.holderId) !== acting.personId) throw new RootkeepError("NOT_FOUND");
    const openings = parseOpenings(grant.openings);
    const number = (openings[version.versionId] ?? 0) + 1;
    const allowed = form.operation === "secret.code" ? grant.codesMax : 1;
    if (number > allowed) throw new RootkeepError("GRANT_SPENT", { facts: { seq: Number(grant.seq) } });
    return { grant, version, openings, number };
  }

  /** One grant, for its holders and for whoever may read its request. @throws RootkeepError `NOT_FOUND`, also for anybody else. */
  async readFor(readerId: Id<"person">, grantId: Id<"grant">): Promise<AccessGrant> {
    return await this.transactions.peek(async (tx) => {
      const reader = await readerOf(tx, readerId, "grant.read");
      const grant = await tx.read(AccessGrant, grantId);
      const request = grant === null ? null : await tx.read(Request, grant.requestId);
      if (grant === null || request === null) throw new RootkeepError("NOT_FOUND");
      const isReadable = holdersOfGrant(grant).includes(readerId) || (await readableOf(tx, reader, [request])).length > 0;
      if (!isReadable) throw new RootkeepError("NOT_FOUND");
      return grant;
    });
  }

  /** Check-in: a holder is done, and so is the other. @throws RootkeepError `NOT_FOUND` */
  async giveBack(acting: ActingPerson, grantId: Id<"grant">): Promise<void> {
    await this.#end(acting, grantId, "grant.return", "RETURNED", (grant) => holdersOfGrant(grant).includes(acting.personId));
  }

  /** An approver or custodian of the account ends a grant while it runs. @throws RootkeepError `NOT_FOUND`, `NOT_ALLOWLISTED` */
  async revoke(acting: ActingPerson, grantId: Id<"grant">): Promise<void> {
    await this.#end(acting, grantId, "grant.revoke", "REVOKED", async (_grant, tx, now, request) => {
      const standing = await actingStanding(tx, acting, now);
      const scoped = (await this.act.termsNow(tx, parseRequest(request.body, request.hash), "read")).scoped ?? undefined;
      if (!hasRole(standing, "approver", scoped) && !hasRole(standing, "custodian", scoped)) throw new RootkeepError("NOT_ALLOWLISTED");
      return true;
    });
  }

  /** Writes down what time has decided already: grants that ran out (automatic return). @returns how many. */
  async sweep(): Promise<number> {
    const { result } = await this.transactions.run(async (tx) => {
      const now = await tx.clock();
      const grants = await tx.readAll(AccessGrant, { state: "OPEN", expiresAt: LessThanOrEqual(now) }, "lock", 50);
      const entries: Drafted<EntryDraft>[] = [];
      for (const grant of grants) entries.push(await expireGrant(tx, grant));
      return { result: grants.length, entries };
    });
    await this.glass.look();
    return result;
  }

  /** Law L2 at use: holder and approvers still stand, and there are still enough of them. */
  async #assertStands(
    tx: WorkTransaction,
    acting: ActingPerson,
    { grant, request, version }: { readonly grant: AccessGrant; readonly request: Request; readonly version: GrantedVersion },
    now: Date,
  ): Promise<{ readonly body: RequestBody; readonly terms: TermsNow }> {
    const body = parseRequest(request.body, request.hash);
    if (request.state !== "APPROVED" && request.state !== "OPENED")
      throw new RootkeepError("STATE_CONFLICT", { facts: { state: request.state } });
    // Whose half it is says the approved request; the grant's own word is not enough (law L3).
    if (!body.secrets.some(({ id, holder }) => id === version.secretId && holder === acting.personId)) throw new RootkeepError("NOT_FOUND");
    const terms = await this.act.termsNow(tx, body, "read");
    if (terms.refusal) throw terms.refusal;
    const rule = approverRule(request, body, this.act, terms);
    await actingStanding(tx, acting, now);
    // Of the one who asked and of every holder: a grant that was hidden while theirs were revoked, or that somebody else holds, ends with
    // what they had, too.
    for (const id of askingPeople(body)) {
      const { person } = await requireRole(tx, id, this.act.requesterRole, now, rule.scoped);
      if (!isOfNow(tx, grant, person)) throw new RootkeepError("APPROVAL_EXPIRED", { facts: { state: grant.state } });
    }
    const approvals = await validApprovals(tx, request, rule, now);
    const people = new Set(approvals.map(({ personId }) => personId));
    people.delete(acting.personId);
    const needed = neededApprovals(body, terms);
    if (people.size < needed) throw new RootkeepError("APPROVAL_REQUIRED", { facts: { approvals: people.size, needed } });
    return { body, terms };
  }

  async #end(
    acting: ActingPerson,
    grantId: Id<"grant">,
    operation: Operation & ("grant.return" | "grant.revoke"),
    state: AccessGrantState,
    may: (grant: AccessGrant, tx: WorkTransaction, now: Date, request: Request) => boolean | Promise<boolean>,
  ): Promise<void> {
    await this.transactions.run(async (tx) => {
      const now = await tx.clock();
      await actingStanding(tx, acting, now);
      const grant = await tx.lock(AccessGrant, grantId);
      const request = grant === null ? null : await tx.lock(Request, grant.requestId);
      if (grant === null || request === null || !(await may(grant, tx, now, request))) throw new RootkeepError("NOT_FOUND");
      if (grant.state !== "OPEN") throw new RootkeepError("STATE_CONFLICT", { facts: { state: grant.state } });
      const draft = draftEntry({
        action: operation,
        outcome: "committed",
        actor: personActor(acting.personId),
        target: { type: "grant", id: grant.id },
        details: { openings: parseOpenings(grant.openings) },
        stream: grant.accountId,
      });
      return { result: undefined, entries: [{ draft, rows: await settle(tx, grant, state, draft) }] };
    });
  }
}

function endUnder({ minutes }: TermsNow, { grantedAt, expiresAt }: AccessGrant): Date {
  const end = minutes === undefined ? expiresAt : plusSeconds(grantedAt, minutes * 60);
  return end < expiresAt ? end : expiresAt;
}
