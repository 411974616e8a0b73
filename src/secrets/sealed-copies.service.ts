import type { DataSource } from "typeorm";
import { readAccount } from "../accounts/account-registry.service.js";
import type { TrustedConfiguration } from "../approvals/trusted-configuration.service.js";
import type { Transactions } from "../audit/transactions.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { isRootkeepError, RootkeepError } from "../kernel/errors.js";
import type { Id } from "../kernel/ids.js";
import type { DataKeys } from "../keys/data-keys.service.js";
import type { KeyService } from "../keys/keys.service.js";
import { CopiedVersions, type EscrowSide, ownWraps, rootKeyName } from "./copied-versions.repository.js";
import {
  accountPrefix,
  COPIED_KINDS,
  COPIES_PREFIX,
  type CopyMarks,
  type SealedCopy,
  sealedCopyBytes,
  sealedCopyName,
  versionOfName,
} from "./sealed-copy.js";
import { SealedValues } from "./sealed-values.repository.js";
import type { SecondStore } from "./second-store.port.js";
import { SecretRow } from "./secret.entity.js";
import { SecretVersion } from "./secret-version.entity.js";

export interface SealedCopiesOptions {
  readonly dataSource: DataSource;
  readonly transactions: Transactions;
  readonly dataKeys: DataKeys;
  readonly keys: Pick<KeyService, "isOwnEscrow">;
  readonly marks: CopyMarks;
  readonly trust: Pick<TrustedConfiguration, "assertApproved">;
  readonly deployment: string;
  readonly recipient: string | null;
  /** Null where none is configured. */
  readonly store: SecondStore | null;
  /** Told when an object of ours turns out to hold something else. */
  readonly changed: (versionId: Id<"version">) => void;
}

/** A copy that was removed. */
export interface ForgottenCopy {
  /** Null where the name is none that we give. */
  readonly versionId: string | null;
  readonly name: string;
}

/** A version, and the name of its copy. */
export interface ExpectedCopy {
  readonly id: Id<"version">;
  readonly createdAt: Date;
  readonly name: string | null;
}

/**
 * Copies of sealed versions in the second store, so that the only working password survives the loss of the database (law L5). A copy is what
 * the rows say, under their HMACs, and nothing is unwrapped or opened for it. Where no store is configured {@link keep} does nothing: then
 * L5 holds to the last backup, which `/readyz` says.
 */
export class SealedCopies {
  readonly #options: SealedCopiesOptions;
  readonly #escrow: EscrowSide;
  #isAway = false;

  constructor(options: SealedCopiesOptions) {
    this.#options = options;
    this.#escrow = { recipient: options.recipient, isOwn: (wrap) => options.keys.isOwnEscrow(wrap) };
  }

  get isConfigured(): boolean {
    return this.#options.store !== null;
  }

  /** Whether the store did not answer when it was last asked. */
  get isAway(): boolean {
    return this.#isAway;
  }

