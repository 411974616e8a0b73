import type { WorkTransaction } from "../database/work-transaction.js";
import type { Id } from "../kernel/ids.js";
import type { PurposeKind } from "./purpose.js";

/** What dual control must know of a secret's current version. */
export interface CurrentVersion {
  readonly secretId: Id<"secret">;
  readonly versionId: Id<"version">;
  readonly kind: PurposeKind;
  /** A person saw it, or may have: only a purpose that heals it, or a waiver, opens it (design §6, check-in). */
  readonly isBurnt: boolean;
}

/** A candidate that may be shown: committed, read back and copied. */
export interface CandidateVersion extends Omit<CurrentVersion, "isBurnt"> {
  /** It was shown, and nobody has proven yet whether it works. */
  readonly isInDoubt: boolean;
  /** Everybody who was shown it in order to set it: none of them verifies it. */
  readonly appliers: readonly Id<"person">[];
}

/** Facts of the module above, which `secrets` provides. */
export interface SecretFactsPort {
  /** The ACTIVE versions of the account's secrets of these kinds; a kind without one is missing. */
  currentVersions(tx: WorkTransaction, accountId: Id<"account">, kinds: readonly PurposeKind[]): Promise<readonly CurrentVersion[]>;
  /** The candidates of the account's secrets of these kinds; a kind without one that may be shown is missing. */
  candidates(tx: WorkTransaction, accountId: Id<"account">, kinds: readonly PurposeKind[]): Promise<readonly CandidateVersion[]>;
  /** @throws RootkeepError `DESTROYED` for an account of which nothing is kept any more. */
  assertKept(accountId: Id<"account">): void;
  /** Everybody who opened this password of the account's, by the log; any of its passwords where none is named. */
  passwordReaders(accountId: Id<"account">, versionId: Id<"version"> | null): ReadonlySet<string>;
}
