import { createHash } from "node:crypto";
import type { DataSource } from "typeorm";
import type { AccountState } from "../accounts/account.js";
import { type AccountRow, lockAccount, readAccount } from "../accounts/account-registry.service.js";
import type { TrustedConfiguration } from "../approvals/trusted-configuration.service.js";
import { draftEntry, personActor, SYSTEM_ACTOR } from "../audit/draft.js";
import type { EntryDraft } from "../audit/entry.js";
import type { Transactions } from "../audit/transactions.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { RootkeepError } from "../kernel/errors.js";
import { type Id, newId } from "../kernel/ids.js";
import type { Secret } from "../kernel/secret.js";
import type { DataKeys } from "../keys/data-keys.service.js";
import { type DataKeyRow, domainOf } from "../keys/domain.js";
import { type EscrowWrap, escrowDetails } from "../keys/escrow-wrap.js";
import type { KeyService } from "../keys/keys.service.js";
import { type ActingPerson, actingStanding } from "../people/acting-person.service.js";
import { scopedAccountOf } from "../people/scoped-account.js";
import { hasRole } from "../people/standing.service.js";
import { CANDIDATE_STATES, withApplier } from "./candidate.js";
import type { CopyKeeper } from "./copy-keeper.port.js";
import { assertKept, type DestructionsOfLog } from "./destroyed.js";
import { generateAwsPassword } from "./password.js";
import type { ReadBack } from "./read-back.service.js";
import { SealedValues } from "./sealed-values.repository.js";
import { SecretRow } from "./secret.entity.js";
import { NO_CANDIDATE, SecretVersion } from "./secret-version.entity.js";

/** Kinds of secret that are rotated. */
export const CANDIDATE_KINDS = ["root-password", "mfa-seed"] as const;
export type CandidateKind = (typeof CANDIDATE_KINDS)[number];

/** A candidate that is ready to be shown. */
export interface StagedCandidate {
  readonly versionId: Id<"version">;
  readonly secretId: Id<"secret">;
  readonly kind: CandidateKind;
  readonly number: number;
}

/** What there is of an account's secret, before anything is sealed for it. */
interface Place {
  readonly account: AccountRow;
  readonly secret: SecretRow | null;
  readonly candidate: SecretVersion | null;
  /** Number that the next version gets. */
  readonly next: number;
}

/** A value on its way into the table. */
interface SealedCandidate {
  readonly secretId: Id<"secret">;
  readonly versionId: Id<"version">;
  readonly sealed: Buffer;
  readonly dataKey: DataKeyRow;
  /** The data key's wrap for the escrow quorum, where the key is new. */
  readonly newKey: { readonly escrow: EscrowWrap | null } | null;
  readonly requestId: string | null;
}

/** States in which nothing of an account is kept for use. */
const ENDED: ReadonlySet<string> = new Set<AccountState>(["released", "sealed_final", "abandoned"]);

/** Others may stage or settle at the same time; twice is chance, more is a fault. */
const ATTEMPTS = 4;

/**
 * Stages the value that is to succeed an account's working one (docs/spec/secret-versions.md). The order is law L5: sealed, committed STAGED,
 * read back, copied to the second store, and only then marked as one that may be shown. Killed anywhere in between, staging again goes on
 * with the same version: of a secret there is one candidate at most.
 */
export class Candidates {
  constructor(
    private readonly dataSource: DataSource,
    private readonly transactions: Transactions,
    private readonly trust: TrustedConfiguration,
    private readonly keys: KeyService,
    private readonly dataKeys: DataKeys,
    private readonly readBack: ReadBack,
    private readonly copies: CopyKeeper,
    private readonly log: DestructionsOfLog,
  ) {}

  /**
   * A candidate for the account's secret of this kind, ready to be shown; the one that there is already, where there is one.
   * @param given the value, for a seed that AWS made; a password is generated here. It stays the caller's to wipe.
   * @throws RootkeepError `NOT_ALLOWLISTED`, `NOT_FOUND`; `STATE_CONFLICT` while one was shown and is not settled, or a seed is staged already;
   *   `CONFIG_UNAPPROVED`; `SEAL_BROKEN`; as the root key and the second store do.
   */
  async stage(
    acting: ActingPerson,
    accountId: Id<"account">,
    kind: CandidateKind,
    given: Secret<Buffer> | null = null,
  ): Promise<StagedCandidate> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      this.trust.assertApproved();
      const place = await this.transactions.peek((tx) => placeOf(tx, acting, accountId, kind));
      assertKept(this.log, accountId);
      assertUnshown(place.candidate);
      const candidate = usable(place.candidate, given) ?? (await this.#store(acting, place, kind, given));
      if (candidate !== null && (await this.#makeReady(accountId, candidate))) {
        return { versionId: candidate.id, secretId: candidate.secretId, kind, number: candidate.number };
      }
    }
    throw new RootkeepError("STATE_CONFLICT", { reason: "candidate changed again and again" });
  }

