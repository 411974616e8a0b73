import { randomBytes } from "node:crypto";
import { reachedOf } from "../accounts/reached-accounts.service.js";
import { canonicalJson } from "../audit/canonical-json.js";
import { draftEntry, personActor } from "../audit/draft.js";
import type { Transactions } from "../audit/transactions.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { plusSeconds } from "../kernel/clock.js";
import { RootkeepError } from "../kernel/errors.js";
import { type Id, newId } from "../kernel/ids.js";
import { checkProse } from "../kernel/prose.js";
import type { AcceptedPage } from "../notices/accepted-page.js";
import type { Pager } from "../notices/pager.service.js";
import { postNotice } from "../notices/post-notice.service.js";
import { type ActingPerson, actingStanding } from "../people/acting-person.service.js";
import { readerOf } from "../people/reading.service.js";
import { hasRole } from "../people/standing.service.js";
import type { StepUp } from "../people/step-up.service.js";
import { AccessGrant } from "./access-grant.entity.js";
import { GLASS_REVIEW_SECONDS, glassNotice, isGlass } from "./glass-terms.js";
import { GlassUse } from "./glass-use.entity.js";
import type { DecidedRequest } from "./guarded-act.port.js";
import { grantedBody } from "./opening-request.service.js";
import { Request } from "./request.entity.js";
import { askingPeople, shownRequest, statementText } from "./request-body.js";
import { openGlassTicket, tellTicket } from "./request-tickets.service.js";

/** Characters that findings have at least: "ok" is no review. */
const FINDINGS_CHARS_MIN = 20;

/**
 * The account's last break-glass must have been reviewed before its next one. Every use is read and counted: one that was hidden or deleted
 * would otherwise open the way.
 * @throws RootkeepError `REVIEW_DUE`
 */
export async function assertGlassReviewed(tx: WorkTransaction, accountId: Id<"account">): Promise<void> {
  const open = (await tx.readProven(GlassUse)).find((use) => use.accountId === accountId && use.state === "OPEN");
  if (open !== undefined) throw new RootkeepError("REVIEW_DUE", { facts: { use: open.id } });
}

/** Notes the use in the transaction that makes its grant, and has everybody told. */
export async function beginGlassUse(tx: WorkTransaction, { body, approvers, now }: DecidedRequest, grant: AccessGrant): Promise<GlassUse> {
  await assertGlassReviewed(tx, grant.accountId);
  await postNotice(tx, glassNotice("glass.granted", body, grant.id));
  await openGlassTicket(tx, body, grant.id);
  return tx.insert(GlassUse, {
    id: newId("glass"),
    accountId: grant.accountId,
    requestId: body.id,
    grantId: grant.id,
    participants: canonicalJson([...new Set([...askingPeople(body), ...approvers])].sort()),
    state: "OPEN",
    dueAt: plusSeconds(now, GLASS_REVIEW_SECONDS),
    reviewerId: null,
    findings: null,
    statement: null,
    closedAt: null,
  });
}

/** Break-glass: the page before each opening, and the review after it (design §6). */
export class Glass {
  #overdue = 0;

  constructor(
    private readonly transactions: Transactions,
    private readonly stepUp: StepUp,
    private readonly pager: Pager,
    private readonly onLooked: (overdue: number) => void = () => undefined,
  ) {}

  /** Reviews that are overdue, as of the last look. */
  get overdue(): number {
    return this.#overdue;
  }

  /**
   * Pages before an opening under a grant that broke the glass; null for every other grant, and for one that is not `acting`'s to open now:
   * the claim says why.
   * @throws RootkeepError `PAGE_UNACCEPTED`; nothing has been used up then.
   */
  async pageFor(acting: ActingPerson, grantId: Id<"grant">): Promise<AcceptedPage | null> {
    const body = await this.transactions.peek((tx) => grantedBody(tx, acting, grantId));
    return body === null || !isGlass(body) ? null : await this.pager.page(grantId, glassNotice("glass.opening", body, grantId));
  }

