import type { DataSource } from "typeorm";
import { readAccount } from "../accounts/account-registry.service.js";
import type { AccessGrants, Claim, ClaimForm } from "../approvals/access-grants.service.js";
import type { WhichVersion } from "../approvals/granted-version.js";
import { outcomeBytes } from "../approvals/request-body.js";
import type { TrustedConfiguration } from "../approvals/trusted-configuration.service.js";
import type { AuditLog } from "../audit/audit-log.service.js";
import type { Coverage } from "../audit/coverage.port.js";
import { draftEntry, personActor } from "../audit/draft.js";
import type { EntryDraft } from "../audit/entry.js";
import type { AuditReceipt, ReceiptFacts } from "../audit/receipt.js";
import type { Transactions } from "../audit/transactions.service.js";
import { translateSqlError } from "../database/sql-error.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import type { Clock } from "../kernel/clock.js";
import { isRootkeepError, RootkeepError } from "../kernel/errors.js";
import { deriveEventId, type Id } from "../kernel/ids.js";
import { LIMITS } from "../kernel/limits.js";
import { Secret } from "../kernel/secret.js";
import type { DataKeys } from "../keys/data-keys.service.js";
import type { DeliveryKey } from "../keys/delivery-key.js";
import { enclose } from "../keys/enclose.js";
import type { KeyService, Opened, SealedRow } from "../keys/keys.service.js";
import { AWS_PERIOD_SECONDS, stepOf } from "../keys/totp.js";
import type { ActingPerson } from "../people/acting-person.service.js";
import { assertKept, destroyedIn } from "./destroyed.js";
import { sealedFactsOf } from "./sealed-facts.js";
import { SealedValues } from "./sealed-values.repository.js";
import { SecretRow } from "./secret.entity.js";
import { SecretVersion } from "./secret-version.entity.js";
import { showCandidate } from "./show-candidate.service.js";

/** A value on its way to the one person who may see it. Whoever takes it wipes it. */
export interface Revealed {
  /** UTF-8 of what is sent: the value itself, or the JWE in which it is enclosed for the client's key. */
  readonly value: Secret<Buffer>;
  readonly sentAs: "value" | "jwe";
  readonly kind: string;
  readonly versionId: Id<"version">;
  /** The entry that made the opening possible: the receipt's facts go to the caller. */
  readonly intent: ReceiptFacts;
  readonly outcomeSeq: number;
  /** The C2SP `.tlog-proof` of the intent; null where this deployment does not wait for a signed checkpoint. */
  readonly proof: string | null;
}

export interface RevealSettings {
  readonly clock: Clock;
  /** Nothing is sent but enclosed for a client's key. */
  readonly demandsDeliveryKey: boolean;
}

/** Which opening is wanted, and for which key of the client's; null for none. */
type Opening = Omit<ClaimForm, "deliverTo"> & { readonly deliverTo: DeliveryKey | null };

/** What the intent's transaction hands on: everything that opening needs, and no secret. */
interface Claimed {
  readonly claim: Claim;
  readonly version: SecretVersion;
  readonly facts: Omit<SealedRow, "sealed">;
  readonly now: Date;
}

/**
 * The act that the product exists for. In this order, and none of it can be left out:
 *
 * 0. while nobody signs the log nothing is begun, and so nothing is burnt for nothing;
 * 1. one transaction claims the grant, burns the version (a value that may be seen counts as seen), takes the code's time step, and
 *    appends the intent as its last statement;
 * 2. a signed checkpoint that covers the intent is held outside the database, so that no restored backup forgets it;
 * 3. only the receipt of that durable intent opens the value (law L1);
 * 4. the outcome is appended; only when it is durable too does the value leave.
 *
 * Killed anywhere in between, the grant is spent and the value burnt, and the log says that it was about to be opened.
 */
export class RevealSecret {
  constructor(
    private readonly dataSource: DataSource,
    private readonly transactions: Transactions,
    private readonly log: AuditLog,
    private readonly grants: AccessGrants,
    private readonly trust: TrustedConfiguration,
    private readonly keys: KeyService,
    private readonly dataKeys: DataKeys,
    private readonly coverage: Coverage,
    private readonly settings: RevealSettings,
  ) {}