  /** Seals a new value and commits it STAGED. @returns null where somebody else was first: then theirs is looked at. */
  async #store(acting: ActingPerson, place: Place, kind: CandidateKind, given: Secret<Buffer> | null): Promise<SecretVersion | null> {
    const value = given ?? generateAwsPassword();
    try {
      return await this.#insert(acting, place, kind, await this.#seal(place, kind, value));
    } finally {
      if (given === null) value.wipe();
    }
  }

  async #seal({ account, secret, next }: Place, kind: CandidateKind, value: Secret<Buffer>): Promise<SealedCandidate> {
    const owner = { accountId: account.id, awsAccountId: account.awsId };
    const [secretId, versionId] = [secret?.id ?? newId("secret"), newId("version")];
    const facts = { ...owner, secretId, kind, version: next, versionId, personId: "" };
    const known = await this.dataKeys.activeOf(this.dataSource.manager, account.id, domainOf(kind));
    if (known !== null) {
      const { sealed, requestId } = await this.keys.seal(value, { ...facts, dataKeyId: known.id }, known);
      return { secretId, versionId, sealed, dataKey: known, newKey: null, requestId };
    }
    const { row, sealer, escrow, requestId } = await this.keys.newDataKey(owner, domainOf(kind));
    try {
      const sealed = sealer.seal(value, { ...facts, dataKeyId: row.id });
      return { secretId, versionId, sealed, dataKey: row, newKey: { escrow }, requestId };
    } finally {
      sealer.close();
    }
  }

  async #insert(acting: ActingPerson, before: Place, kind: CandidateKind, candidate: SealedCandidate): Promise<SecretVersion | null> {
    const { result } = await this.transactions.run(async (tx) => {
      // Once the log has been read to its end: another replica may have taken over what is trusted since the value was sealed [ES-9].
      tx.atHead(() => this.trust.assertApproved());
      // Of staging and a destruction at once one happens: what came after could not be destroyed any more.
      tx.atHead(() => assertKept(this.log, before.account.id));
      const accountId = before.account.id as Id<"account">;
      // Two that stage for one account take turns here.
      await lockAccount(tx, accountId);
      const place = await placeOf(tx, acting, accountId, kind, "lock");
      assertUnshown(place.candidate);
      if (!isSame(place, before)) return { result: null, entries: [] };
      const entries: { draft: EntryDraft; rows?: SecretVersion[] }[] = [];
      // One that nobody was shown, and whose value nobody can look up: whoever stages a seed again brings it along.
      if (place.candidate !== null) entries.push(await abandoned(tx, accountId, place.candidate, "staged anew"));
      const version = await this.#add(tx, acting, place, kind, candidate);
      entries.unshift({ draft: stagedDraft(acting, kind, version, candidate, accountId) });
      return { result: version, entries };
    });
    return result;
  }

  async #add(
    tx: WorkTransaction,
    acting: ActingPerson,
    { account, secret, next }: Place,
    kind: CandidateKind,
    candidate: SealedCandidate,
  ): Promise<SecretVersion> {
    const { secretId, versionId, sealed, dataKey, newKey } = candidate;
    const createdAt = await tx.clock();
    if (newKey !== null) await this.dataKeys.insert(tx.manager, dataKey, newKey.escrow);
    if (secret === null) tx.insert(SecretRow, { id: secretId, accountId: account.id as Id<"account">, kind, createdAt });
    await SealedValues.insert(tx.manager, versionId, sealed);
    return tx.insert(SecretVersion, {
      ...{ id: versionId, secretId, number: next, state: "STAGED", lastStep: null, createdAt },
      // A seed was seen by whoever brought it; a password by nobody.
      exposure: kind === "mfa-seed" ? "EXPOSED" : "CLEAN",
      dataKeyId: dataKey.id as Id<"dataKey">,
      sealedSha256: sha256(sealed),
      ...NO_CANDIDATE,
      // Whoever brings a seed knows it: they neither settle nor verify it, as nobody does who was shown a password to set.
      appliers: kind === "mfa-seed" ? withApplier({ appliers: null }, acting.personId) : null,
      ready: false,
    });
  }

  /** Reads it back, copies it, and marks it. @returns false where it is another one by now, or did not open and was given up. */
  async #makeReady(accountId: Id<"account">, candidate: SecretVersion): Promise<boolean> {
    if (candidate.ready === true) return true;
    const { isIntact, requestId } = await this.readBack.confirm(accountId, candidate);
    if (isIntact) await this.copies.keep(candidate.id);
    const { result } = await this.transactions.run(async (tx) => {
      const version = await tx.lock(SecretVersion, candidate.id);
      if (version === null) throw new RootkeepError("NOT_FOUND");
      // Somebody else has done it meanwhile, or has given it up.
      if (version.state !== "STAGED" || version.ready === true) return { result: version.ready === true, entries: [] };
      if (!isIntact) return { result: false, entries: [await abandoned(tx, accountId, version, "read-back failed")] };
      tx.change(SecretVersion, version, { ready: true });
      return { result: true, entries: [{ draft: readyDraft(version, requestId, accountId) }] };
    });
    return result;
  }
}

