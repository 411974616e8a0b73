import type { AccountKind, Partition } from "../accounts/account.js";
import { type AccountRow, lockAccount, readAccount, setCheckOut } from "../accounts/account-registry.service.js";
import { custodyOf } from "../accounts/custody.js";
import { draftEntry } from "../audit/draft.js";
import type { EntryDraft } from "../audit/entry.js";
import type { Drafted } from "../database/transaction-runner.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { plusSeconds } from "../kernel/clock.js";
import { RootkeepError } from "../kernel/errors.js";
import { type Id, newId, parseId } from "../kernel/ids.js";
import { scopedAccountOf } from "../people/scoped-account.js";
import { AccessGrant } from "./access-grant.entity.js";
import { expireGrant } from "./end-grant.service.js";
import { assertGlassReviewed, beginGlassUse } from "./glass.service.js";
import { GLASS_FLAG, glassApprovals, glassMinutes, isGlass } from "./glass-terms.js";
import { openingsText, versionsText } from "./granted-version.js";
import type { CheckedForm, DecidedRequest, GuardedAct, RequestForm } from "./guarded-act.port.js";
import { custodyRefusal, heldKinds } from "./held-kinds.js";
import { holdersOf, openingRefusal, stateRefusal, termsInForce } from "./opening-policy.service.js";
import type { OpeningTerms } from "./opening-terms.js";
import { type Catalogue, isReferral, PURPOSE_KINDS, type Purpose, type PurposeKind, type PurposeScope, purposeScopeOf } from "./purpose.js";
import type { RequestBody } from "./request-body.js";
import { routePurpose } from "./route-purpose.js";
import type { SecretFactsPort } from "./secret-facts.port.js";
import { VERIFIES_FLAG, wantedVersions } from "./wanted-versions.service.js";

/**
 * The guarded act `secret.reveal`: a person asks to open the root credentials of one account for one purpose. Approval makes a grant; the
 * opening itself is `secrets/reveal-secret.service.ts`.
 */
export function revealAct(catalogue: Catalogue, secrets: SecretFactsPort): GuardedAct {
  return {
    operation: "secret.reveal",
    requesterRole: "requester",
    approverRole: "approver",
    isTicketNeeded: true,
    approvedState: "APPROVED",

    async check(tx, form, requesterId): Promise<CheckedForm> {
      const { account, purpose, scoped, decided } = await askedTerms(tx, catalogue, form);
      secrets.assertKept(account.id as Id<"account">);
      const barred = await stateRefusal(tx, account, purpose.slug);
      if (barred !== null) throw barred;
      const { terms } = decided;
      const kinds = kindsOf(form, purpose, terms, account);
      const holders = await holdersOf(tx, form.holders ?? {}, kinds, requesterId, scoped);
      const holderOf = (kind: PurposeKind): Id<"person"> => holders.get(kind) ?? requesterId;
      const versions = await wantedVersions(tx, secrets, { accountId: account.id as Id<"account">, kinds, purpose, holderOf });
      const breaksGlass = form.breakGlass === true;
      if (breaksGlass) await assertGlassReviewed(tx, account.id as Id<"account">);
      // Current and candidate are two versions of one secret, with one holder.
      const wanted = new Map(versions.map(({ secretId, kind }) => [secretId, { id: secretId, kind, holder: holderOf(kind) }]));
      const opened = [...wanted.values()];
      const judged = { requester: requesterId, secrets: opened, ticket: form.ticket };
      const refusal = await openingRefusal(tx, decided, judged, { id: account.id as Id<"account">, secrets });
      if (refusal !== null) throw refusal;
      const { codes, otherTeam, split, selfService } = terms;
      return {
        account: { id: account.id as Id<"account">, awsId: account.awsId, partition: account.partition },
        purpose: { slug: purpose.slug, catalogue: catalogue.version },
        secrets: opened,
        policy: {
          version: decided.version,
          approvals: breaksGlass ? glassApprovals(terms.approvals) : terms.approvals,
          terms: { codes, otherTeam, split, selfService, policies: decided.policies },
        },
        minutes: minutesOf(form, breaksGlass ? glassMinutes(terms.minutes) : terms.minutes),
        flags: [...flagsOf(purpose, terms), ...(breaksGlass ? [GLASS_FLAG] : [])],
        subject: {},
        personId: null,
        scoped,
        disclosures: [],
      };
    },

    async termsNow(tx, body, mode) {
      const look = mode === "lock" ? lockForCheckOut : readAccount;
      const account = body.account === null ? null : await look(tx, body.account.id);
      if (account === null) throw new RootkeepError("NOT_FOUND");
      // Approved was this account, by both ids; a row that now says otherwise is another account.
      if (account.awsId !== body.account?.awsId || account.partition !== body.account.partition) throw new RootkeepError("STATE_CONFLICT");
      const scoped = scopedAccountOf(account);
      const purpose = currentPurpose(catalogue, body, account);
      const decided = await termsInForce(tx, purpose, scoped);
      const kinds = body.secrets.map(({ kind }) => kind);
      const refusal =
        (await stateRefusal(tx, account, purpose.slug)) ??
        custodyRefusal(custodyOf(account), kinds) ??
        (await openingRefusal(tx, decided, body, { id: account.id as Id<"account">, secrets }));
      const { approvals, otherTeam, minutes, codes } = decided.terms;
      return {
        scoped,
        approvals: isGlass(body) ? glassApprovals(approvals) : approvals,
        otherTeam,
        minutes: minutesUnder(body, minutes),
        codes,
        refusal,
      };
    },

    async apply(tx, decided) {
      return await grantAccess(tx, decided, catalogue, secrets);
    },
  };
}

