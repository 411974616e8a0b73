import { In } from "typeorm";
import type { AccountRegistry, AccountRow } from "../accounts/account-registry.service.js";
import type { AuditLog } from "../audit/audit-log.service.js";
import type { Transactions } from "../audit/transactions.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { isRootkeepError } from "../kernel/errors.js";
import type { Id } from "../kernel/ids.js";
import type { ScopedAccount } from "../people/scope.js";
import { scopedAccountOf } from "../people/scoped-account.js";
import { hasRole, standingOf } from "../people/standing.service.js";
import { CANDIDATE_STATES } from "./candidate.js";
import { CANDIDATE_KINDS, type CandidateKind } from "./candidates.service.js";
import type { ReopeningsOfLog } from "./exposure.js";
import { type Due, dueOf } from "./rotation-due.js";
import { SecretRow } from "./secret.entity.js";
import { SecretVersion, type VersionState } from "./secret-version.entity.js";
import { stateNow } from "./show-candidate.service.js";

/** A working value that is to be rotated. */
export interface DueRotation {
  readonly accountId: Id<"account">;
  readonly awsId: string;
  readonly kind: CandidateKind;
  readonly versionId: Id<"version">;
  /** The earliest first, at least one. */
  readonly due: readonly Due[];
  readonly candidate: { readonly id: Id<"version">; readonly state: VersionState } | null;
}

/** A part of the queue, in the order of the accounts' ids. */
export interface DuePage {
  readonly items: readonly DueRotation[];
  /** The last account that was looked at; null at the end. */
  readonly last: string | null;
}

/** Accounts that are read at once. */
const CHUNK = 200;
/** Accounts that one call looks at: a page may be short, or empty, and the next one goes on behind it. */
const LOOKED_AT_MAX = 2_000;

/** The queue of what is to be rotated: computed from rows and log at each look, and kept nowhere. */
export class DueRotations {
  constructor(
    private readonly transactions: Transactions,
    private readonly accounts: Pick<AccountRegistry, "list" | "listFor">,
    private readonly log: ReopeningsOfLog & Pick<AuditLog, "passwordReaders" | "passwordOpenedAt">,
  ) {}

  /**
   * What is due at accounts behind `after`; whole accounts, until there are at least `limit` or many accounts were looked at.
   * @param readerId of whose accounts; null for a look at all.
   */
  async page(after: string, limit: number, readerId: Id<"person"> | null = null): Promise<DuePage> {
    const items: DueRotation[] = [];
    for (let [looked, last] = [0, after]; ; ) {
      const accounts = await (readerId === null ? this.accounts.list(last, CHUNK) : this.accounts.listFor(readerId, last, CHUNK));
      items.push(...(await this.transactions.peek((tx) => this.#dueAt(tx, accounts))));
      looked += accounts.length;
      last = accounts.at(-1)?.id ?? last;
      if (accounts.length < CHUNK) return { items, last: null };
      if (items.length >= limit || looked >= LOOKED_AT_MAX) return { items, last };
    }
  }

  async #dueAt(tx: WorkTransaction, accounts: readonly AccountRow[]): Promise<DueRotation[]> {
    const now = await tx.clock();
    const secrets = await tx.readAll(SecretRow, { accountId: In(accounts.map(({ id }) => id)), kind: In([...CANDIDATE_KINDS]) });
    const states = In(["ACTIVE", ...CANDIDATE_STATES]);
    const versions = await tx.readAll(SecretVersion, { secretId: In(secrets.map(({ id }) => id)), state: states });
    const found: DueRotation[] = [];
    for (const account of accounts) {
      for (const secret of secrets.filter(({ accountId }) => accountId === account.id)) {
        const own = versions.filter(({ secretId }) => secretId === secret.id);
        const one = await this.#dueOf(tx, account, secret, own, now);
        if (one !== null) found.push(one);
      }
    }
    return found;
  }

  async #dueOf(
    tx: WorkTransaction,
    account: AccountRow,
    secret: SecretRow,
    versions: readonly SecretVersion[],
    now: Date,
  ): Promise<DueRotation | null> {
    const active = versions.find(({ state }) => state === "ACTIVE");
    if (active === undefined) return null;
    const candidate = versions.find(({ id }) => id !== active.id) ?? null;
    const state = candidate === null ? null : await stateNow(tx, candidate, this.log, now);
    const accountId = account.id as Id<"account">;
    const openedAt = this.log.passwordOpenedAt(accountId, active.id);
    const due = dueOf(
      {
        createdAt: active.createdAt,
        settledAt: active.settledAt,
        exposure: active.exposure,
        suspectedAt: active.suspectedAt,
        openedAt: openedAt === null ? null : new Date(openedAt),
        hasLeaver: await this.#hasLeaver(tx, scopedAccountOf(account), this.log.passwordReaders(accountId, active.id), now),
        unsettledSince: candidate !== null && state === "AMBIGUOUS" ? (candidate.deadline ?? candidate.createdAt) : null,
      },
      now,
    );
    if (due.length === 0) return null;
    const { id: versionId } = active;
    const shown = candidate === null || state === null ? null : { id: candidate.id, state };
    return { accountId, awsId: account.awsId, kind: secret.kind as CandidateKind, versionId, due, candidate: shown };
  }

  /** True if somebody who saw the password may ask for openings of the account no more. */
  async #hasLeaver(tx: WorkTransaction, account: ScopedAccount, readers: ReadonlySet<string>, now: Date): Promise<boolean> {
    for (const reader of readers) {
      const standing = await standingOf(tx, reader, now).catch((error: unknown) => {
        if (isRootkeepError(error, "NOT_ALLOWLISTED")) return null;
        throw error;
      });
      if (standing === null || !hasRole(standing, "requester", account)) return true;
    }
    return false;
  }
}
