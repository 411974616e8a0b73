import { randomBytes } from "node:crypto";
import { LessThanOrEqual } from "typeorm";
import { draftEntry, SYSTEM_ACTOR } from "../audit/draft.js";
import type { EntryDraft } from "../audit/entry.js";
import type { Transactions } from "../audit/transactions.service.js";
import type { Drafted } from "../database/transaction-runner.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { plusSeconds } from "../kernel/clock.js";
import { RootkeepError } from "../kernel/errors.js";
import { type Id, newId } from "../kernel/ids.js";
import { LIMITS } from "../kernel/limits.js";
import type { Operation } from "../kernel/operations.js";
import { checkProse } from "../kernel/prose.js";
import { postNotice } from "../notices/post-notice.service.js";
import { type ActingPerson, actingStanding, isOfNow } from "../people/acting-person.service.js";
import { readerOf } from "../people/reading.service.js";
import { requireRole } from "../people/standing.service.js";
import type { StepUp } from "../people/step-up.service.js";
import type { SeenTicket } from "../tickets/ticket-check.service.js";
import { Approval } from "./approval.entity.js";
import { awaitingRequests } from "./awaiting-requests.service.js";
import type { CheckedForm, GuardedAct, RequestForm } from "./guarded-act.port.js";
import { judgeForm } from "./judge-form.service.js";
import { type ApproverRule, approverObstacle, approverRule } from "./may-approve.service.js";
import { readableOf, readableRequests } from "./readable-requests.service.js";
import { Request, type RequestState } from "./request.entity.js";
import { askingPeople, neededApprovals, parseRequest, type RequestBody, requestHash, requestText, statementText } from "./request-body.js";
import { decision, submission } from "./request-entries.js";
import { awaitingNotice, decidedNotice } from "./request-notices.js";
import { approvedChange, decidedChange, submittedChange, tellTicket } from "./request-tickets.service.js";
import { type RequestView, viewOf } from "./request-view.service.js";
import type { TicketLooks } from "./ticket-looks.service.js";
import { validApprovals } from "./valid-approvals.service.js";

export interface RequestsOptions {
  readonly logOrigin: string;
  readonly tickets: TicketLooks;
}

/** An approval that is being given. */
interface ApprovalForm {
  readonly requestId: Id<"request">;
  readonly code: string;
  readonly reason: string;
  /** The request's ticket, where the approval does the act. */
  readonly seen: SeenTicket | null;
}

/** Which requests are listed. */
export interface RequestFilter {
  readonly state?: RequestState;
  readonly requesterId?: Id<"person">;
  /** Those that the reader is to decide. */
  readonly isAwaiting?: boolean;
}

/**
 * The one engine of dual control (design §6). Requests are immutable; one denial ends them; the approval that reaches the count does the
 * act in its own transaction. The count is taken under the request's row lock, from approvals that each still stand.
 */
export class Requests {
  readonly #acts: ReadonlyMap<Operation, GuardedAct>;

  constructor(
    private readonly transactions: Transactions,
    private readonly stepUp: StepUp,
    acts: readonly GuardedAct[],
    private readonly options: RequestsOptions,
  ) {
    this.#acts = new Map(acts.map((act) => [act.operation, act]));
  }