/** The policy's minutes for this request: a break-glass has half of them, and never more than the policy gives. */
function minutesUnder(body: Pick<RequestBody, "flags">, minutes: number): number {
  return isGlass(body) ? Math.min(minutes, glassMinutes(minutes)) : minutes;
}

/**
 * What is asked for, and under which terms; also for whoever only wants to know.
 * @throws RootkeepError `BETTER_WAY` where root is not needed, `MALFORMED`, `NOT_FOUND`.
 */
export async function askedTerms(tx: WorkTransaction, catalogue: Catalogue, form: RequestForm) {
  const account = await accountOf(tx, form);
  const purpose = purposeOf(catalogue, form, account);
  const scoped = scopedAccountOf(account);
  return { account, purpose, scoped, decided: await termsInForce(tx, purpose, scoped) };
}

/**
 * The account's row, to be checked out. A grant that has it is locked first, as by everybody who opens or ends one: the other way round
 * an approval and an opening could wait for each other. Which grant has it is decided by the account's row, not here.
 */
export async function lockForCheckOut(tx: WorkTransaction, accountId: Id<"account">): Promise<AccountRow | null> {
  await tx.readAll(AccessGrant, { accountId, state: "OPEN" }, "lock");
  return await lockAccount(tx, accountId);
}

async function grantAccess(tx: WorkTransaction, decided: DecidedRequest, catalogue: Catalogue, secrets: SecretFactsPort) {
  const { row, body, approvers, now } = decided;
  const account = body.account === null ? null : await lockAccount(tx, body.account.id);
  if (account === null) throw new RootkeepError("NOT_FOUND");
  const purpose = currentPurpose(catalogue, body, account);
  const { terms } = await termsInForce(tx, purpose, scopedAccountOf(account));
  const lapsed = await endLapsedCheckOut(tx, account, now);
  const kinds = body.secrets.map(({ kind }) => kind);
  const holderOf = (kind: PurposeKind): Id<"person"> => body.secrets.find((secret) => secret.kind === kind)?.holder ?? row.requesterId;
  const granted = (await wantedVersions(tx, secrets, { accountId: account.id as Id<"account">, kinds, purpose, holderOf })).map(
    (version) => ({
      ...version,
      holder: holderOf(version.kind),
    }),
  );
  const grant = tx.insert(AccessGrant, {
    id: newId("grant"),
    requestId: row.id,
    // Of the password, where there is one; who opens which version stands beside it.
    holderId: (granted.find(({ kind }) => kind === "root-password") ?? granted[0])?.holder ?? row.requesterId,
    accountId: body.account?.id as Id<"account">,
    versions: versionsText(granted),
    codesMax: Math.min(terms.codes, body.policy.terms?.codes ?? terms.codes),
    openings: openingsText({}),
    state: "OPEN",
    grantedAt: now,
    expiresAt: plusSeconds(now, Math.min(body.minutes, minutesUnder(body, terms.minutes)) * 60),
  });
  setCheckOut(tx, account, grant.id);
  const use = isGlass(body) ? [await beginGlassUse(tx, decided, grant)] : [];
  const draft = draftEntry({
    action: "request.opened",
    outcome: "committed",
    actor: { type: "system" },
    target: { type: "grant", id: grant.id },
    request: { id: row.id, hash: row.hash.toString("hex") },
    details: {
      holder: grant.holderId,
      holders: granted.map(({ holder }) => holder),
      approvers: [...approvers],
      versions: granted.map(({ versionId }) => versionId),
      expiresAt: grant.expiresAt.toISOString(),
      ...(isGlass(body) ? { breakGlass: true } : {}),
    },
    stream: grant.accountId,
  });
  return [...lapsed, { draft, rows: [grant, account, ...use] }];
}

/**
 * One check-out at a time (design §6). A grant whose time is over no longer holds the account, whether or not the sweeper was there.
 * @throws RootkeepError `CHECKED_OUT`
 */
export async function endLapsedCheckOut(tx: WorkTransaction, account: AccountRow, now: Date): Promise<Drafted<EntryDraft>[]> {
  if (account.checkoutGrantId === null) return [];
  const holding = await tx.lock(AccessGrant, account.checkoutGrantId);
  if (holding === null) throw new RootkeepError("ROW_REFUSED", { reason: "check-out without a grant" });
  if (holding.state !== "OPEN") return [];
  if (holding.expiresAt > now) throw new RootkeepError("CHECKED_OUT", { facts: { until: holding.expiresAt.toISOString() } });
  return [await expireGrant(tx, holding)];
}

