import { In } from "typeorm";
import { readAccount } from "../accounts/account-registry.service.js";
import type { PurposeKind } from "../approvals/purpose.js";
import type { CurrentVersion, SecretFactsPort } from "../approvals/secret-facts.port.js";
import type { AuditLog } from "../audit/audit-log.service.js";
import type { Transactions } from "../audit/transactions.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { RootkeepError } from "../kernel/errors.js";
import type { Id } from "../kernel/ids.js";
import { exposureOf, type ReopeningsOfLog } from "./exposure.js";
import { SecretRow } from "./secret.entity.js";
import { type Exposure, SecretVersion, type VersionState } from "./secret-version.entity.js";

/** A secret as it may be seen by those who watch: states, never a value. */
export interface SecretView {
  readonly id: Id<"secret">;
  readonly kind: string;
  readonly versions: readonly {
    readonly id: Id<"version">;
    readonly number: number;
    readonly state: VersionState;
    readonly exposure: Exposure;
    readonly createdAt: Date;
  }[];
}

/** What the vault holds for an account, without opening any of it. */
export class Secrets implements SecretFactsPort {
  constructor(
    private readonly transactions: Transactions,
    private readonly log: ReopeningsOfLog & Pick<AuditLog, "passwordReaders">,
  ) {}

  passwordReaders(accountId: Id<"account">, versionId: Id<"version"> | null): ReadonlySet<string> {
    return this.log.passwordReaders(accountId, versionId);
  }

  /** All versions of an account's secrets. @throws RootkeepError `NOT_FOUND` */
  async ofAccount(accountId: Id<"account">): Promise<SecretView[]> {
    return await this.transactions.peek(async (tx) => {
      if ((await readAccount(tx, accountId)) === null) throw new RootkeepError("NOT_FOUND");
      const views: SecretView[] = [];
      for (const secret of await tx.readAll(SecretRow, { accountId })) {
        const versions = await tx.readAll(SecretVersion, { secretId: secret.id });
        views.push({
          id: secret.id,
          kind: secret.kind,
          versions: versions
            .map((version) => ({ ...shown(version), exposure: exposureOf(secret.kind, version, this.log) }))
            .sort((one, other) => one.number - other.number),
        });
      }
      return views;
    });
  }

  async currentVersions(tx: WorkTransaction, accountId: Id<"account">, kinds: readonly PurposeKind[]): Promise<readonly CurrentVersion[]> {
    if (kinds.length === 0) return [];
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
}

function shown({ id, number, state, createdAt }: SecretVersion): Pick<SecretVersion, "id" | "number" | "state" | "createdAt"> {
  return { id, number, state, createdAt };
}
