import { In } from "typeorm";
import { reachedAccount } from "../accounts/reached-accounts.service.js";
import type { PurposeKind } from "../approvals/purpose.js";
import type { CandidateVersion, CurrentVersion, SecretFactsPort } from "../approvals/secret-facts.port.js";
import type { AuditLog } from "../audit/audit-log.service.js";
import type { Transactions } from "../audit/transactions.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import type { Id } from "../kernel/ids.js";
import { readerOf } from "../people/reading.service.js";
import { appliersOf, CANDIDATE_STATES, isShowable } from "./candidate.js";
import { assertKept, type DestructionsOfLog } from "./destroyed.js";
import { exposureOf, type ReopeningsOfLog } from "./exposure.js";
import { SecretRow } from "./secret.entity.js";
import { type CandidateReport, type Exposure, SecretVersion, type VersionState } from "./secret-version.entity.js";
import { stateNow } from "./show-candidate.service.js";

/** A secret as it may be seen by those who watch: states, never a value. */
export interface SecretView {
  readonly id: Id<"secret">;
  readonly kind: string;
  readonly versions: readonly {
    readonly id: Id<"version">;
    readonly number: number;
    readonly state: VersionState;
    readonly exposure: Exposure;
    /** Of a candidate: whether it may be shown, until when it was to be set, and what was said of it. */
    readonly isReady: boolean;
    readonly deadline: Date | null;
    readonly report: CandidateReport | null;
    readonly createdAt: Date;
  }[];
}

/** What the vault holds for an account, without opening any of it. */
export class Secrets implements SecretFactsPort {
  constructor(
    private readonly transactions: Transactions,
    private readonly log: ReopeningsOfLog & DestructionsOfLog & Pick<AuditLog, "passwordReaders">,
  ) {}

  assertKept(accountId: Id<"account">): void {
    assertKept(this.log, accountId);
  }

  passwordReaders(accountId: Id<"account">, versionId: Id<"version"> | null): ReadonlySet<string> {
    return this.log.passwordReaders(accountId, versionId);
  }

  /** All versions of an account's secrets. @throws RootkeepError `NOT_FOUND`, also for an account that `readerId` may not read of. */
  async listFor(readerId: Id<"person">, accountId: Id<"account">): Promise<SecretView[]> {
    return await this.transactions.peek(async (tx) => {
      const { reach } = await readerOf(tx, readerId, "secret.list");
      await reachedAccount(tx, reach, accountId);
      return await secretViews(tx, this.log, accountId);
    });
  }

  async currentVersions(tx: WorkTransaction, accountId: Id<"account">, kinds: readonly PurposeKind[]): Promise<readonly CurrentVersion[]> {
    if (kinds.length === 0) return [];
    assertKept(this.log, accountId);
    const secrets = await tx.readAll(SecretRow, { accountId, kind: In([...kinds]) });
    const current: CurrentVersion[] = [];
    for (const secret of secrets) {
      const [version] = await tx.readAll(SecretVersion, { secretId: secret.id, state: "ACTIVE" });
      if (version === undefined) continue;
      const kind = secret.kind as PurposeKind;
      current.push({ secretId: secret.id, versionId: version.id, kind, isBurnt: exposureOf(kind, version, this.log) === "BURNT" });
    }
    return current;
  }

  async candidates(tx: WorkTransaction, accountId: Id<"account">, kinds: readonly PurposeKind[]): Promise<readonly CandidateVersion[]> {
    if (kinds.length === 0) return [];
    assertKept(this.log, accountId);
    const now = await tx.clock();
    const candidates: CandidateVersion[] = [];
    for (const secret of await tx.readAll(SecretRow, { accountId, kind: In([...kinds]) })) {
      for (const version of await tx.readAll(SecretVersion, { secretId: secret.id, state: In([...CANDIDATE_STATES]) })) {
        if (!isShowable(version)) continue;
        candidates.push({
          secretId: secret.id,
          versionId: version.id,
          kind: secret.kind as PurposeKind,
          isInDoubt: (await stateNow(tx, version, this.log, now)) === "AMBIGUOUS",
          appliers: appliersOf(version),
        });
      }
    }
    return candidates;
  }
}

/** Since when the secret of `kind` that is in force is kept: when it was made here or imported. Null where there is none. */
export async function activeSince(tx: WorkTransaction, accountId: Id<"account">, kind: PurposeKind): Promise<Date | null> {
  const [secret] = await tx.readAll(SecretRow, { accountId, kind });
  if (secret === undefined) return null;
  const [version] = await tx.readAll(SecretVersion, { secretId: secret.id, state: "ACTIVE" });
  return version?.createdAt ?? null;
}

/** The secrets of an account, for whoever has been let through. */
export async function secretViews(tx: WorkTransaction, log: ReopeningsOfLog, accountId: Id<"account">): Promise<SecretView[]> {
  const views: SecretView[] = [];
  for (const secret of await tx.readAll(SecretRow, { accountId })) {
    const versions = await tx.readAll(SecretVersion, { secretId: secret.id });
    const shown = await Promise.all(versions.map(async (version) => versionView(tx, log, secret, version)));
    views.push({ id: secret.id, kind: secret.kind, versions: shown.sort((one, other) => one.number - other.number) });
  }
  return views;
}

async function versionView(
  tx: WorkTransaction,
  log: ReopeningsOfLog,
  { kind }: SecretRow,
  version: SecretVersion,
): Promise<SecretView["versions"][number]> {
  const { id, number, ready, deadline, report, createdAt } = version;
  const state = await stateNow(tx, version, log, await tx.clock());
  return { id, number, state, exposure: exposureOf(kind, version, log), isReady: ready === true, deadline, report, createdAt };
}