  /**
   * Opens the value of `kind` once.
   * @param deliverTo the client's key for which the value is enclosed; what the second factor confirms names it.
   * @param which the working value, or the candidate that is to succeed it.
   * @throws RootkeepError as `AccessGrants.claim`; `CONFIG_UNAPPROVED`, `CLOCK_SKEW`, `AUDIT_UNAVAILABLE`, `KEY_UNAVAILABLE`, `SEAL_BROKEN`.
   */
  async reveal(
    acting: ActingPerson,
    grantId: Id<"grant">,
    kind: string,
    code: string,
    deliverTo: DeliveryKey | null = null,
    which: WhichVersion = "current",
  ): Promise<Revealed> {
    // From a seed only codes come out, whatever the grant says.
    if (kind === "mfa-seed") throw new RootkeepError("NOT_FOUND", { facts: { rule: "of an MFA seed only codes are given" } });
    const form = { grantId, kind, which, code, deliverTo, operation: "secret.reveal" } as const;
    return await this.#opening(acting, form, (row, dataKey, receipt) => this.keys.open(row, dataKey, receipt));
  }

  /**
   * Gives the code of the current time step; a step is given once, to one person (law L4).
   * @throws RootkeepError as {@link reveal}; `CODE_WAIT` when this step's code was given out already.
   */
  async code(
    acting: ActingPerson,
    grantId: Id<"grant">,
    code: string,
    deliverTo: DeliveryKey | null = null,
    which: WhichVersion = "current",
  ): Promise<Revealed & { validForSeconds: number }> {
    const form = { grantId, kind: "mfa-seed", which, code, deliverTo, operation: "secret.code" } as const;
    let unixSeconds = 0;
    const revealed = await this.#opening(acting, form, (row, dataKey, receipt, now) => {
      unixSeconds = now.getTime() / 1000;
      return this.keys.openCode(row, dataKey, receipt, unixSeconds);
    });
    return { ...revealed, validForSeconds: AWS_PERIOD_SECONDS - Math.floor(unixSeconds % AWS_PERIOD_SECONDS) };
  }

  async #opening(
    acting: ActingPerson,
    form: Opening,
    open: (row: SealedRow, dataKey: Parameters<KeyService["open"]>[1], receipt: AuditReceipt, now: Date) => Promise<Opened>,
  ): Promise<Revealed> {
    if (form.deliverTo === null && this.settings.demandsDeliveryKey) {
      throw new RootkeepError("MALFORMED", {
        fields: [{ field: "deliverTo", rule: "is missing; this deployment sends no value in the clear" }],
      });
    }
    await this.coverage.assertSigning();
    // Before anything is used up: a ticket must be real, and a break-glass that nobody hears of is none.
    const prepared = await this.grants.prepare(acting, form.grantId);
    const { claimed, receipt } = await this.#claim(acting, { ...form, ...prepared });
    const intent = receipt.facts;
    let opened: Opened;
    let sent: Secret<Buffer>;
    let proof: string | null;
    try {
      const { version, facts, now } = claimed;
      const { manager } = this.dataSource;
      const [covered, , sealed, dataKey] = await Promise.all([
        this.coverage.cover(intent),
        this.log.confirm(manager, intent),
        SealedValues.read(manager, version.id, version.sealedSha256),
        this.dataKeys.byId(manager, version.dataKeyId),
      ]);
      proof = covered;
      opened = await open({ ...facts, sealed }, dataKey, receipt, now);
      sent = await enclosedFor(form.deliverTo, opened.value);
    } catch (failure) {
      // The sealed bytes are read outside the runner, so a lost connection is still the database's own error here.
      const error = naming(claimed.version, translateSqlError(failure));
      await this.#recordFailure(acting, form, claimed, intent, error);
      throw error;
    }
    try {
      const outcome = await this.log.record(
        outcomeDraft(acting, form, claimed, intent, "allowed", opened.requestId === null ? {} : { rootKeyRequestId: opened.requestId }),
      );
      return {
        value: sent,
        sentAs: form.deliverTo === null ? "value" : "jwe",
        kind: claimed.claim.version.kind,
        versionId: claimed.version.id,
        intent,
        outcomeSeq: outcome.facts.seq,
        proof,
      };
    } catch (error) {
      // Outcome in doubt: nothing is sent, and the value counts as seen (design §7).
      sent.wipe();
      throw error;
    }
  }

  async #claim(acting: ActingPerson, form: Opening): Promise<{ claimed: Claimed; receipt: AuditReceipt }> {
    const claiming = this.transactions.run(async (tx) => {
      const claimed = await this.#claimIn(tx, acting, form);
      return { result: claimed, entries: [{ draft: intentDraft(acting, form, claimed) }] };
    });
    const { result, receipts } = await claiming.catch(async (error: unknown) => {
      await this.grants.tellRefused(acting, error);
      throw await this.#destroyedOr(error, acting, form.grantId);
    });
    const receipt = receipts[0];
    if (receipt === undefined) throw new RootkeepError("AUDIT_UNAVAILABLE");
    return { claimed: result, receipt };
  }

  async #claimIn(tx: WorkTransaction, acting: ActingPerson, form: Opening): Promise<Claimed> {
    this.trust.assertMayOpen();
    // Again once the log has been read to its end: another replica may have taken over what is trusted.
    tx.atHead(() => this.trust.assertMayOpen());
    const deliverTo = form.deliverTo?.thumbprint ?? null;
    const claim = await this.grants.claim(tx, acting, { ...form, deliverTo }, await tx.clock());
    // Looked at again at the log's end: of an opening and a destruction at once, one happens (and nothing is spent for the other).
    assertKept(this.log, claim.grant.accountId);
    tx.atHead(() => assertKept(this.log, claim.grant.accountId));
    // Read after the waiting for locks is over: expiry, time step and skew are judged by this one.
    const now = await tx.clock();
    if (now >= claim.until) throw new RootkeepError("APPROVAL_EXPIRED");
    this.#assertClocksAgree(now);
    const { version, facts } = await this.#versionOf(tx, form, claim);
    if (form.which === "candidate") await showCandidate(tx, version, claim, { personId: acting.personId, log: this.log, now });
    if (form.operation === "secret.code") this.#takeStep(tx, version, now);
    else tx.change(SecretVersion, version, { exposure: "BURNT" });
    return { claim, version, facts, now };
  }

  /** What the grant names, locked: of this account and kind, and the working one where that is meant. */
  async #versionOf(tx: WorkTransaction, form: Opening, claim: Claim): Promise<Pick<Claimed, "version" | "facts">> {
    const version = await tx.lock(SecretVersion, claim.version.versionId);
    const secret = version === null ? null : await tx.read(SecretRow, version.secretId);
    const account = await readAccount(tx, claim.grant.accountId);
    if (version === null || secret === null || account === null) throw new RootkeepError("NOT_FOUND");
    const isMeant = form.which === "candidate" || version.state === "ACTIVE";
    if (secret.accountId !== account.id || secret.kind !== form.kind || !isMeant) {
      throw new RootkeepError("STATE_CONFLICT", { facts: { rule: "the version is no longer the current one" } });
    }
    return { version, facts: sealedFactsOf(account, secret, version) };
  }

  /** Of an account that was destroyed every grant has ended before: the caller, whose grant it was, hears why there will be no other. */
  async #destroyedOr(error: unknown, { personId }: ActingPerson, grantId: Id<"grant">): Promise<unknown> {
    if (!isRootkeepError(error, "APPROVAL_EXPIRED") && !isRootkeepError(error, "STATE_CONFLICT")) return error;
    const grant = await this.grants.readFor(personId, grantId).catch(() => null);
    const seq = grant === null ? undefined : destroyedIn(this.log, grant.accountId);
    return seq === undefined ? error : new RootkeepError("DESTROYED", { facts: { seq }, cause: error });
  }

  /** The code ledger: only the current step, and only if it is greater than any given before for that seed, to anybody. */
  #takeStep(tx: WorkTransaction, version: SecretVersion, now: Date): void {
    const step = stepOf(now.getTime() / 1000, AWS_PERIOD_SECONDS);
    if (version.lastStep !== null && step <= Number(version.lastStep)) {
      const wait = AWS_PERIOD_SECONDS - Math.floor((now.getTime() / 1000) % AWS_PERIOD_SECONDS);
      throw new RootkeepError("CODE_WAIT", { retryAfterSeconds: wait });
    }
    tx.change(SecretVersion, version, { lastStep: String(step) });
  }

  /** Design §5: openings stop when service and database differ by more than two seconds. */
  #assertClocksAgree(databaseNow: Date): void {
    if (this.log.isAheadOfClock) throw new RootkeepError("CLOCK_SKEW", { reason: "the log is ahead of the clock" });
    const skew = Math.abs(this.settings.clock.now().getTime() - databaseNow.getTime());
    if (skew > LIMITS.clockSkewMsMax) throw new RootkeepError("CLOCK_SKEW", { facts: { skewMs: skew } });
  }

  async #recordFailure(
    acting: ActingPerson,
    form: Opening,
    claimed: Claimed,
    intent: ReceiptFacts,
    { code }: RootkeepError,
  ): Promise<void> {
    // The caller hears of the first failure; if this one cannot be written, the sweeper writes `unknown` later.
    await this.log.record(outcomeDraft(acting, form, claimed, intent, "error", { code })).catch(() => undefined);
  }
}