  /**
   * Closes a use: somebody who took no part says what they found, with a fresh second factor.
   * @throws RootkeepError `NOT_FOUND`, `SELF_APPROVAL` for whoever took part, `NOT_ALLOWLISTED`, `STEP_UP_REQUIRED`, `STATE_CONFLICT` while
   *   the grant runs or when it is closed already, `MALFORMED`.
   */
  async review(acting: ActingPerson, useId: Id<"glass">, code: string, findings: string): Promise<{ seq: number }> {
    const fields = checkProse("findings", findings, FINDINGS_CHARS_MIN);
    if (fields.length > 0) throw new RootkeepError("MALFORMED", { fields });
    const { receipts } = await this.transactions.run(async (tx) => {
      const now = await tx.clock();
      const standing = await actingStanding(tx, acting, now);
      const use = await tx.lock(GlassUse, useId);
      if (use === null) throw new RootkeepError("NOT_FOUND");
      const grant = await tx.read(AccessGrant, use.grantId);
      const request = await tx.read(Request, use.requestId);
      if (grant === null || request === null) throw new RootkeepError("ROW_REFUSED", { reason: "use without its grant" });
      if (participantsIn(use.participants).includes(acting.personId)) throw new RootkeepError("SELF_APPROVAL");
      if (!hasRole(standing, "custodian")) throw new RootkeepError("NOT_ALLOWLISTED");
      if (use.state !== "OPEN") throw new RootkeepError("STATE_CONFLICT", { facts: { state: use.state } });
      if (grant.state === "OPEN" && grant.expiresAt > now) throw new RootkeepError("STATE_CONFLICT", { facts: { rule: "it still runs" } });
      const authenticator = await this.stepUp.confirm(tx, acting.personId, code, now, { session: acting.sessionId });
      const statement = statementText({
        act: "review",
        requestHash: request.hash.toString("hex"),
        person: acting.personId,
        authenticator,
        challenge: randomBytes(32).toString("hex"),
      });
      tx.change(GlassUse, use, { state: "CLOSED", reviewerId: acting.personId, findings, statement, closedAt: now });
      // The words of a request that is over may have been erased; its ids are what is told.
      const body = shownRequest(request.body, request.hash);
      await postNotice(tx, glassNotice("glass.reviewed", body, use.grantId));
      const draft = draftEntry({
        action: "glass.review",
        outcome: "committed",
        actor: personActor(acting.personId),
        target: { type: "glass", id: use.id },
        request: { id: request.id, hash: request.hash.toString("hex"), grant: use.grantId },
        details: { statement },
        stream: use.accountId,
        disclosures: [{ field: "findings", value: findings }],
      });
      const facts = { by: acting.personId, grant: use.grantId };
      await tellTicket(tx, body, { event: "glass.reviewed", state: request.state, facts, entryId: draft.id, isGranted: true });
      return { result: undefined, entries: [{ draft }] };
    });
    return { seq: receipts[0]?.facts.seq ?? -1 };
  }

  /** Uses that `readerId` may read of, reviewed or not: over accounts in reach, and those in which they took part. */
  async listFor(readerId: Id<"person">): Promise<GlassUse[]> {
    return await this.transactions.peek(async (tx) => {
      const { reach } = await readerOf(tx, readerId, "glass.list");
      const uses = await tx.readProven(GlassUse);
      const reached = await reachedOf(
        tx,
        reach,
        uses.map(({ accountId }) => accountId),
      );
      return uses.filter(({ accountId, participants }) => reached.has(accountId) || participantsIn(participants).includes(readerId));
    });
  }

  /** Looks which reviews are overdue. */
  async look(): Promise<void> {
    this.#overdue = await this.transactions.peek(async (tx) => {
      const now = await tx.clock();
      return (await tx.readAll(GlassUse, { state: "OPEN" })).filter(({ dueAt }) => dueAt <= now).length;
    });
    this.onLooked(this.#overdue);
  }
}

function participantsIn(text: string): readonly string[] {
  return JSON.parse(text) as string[];
}