  /**
   * Has a copy of the version in the second store when it resolves, durably and read back. May be called again.
   * @throws RootkeepError `COPY_UNAVAILABLE` when that cannot be said: then nobody is to see the value. `CONFIG_UNAPPROVED`, `NOT_FOUND`,
   *   `STATE_CONFLICT` for a destroyed version, and as the rows are refused.
   */
  async keep(versionId: Id<"version">): Promise<void> {
    const { store } = this.#options;
    if (store === null) return;
    const { name, bytes } = await this.#copyOf(versionId);
    await this.#asked(versionId, () => store.put(name, bytes)).catch(async (error: unknown) => {
      // It may have arrived all the same.
      if (await this.#isDestroyed(versionId)) await this.#asked(versionId, () => store.remove(name)).catch(() => undefined);
      throw error;
    });
    // Destroyed meanwhile: whoever removes its copies may have looked before this one was there. What is put later they will see.
    if (await this.#isDestroyed(versionId)) {
      await this.#asked(versionId, () => store.remove(name));
      throw new RootkeepError("STATE_CONFLICT", { reason: "version_destroyed" });
    }
  }

  /** Whether the store holds the version as it is now, byte for byte. @throws RootkeepError as {@link keep} does. */
  async isKept(versionId: Id<"version">): Promise<boolean> {
    const { store } = this.#options;
    if (store === null) return false;
    const { name, bytes } = await this.#copyOf(versionId);
    const kept = await this.#asked(versionId, () => store.get(name));
    return kept?.equals(bytes) === true;
  }

  /**
   * Removes every copy of the account for good, and whatever else lies there by its name. To be called once the versions are destroyed.
   * @returns what was there; nothing where there is no store.
   * @throws RootkeepError `COPY_UNAVAILABLE` when it cannot be said that all are gone: call again. `CONFIG_UNAPPROVED`: the store may be another.
   */
  async forget(accountId: Id<"account">): Promise<readonly ForgottenCopy[]> {
    const { store, trust } = this.#options;
    if (store === null) return [];
    trust.assertApproved();
    return await this.#asked(null, async () => {
      const names = await collected(store.traces(accountPrefix(accountId)));
      for (const name of names) await store.remove(name);
      if ((await collected(store.traces(accountPrefix(accountId)))).length > 0)
        throw new RootkeepError("UNAVAILABLE", { reason: "second_store_keeps_it" });
      return names.map((name) => ({ versionId: versionOfName(name), name }));
    });
  }

  /** The names of all objects that lie there. @throws RootkeepError `COPY_UNAVAILABLE` */
  async names(): Promise<ReadonlySet<string>> {
    const { store } = this.#options;
    return new Set(store === null ? [] : await this.#asked(null, () => collected(store.list(COPIES_PREFIX))));
  }

  /** Asks the store for something that is not there. @throws RootkeepError `COPY_UNAVAILABLE` */
  async assertReached(): Promise<void> {
    const { store } = this.#options;
    if (store !== null) await this.#asked(null, () => store.get(`${COPIES_PREFIX}none`));
  }

  /**
   * Versions behind `after`, in the order of their ids, and under which name each should lie; null where rows are missing.
   * @param since only what was made then or later.
   */
  async expected(after: string, take: number, since: Date | null): Promise<ExpectedCopy[]> {
    const { dataSource, dataKeys, deployment, marks } = this.#options;
    const listed = await CopiedVersions.list(dataSource.manager, dataKeys, this.#escrow, { after, take, since });
    return listed.map(({ id, createdAt, copy }) => {
      const name = copy === null ? null : sealedCopyName(copy, sealedCopyBytes({ deployment, ...copy }, marks));
      return { id: id as Id<"version">, createdAt, name };
    });
  }

  async #copyOf(versionId: Id<"version">): Promise<{ readonly name: string; readonly bytes: Buffer }> {
    const { trust, transactions, marks } = this.#options;
    // Sealed bytes too go nowhere but where custodians approved.
    trust.assertApproved();
    const copy = await transactions.peek((tx) => this.#read(tx, versionId));
    const bytes = sealedCopyBytes(copy, marks);
    return { name: sealedCopyName(copy, bytes), bytes };
  }

  async #read(tx: WorkTransaction, versionId: Id<"version">): Promise<SealedCopy> {
    const { dataKeys, deployment } = this.#options;
    const version = await tx.read(SecretVersion, versionId);
    const secret = version === null ? null : await tx.read(SecretRow, version.secretId);
    const account = secret === null ? null : await readAccount(tx, secret.accountId);
    if (version === null || secret === null || account === null) throw new RootkeepError("NOT_FOUND");
    if (version.state === "DESTROYED") throw new RootkeepError("STATE_CONFLICT", { reason: "version_destroyed" });
    if (!COPIED_KINDS.some((kind) => kind === secret.kind)) throw new Error("this kind is not copied");
    const sealed = await SealedValues.read(tx.manager, version.id, version.sealedSha256);
    const dataKey = await dataKeys.byId(tx.manager, version.dataKeyId);
    const escrow = (await ownWraps(tx.manager, dataKeys, this.#escrow, [dataKey.id])).get(dataKey.id);
    return {
      deployment,
      account: { id: account.id, awsId: account.awsId, partition: account.partition },
      secret: { id: secret.id, kind: secret.kind },
      version: { id: version.id, number: version.number },
      dataKey: {
        id: dataKey.id,
        domain: dataKey.domain,
        version: dataKey.version,
        rootKey: rootKeyName(dataKey.rootKeyUri),
        wrapped: dataKey.wrapped,
      },
      escrow: escrow === undefined ? null : { recipient: escrow.recipient, wrapped: escrow.wrapped },
      sealed,
    };
  }

  async #isDestroyed(versionId: Id<"version">): Promise<boolean> {
    const version = await this.#options.transactions.peek((tx) => tx.read(SecretVersion, versionId));
    return version === null || version.state === "DESTROYED";
  }

  /** Every call of the store passes here. */
  async #asked<T>(versionId: Id<"version"> | null, call: () => Promise<T>): Promise<T> {
    try {
      const answer = await call();
      this.#isAway = false;
      return answer;
    } catch (error) {
      if (!isRootkeepError(error)) throw error;
      // Something else under our name is an answer, too.
      const isChanged = isRootkeepError(error, "STATE_CONFLICT");
      this.#isAway = !isChanged;
      if (isChanged && versionId !== null) this.#options.changed(versionId);
      throw new RootkeepError("COPY_UNAVAILABLE", { ...(error.reason === undefined ? {} : { reason: error.reason }), cause: error });
    }
  }
}

async function collected(names: AsyncIterable<string>): Promise<string[]> {
  const found: string[] = [];
  for await (const name of names) found.push(name);
  return found;
}