  /** Operations that can be asked for. */
  get operations(): readonly Operation[] {
    return [...this.#acts.keys()];
  }

  /**
   * Submits a request.
   * @throws RootkeepError `MALFORMED`, `TICKET_INVALID`, `NOT_ALLOWLISTED`, `SELF_APPROVAL` for an act about oneself, and what the act refuses.
   */
  async submit(acting: ActingPerson, form: RequestForm): Promise<{ requestId: Id<"request">; seq: number }> {
    const act = this.#act(form.operation);
    const ticket = this.options.tickets.reference(act, form);
    const fields = checkProse("reason", form.reason);
    if (form.breakGlass === true && act.approvedState !== "APPROVED") fields.push({ field: "breakGlass", rule: "is of openings alone" });
    if (fields.length > 0) throw new RootkeepError("MALFORMED", { fields });
    const judge = async (tx: WorkTransaction, now: Date): Promise<CheckedForm> =>
      await judgeForm(tx, act, await actingStanding(tx, acting, now), form);
    const seen = await this.options.tickets.atSubmission(ticket, form, async (tx) => await judge(tx, await tx.clock()));
    const { result, receipts } = await this.transactions.run(async (tx) => {
      const now = await tx.clock();
      const checked = await judge(tx, now);
      const { personId, scoped: _scoped, disclosures, ...own } = checked;
      const body: RequestBody = {
        ...own,
        log: this.options.logOrigin,
        id: newId("request"),
        nonce: randomBytes(16).toString("hex"),
        operation: form.operation,
        requester: acting.personId,
        ticket,
        reason: form.reason,
        submittedAt: now.toISOString(),
        expiresAt: plusSeconds(now, LIMITS.requestSeconds).toISOString(),
      };
      const text = requestText(body);
      const row = tx.insert(Request, {
        id: body.id,
        operation: body.operation,
        requesterId: body.requester,
        accountId: body.account?.id ?? null,
        personId,
        body: text,
        hash: requestHash(text),
        state: "SUBMITTED",
        submittedAt: now,
        expiresAt: new Date(body.expiresAt),
      });
      const sighting = this.options.tickets.demand(tx, seen, body);
      const draft = submission(row, body, disclosures, sighting);
      await postNotice(tx, awaitingNotice("submitted", body, act.approverRole, personId));
      await tellTicket(tx, body, submittedChange(body, draft, sighting));
      return { result: row.id, entries: [{ draft }] };
    });
    return { requestId: result, seq: receipts[0]?.facts.seq ?? -1 };
  }

  /**
   * Approves with a fresh second factor. The approval that reaches the count does the act.
   * @throws RootkeepError `SELF_APPROVAL`, `NOT_ALLOWLISTED`, `STEP_UP_REQUIRED`, `STATE_CONFLICT`, `APPROVAL_EXPIRED`, and what the act refuses.
   */
  async approve(
    acting: ActingPerson,
    requestId: Id<"request">,
    code: string,
    reason: string,
  ): Promise<{ state: RequestState; approvals: number; needed: number; seq: number }> {
    const fields = checkProse("reason", reason, 0);
    if (fields.length > 0) throw new RootkeepError("MALFORMED", { fields });
    const seen = await this.options.tickets.atApproval((tx) => this.#doneByApproval(tx, acting, requestId));
    const { result, receipts } = await this.transactions.run((tx) => this.#approveOnce(tx, acting, { requestId, code, reason, seen }));
    return { ...result, seq: receipts[0]?.facts.seq ?? -1 };
  }

  /**
   * Denies: one denial ends a request.
   * @throws RootkeepError as {@link approve}, but without a second factor: saying no needs none.
   */
  async deny(acting: ActingPerson, requestId: Id<"request">, reason: string): Promise<void> {
    const fields = checkProse("reason", reason);
    if (fields.length > 0) throw new RootkeepError("MALFORMED", { fields });
    await this.transactions.run(async (tx) => {
      const now = await tx.clock();
      const { row, body, act } = await this.#open(tx, requestId, now);
      // Who is of the requester's team may say no.
      const { scoped } = await act.termsNow(tx, body, "read");
      await this.#assertMayDecide(tx, acting, row, { ...approverRule(row, body, act, { scoped }), apartFrom: [] }, now);
      const approval = tx.insert(Approval, {
        id: newId("approval"),
        requestId,
        personId: acting.personId,
        verdict: "deny",
        statement: this.#statement("deny", row, acting.personId, null),
        authenticatorId: null,
        reason,
        decidedAt: now,
      });
      tx.change(Request, row, { state: "DENIED" });
      await postNotice(tx, decidedNotice("denied", body, acting.personId));
      const draft = decision("request.deny", "denied", acting.personId, row, { approval: approval.id }, reason);
      await tellTicket(tx, body, decidedChange("request.denied", "DENIED", draft, acting.personId));
      return { result: undefined, entries: [{ draft }] };
    });
  }

  /**
   * The requester takes a request back that nobody has decided yet, and says why.
   * @throws RootkeepError `NOT_FOUND` for anybody else's.
   */
  async withdraw(acting: ActingPerson, requestId: Id<"request">, reason: string): Promise<void> {
    const fields = checkProse("reason", reason);
    if (fields.length > 0) throw new RootkeepError("MALFORMED", { fields });
    await this.transactions.run(async (tx) => {
      const now = await tx.clock();
      await actingStanding(tx, acting, now);
      // Before its state is told.
      if ((await tx.lock(Request, requestId))?.requesterId !== acting.personId) throw new RootkeepError("NOT_FOUND");
      const { row, body, act } = await this.#open(tx, requestId, now);
      tx.change(Request, row, { state: "WITHDRAWN" });
      await postNotice(tx, awaitingNotice("withdrawn", body, act.approverRole, row.personId));
      const draft = decision("request.withdraw", "committed", acting.personId, row, {}, reason);
      await tellTicket(tx, body, decidedChange("request.withdrawn", "WITHDRAWN", draft, acting.personId));
      return { result: undefined, entries: [{ draft }] };
    });
  }

  /** One request, whole, with its approvals. @throws RootkeepError `NOT_FOUND`, also for one that `readerId` may not read. */
  async readFor(readerId: Id<"person">, requestId: Id<"request">): Promise<RequestView> {
    return await this.transactions.peek(async (tx) => {
      const reader = await readerOf(tx, readerId, "request.read");
      const row = await tx.read(Request, requestId);
      const [readable] = row === null ? [] : await readableOf(tx, reader, [row]);
      if (readable === undefined) throw new RootkeepError("NOT_FOUND");
      return await viewOf(tx, readable);
    });
  }

  /**
   * Requests that `readerId` may read, of a state (all without one), in the order of their ids, after `after`; with `isAwaiting` those that
   * they may decide now.
   */
  async listFor(readerId: Id<"person">, { isAwaiting, ...filter }: RequestFilter, after: string, limit: number): Promise<RequestView[]> {
    return await this.transactions.peek(async (tx) => {
      const rows =
        isAwaiting === true
          ? await awaitingRequests(tx, this.#acts, { personId: readerId, after, limit })
          : await readableRequests(tx, await readerOf(tx, readerId, "request.list"), { ...filter, after, limit });
      const views: RequestView[] = [];
      for (const row of rows) views.push(await viewOf(tx, row));
      return views;
    });
  }

  /**
   * Writes down what time has decided already: requests that nobody approved in time.
   * @returns how many.
   */
  async sweep(): Promise<number> {
    const { result } = await this.transactions.run(async (tx) => {
      const now = await tx.clock();
      const rows = await tx.readAll(Request, { state: "SUBMITTED", expiresAt: LessThanOrEqual(now) }, "lock", 100);
      const entries: Drafted<EntryDraft>[] = [];
      for (const row of rows) {
        tx.change(Request, row, { state: "EXPIRED" });
        const body = parseRequest(row.body, row.hash);
        await postNotice(tx, decidedNotice("expired", body));
        const draft = draftEntry({
          action: "request.expired",
          outcome: "committed",
          actor: SYSTEM_ACTOR,
          target: { type: "request", id: row.id },
          ...(row.accountId === null ? {} : { stream: row.accountId }),
        });
        await tellTicket(tx, body, decidedChange("request.expired", "EXPIRED", draft));
        entries.push({ draft, rows: [row] });
      }
      return { result: rows.length, entries };
    });
    return result;
  }

  async #approveOnce(tx: WorkTransaction, acting: ActingPerson, { requestId, code, reason, seen }: ApprovalForm) {
    const now = await tx.clock();
    const { row, body, act } = await this.#open(tx, requestId, now);
    const terms = await act.termsNow(tx, body, "lock");
    const rule = approverRule(row, body, act, terms);
    await this.#assertMayDecide(tx, acting, row, rule, now);
    if (terms.refusal) throw terms.refusal;
    // Whoever asked, and whoever is to open, must still be allowed to when the answer is given, and nothing may have ended for them since.
    for (const id of askingPeople(body)) {
      const { person } = await requireRole(tx, id, act.requesterRole, now, rule.scoped);
      if (!isOfNow(tx, row, person))
        throw new RootkeepError("APPROVAL_EXPIRED", { facts: { rule: "what they had ended after it was asked for" } });
    }
    const authenticatorId = await this.stepUp.confirm(tx, acting.personId, code, now, { session: acting.sessionId });
    const earlier = await validApprovals(tx, row, rule, now);
    const approval = tx.insert(Approval, {
      id: newId("approval"),
      requestId,
      personId: acting.personId,
      verdict: "approve",
      statement: this.#statement("approve", row, acting.personId, authenticatorId),
      authenticatorId,
      reason,
      decidedAt: now,
    });
    const approvers = [...earlier.map(({ personId }) => personId), acting.personId];
    const needed = neededApprovals(body, terms);
    const isDecided = new Set(approvers).size >= needed;
    const draft = decision(
      "request.approve",
      "committed",
      acting.personId,
      row,
      { approval: approval.id, approvals: approvers.length, needed },
      reason,
    );
    const entries: Drafted<EntryDraft>[] = [{ draft }];
    // Where the approval itself does the act, it is also the use of its ticket.
    if (isDecided && act.approvedState === "CLOSED") this.options.tickets.demand(tx, seen, body);
    if (isDecided) tx.change(Request, row, { state: act.approvedState });
    const counted = `${String(approvers.length)}/${String(needed)}`;
    await tellTicket(tx, body, approvedChange(row.state, draft, acting.personId, counted));
    if (isDecided) {
      await postNotice(tx, decidedNotice("approved", body, acting.personId));
      entries.push(...(await act.apply(tx, { row, body, approvers, now })));
    }
    return { result: { state: row.state, approvals: approvers.length, needed }, entries };
  }

  /** The request, if an approval of `acting`'s may do what it asks for; null for one that is to be opened later, or that nobody can decide now. */
  async #doneByApproval(tx: WorkTransaction, acting: ActingPerson, requestId: Id<"request">): Promise<RequestBody | null> {
    const row = await tx.read(Request, requestId);
    if (row?.state !== "SUBMITTED") return null;
    const act = this.#act(row.operation);
    if (act.approvedState !== "CLOSED") return null;
    const body = parseRequest(row.body, row.hash);
    await this.#assertMayDecide(tx, acting, row, approverRule(row, body, act, await act.termsNow(tx, body, "read")), await tx.clock());
    return body;
  }

  /** The request, locked, if it can still be decided. */
  async #open(tx: WorkTransaction, requestId: Id<"request">, now: Date): Promise<{ row: Request; body: RequestBody; act: GuardedAct }> {
    const row = await tx.lock(Request, requestId);
    if (row === null) throw new RootkeepError("NOT_FOUND");
    const body = parseRequest(row.body, row.hash);
    if (row.state !== "SUBMITTED") throw new RootkeepError("STATE_CONFLICT", { facts: { state: row.state } });
    if (row.expiresAt <= now) throw new RootkeepError("APPROVAL_EXPIRED");
    return { row, body, act: this.#act(row.operation) };
  }

  /** Law L2: neither requester, nor holder, nor whom it is about, nor anybody twice; and on the allowlist now. */
  async #assertMayDecide(tx: WorkTransaction, acting: ActingPerson, row: Request, rule: ApproverRule, now: Date): Promise<void> {
    const obstacle = await approverObstacle(tx, rule, await actingStanding(tx, acting, now));
    if (obstacle !== null) throw obstacle;
    const own = await tx.readAll(Approval, { requestId: row.id, personId: acting.personId });
    if (own.length > 0) throw new RootkeepError("STATE_CONFLICT", { facts: { rule: "you have decided already" } });
  }

  #statement(act: "approve" | "deny", row: Request, person: Id<"person">, authenticator: Id<"authenticator"> | null): string {
    return statementText({
      act,
      requestHash: row.hash.toString("hex"),
      person,
      authenticator,
      challenge: randomBytes(32).toString("hex"),
    });
  }

  #act(operation: Operation): GuardedAct {
    const act = this.#acts.get(operation);
    if (act === undefined) throw new RootkeepError("MALFORMED", { fields: [{ field: "operation", rule: "is one that can be asked for" }] });
    return act;
  }
}