/** @throws RootkeepError `NOT_FOUND`, `NOT_ALLOWLISTED` for whoever neither asks for openings of the account nor is a custodian. */
async function placeOf(
  tx: WorkTransaction,
  acting: ActingPerson,
  accountId: Id<"account">,
  kind: CandidateKind,
  mode: "read" | "lock" = "read",
): Promise<Place> {
  const standing = await actingStanding(tx, acting, await tx.clock());
  const account = await readAccount(tx, accountId);
  const isAllowed = account !== null && (hasRole(standing, "requester", scopedAccountOf(account)) || hasRole(standing, "custodian"));
  if (account === null) throw new RootkeepError("NOT_FOUND");
  if (!isAllowed) throw new RootkeepError("NOT_ALLOWLISTED");
  if (ENDED.has(account.state))
    throw new RootkeepError("STATE_CONFLICT", { facts: { state: account.state, rule: "the account is not ours any more" } });
  const [secret = null] = await tx.readAll(SecretRow, { accountId, kind });
  const versions = secret === null ? [] : await tx.readAll(SecretVersion, { secretId: secret.id }, mode);
  const candidate = versions.find(({ state }) => CANDIDATE_STATES.some((known) => known === state)) ?? null;
  return { account, secret, candidate, next: Math.max(0, ...versions.map(({ number }) => number)) + 1 };
}

/** True if a value that was sealed for `before` belongs where `now` is: what it is bound to has not changed, and no other candidate has come. */
function isSame(now: Place, before: Place): boolean {
  const [one, other] = [now, before].map(({ account, secret, candidate, next }) =>
    [account.awsId, secret?.id, candidate?.id, candidate?.ready, next].map(String).join(" "),
  );
  return one === other;
}

function assertUnshown(candidate: SecretVersion | null): void {
  if (candidate === null || candidate.state === "STAGED") return;
  throw new RootkeepError("STATE_CONFLICT", {
    facts: { rule: "a candidate was shown and is not settled", state: candidate.state, version: candidate.id },
  });
}

/** The candidate that staging goes on with, or null. A seed that was given is never taken for another one that is there. */
function usable(candidate: SecretVersion | null, given: Secret<Buffer> | null): SecretVersion | null {
  // What an import has left is the import's to resume.
  if (candidate?.ready === null)
    throw new RootkeepError("STATE_CONFLICT", { facts: { rule: "the import of the account is not finished" } });
  if (candidate !== null && candidate.ready && given !== null) {
    throw new RootkeepError("STATE_CONFLICT", { facts: { rule: "a seed is staged already", version: candidate.id } });
  }
  return given === null ? candidate : null;
}

/** Gives up a candidate that nobody was shown. */
async function abandoned(tx: WorkTransaction, accountId: Id<"account">, version: SecretVersion, why: string) {
  await tx.manager.query("SELECT secrets.abandon($1)", [version.id]);
  tx.adopt(SecretVersion, version, { state: "ABANDONED" });
  const draft = draftEntry({
    action: "candidate.abandoned",
    outcome: "committed",
    actor: SYSTEM_ACTOR,
    target: { type: "secret-version", id: version.id },
    details: { why },
    stream: accountId,
  });
  return { draft, rows: [version] };
}

function stagedDraft(
  acting: ActingPerson,
  kind: CandidateKind,
  { id, secretId, number, sealedSha256, dataKeyId }: SecretVersion,
  { newKey, requestId }: SealedCandidate,
  accountId: Id<"account">,
): EntryDraft {
  return draftEntry({
    action: "candidate.stage",
    outcome: "committed",
    actor: personActor(acting.personId),
    target: { type: "secret-version", id, secret: secretId, kind, version: number },
    details: {
      dataKeys: [dataKeyId],
      sealedSha256: sealedSha256.toString("hex"),
      ...escrowDetails([newKey?.escrow ?? []].flat()),
      ...(requestId === null ? {} : { rootKeyRequestId: requestId }),
    },
    stream: accountId,
  });
}

function readyDraft({ id }: SecretVersion, requestId: string | null, accountId: Id<"account">): EntryDraft {
  return draftEntry({
    action: "secret.staged",
    outcome: "committed",
    actor: SYSTEM_ACTOR,
    target: { type: "secret-version", id },
    details: { readBack: true, ...(requestId === null ? {} : { rootKeyRequestId: requestId }) },
    stream: accountId,
  });
}

function sha256(bytes: Buffer): Buffer {
  return createHash("sha256").update(bytes).digest();
}