/** As {@link endLapsedCheckOut}, for whoever only asks. @throws RootkeepError `CHECKED_OUT` */
export async function assertCheckedIn(tx: WorkTransaction, account: AccountRow, now: Date): Promise<void> {
  const holding = account.checkoutGrantId === null ? null : await tx.read(AccessGrant, account.checkoutGrantId);
  if (holding?.state !== "OPEN" || holding.expiresAt <= now) return;
  throw new RootkeepError("CHECKED_OUT", { facts: { until: holding.expiresAt.toISOString() } });
}

async function accountOf(tx: WorkTransaction, form: RequestForm): Promise<AccountRow> {
  if (form.accountId === null) throw malformed("accountId", "names the account");
  const account = await readAccount(tx, parseId("account", form.accountId));
  if (account === null) throw new RootkeepError("NOT_FOUND");
  return account;
}

/** Law L7: only a task that needs root gets further than this. */
function purposeOf(catalogue: Catalogue, form: RequestForm, account: AccountRow): Purpose {
  if (form.purpose === null) throw malformed("purpose", "names a purpose of the catalogue");
  const scope = scopeOf(account);
  const custody = custodyOf(account);
  const asked =
    form.kinds.length > 0 ? (form.kinds as readonly PurposeKind[]) : heldKinds(custody, defaultKinds(catalogue, form.purpose, scope));
  const routed = routePurpose(catalogue, form.purpose, scope, asked);
  switch (routed.decision) {
    case "root":
    case "mail-only": {
      const refusal = custodyRefusal(custody, asked);
      if (refusal !== null) throw refusal;
      return routed.purpose;
    }
    case "better-way":
      throw new RootkeepError("BETTER_WAY", { facts: { route: routed.route, way: routed.way } });
    case "unknown":
      throw malformed("purpose", "names a purpose of the catalogue");
    case "not-for-this-kind":
      throw new RootkeepError("BETTER_WAY", { facts: { route: "NONE", way: "This purpose does not exist for this kind of account." } });
    case "kinds-not-in-purpose":
      throw malformed("kinds", "are among those that the purpose opens");
  }
}

/** The purpose as today's catalogue has it for this account. One that it no longer has is not one that needs nobody. */
function currentPurpose(catalogue: Catalogue, body: RequestBody, account: AccountRow): Purpose {
  const kinds = body.secrets.map(({ kind }) => kind);
  const routed = routePurpose(catalogue, body.purpose?.slug ?? "", scopeOf(account), kinds);
  if (routed.decision === "root" || routed.decision === "mail-only") return routed.purpose;
  throw new RootkeepError("STATE_CONFLICT", { facts: { rule: "the catalogue no longer opens this for this purpose" } });
}

function scopeOf(account: AccountRow): PurposeScope {
  return purposeScopeOf({ partition: account.partition as Partition, kind: account.kind as AccountKind });
}

/** What is asked for where the caller names nothing. Of a purpose with a better way that is the password, so that the way is told. */
function defaultKinds(catalogue: Catalogue, slug: string, scope: PurposeScope): readonly PurposeKind[] {
  const entry = catalogue.entries.find((row): row is Purpose => row.slug === slug && !isReferral(row) && row.scope.includes(scope));
  return entry?.way === null ? openedByDefault(entry) : ["root-password"];
}

/** A mailed code exists only while its mail is fresh: it is asked for by name, and a purpose that also names one does not wait for it. */
function openedByDefault({ kinds }: Purpose): readonly PurposeKind[] {
  const lasting = kinds.filter((kind) => kind !== "mail-code");
  return lasting.length > 0 ? lasting : kinds;
}

function kindsOf(form: RequestForm, purpose: Purpose, terms: OpeningTerms, account: AccountRow): readonly PurposeKind[] {
  if (form.kinds.length === 0) {
    const held = heldKinds(custodyOf(account), openedByDefault(purpose));
    const allowed = held.filter((kind) => terms.kinds.includes(kind));
    // Where the policy leaves nothing, what the purpose would open is judged, and refused by name.
    return allowed.length > 0 ? allowed : held;
  }
  return PURPOSE_KINDS.filter((kind) => form.kinds.includes(kind));
}

function minutesOf(form: RequestForm, most: number): number {
  if (form.minutes === null) return most;
  if (!Number.isInteger(form.minutes) || form.minutes < 1 || form.minutes > most) {
    throw malformed("minutes", `is a whole number, 1 to ${String(most)} for this purpose`);
  }
  return form.minutes;
}

function flagsOf(purpose: Purpose, terms: OpeningTerms): string[] {
  const flags = {
    heals: purpose.heals,
    [VERIFIES_FLAG]: purpose.verifies,
    irreversible: purpose.irreversible,
    "rotate-after": terms.rotateAfter,
  };
  return Object.entries(flags).flatMap(([flag, isSet]) => (isSet ? [flag] : []));
}

function malformed(field: string, rule: string): RootkeepError {
  return new RootkeepError("MALFORMED", { fields: [{ field, rule }] });
}