/** A value that does not open is named, for whoever is told of it. */
function naming({ id }: SecretVersion, error: RootkeepError): RootkeepError {
  if (error.code !== "SEAL_BROKEN") return error;
  const reason = error.reason === undefined ? {} : { reason: error.reason };
  return new RootkeepError("SEAL_BROKEN", { facts: { version: id }, ...reason, cause: error.cause ?? error });
}

/** What is sent of `value`. Once it is enclosed the plaintext is wiped, on every way out. */
async function enclosedFor(key: DeliveryKey | null, value: Secret<Buffer>): Promise<Secret<Buffer>> {
  if (key === null) return value;
  try {
    return Secret.of(Buffer.from(await enclose(value, key), "ascii"));
  } finally {
    value.wipe();
  }
}

function intentDraft(acting: ActingPerson, form: Opening, { claim, version, facts }: Claimed): EntryDraft {
  return draftEntry({
    id: claim.eventId,
    action: form.operation,
    outcome: "intent",
    actor: personActor(acting.personId),
    target: { type: "secret-version", id: version.id, secret: facts.secretId, kind: facts.kind, version: facts.version },
    request: { id: claim.grant.requestId, hash: claim.requestHash, grant: claim.grant.id },
    details: {
      opening: claim.number,
      ...(form.which === "candidate" ? { candidate: version.state } : {}),
      ...(claim.paged === null ? {} : { breakGlass: true, paged: claim.paged }),
      ...claim.sighting,
      statement: claim.statement,
      session: acting.sessionId,
      sealedSha256: version.sealedSha256.toString("hex"),
    },
    stream: claim.grant.accountId,
  });
}

function outcomeDraft(
  acting: ActingPerson,
  form: Opening,
  { claim, version }: Claimed,
  intent: ReceiptFacts,
  outcome: "allowed" | "error",
  details: Readonly<Record<string, string>>,
): EntryDraft {
  return draftEntry({
    id: deriveEventId(outcomeBytes(intent.eventId)),
    action: form.operation,
    outcome,
    actor: personActor(acting.personId),
    target: { type: "secret-version", id: version.id },
    request: { id: claim.grant.requestId, hash: claim.requestHash, grant: claim.grant.id },
    details: { intent: intent.eventId, intentSeq: intent.seq, ...details },
    stream: claim.grant.accountId,
  });
}
