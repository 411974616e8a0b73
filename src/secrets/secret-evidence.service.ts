import { In } from "typeorm";
import type { WorkTransaction } from "../database/work-transaction.js";
import { type Id, isId } from "../kernel/ids.js";
import { Destruction } from "./destruction.entity.js";
import { SecretRow } from "./secret.entity.js";
import { SecretVersion, type VersionState } from "./secret-version.entity.js";

/** States of a value that works at AWS, or may. */
const MAY_WORK: readonly VersionState[] = ["ACTIVE", "APPLYING", "AMBIGUOUS"];

/** A version as a checklist looks at it. */
export interface VersionFacts {
  readonly accountId: Id<"account">;
  readonly kind: string;
  readonly state: VersionState;
  /** When two people settled that it works; null where nobody has. */
  readonly settledAt: Date | null;
}

/** The version of this id, or null. */
export async function versionFacts(tx: WorkTransaction, versionId: string): Promise<VersionFacts | null> {
  const version = isId("version", versionId) ? await tx.read(SecretVersion, versionId) : null;
  const secret = version === null ? null : await tx.read(SecretRow, version.secretId);
  if (version === null || secret === null) return null;
  return { accountId: secret.accountId, kind: secret.kind, state: version.state, settledAt: version.settledAt };
}

/** Whether a value of the account works at AWS, or may. */
export async function holdsWorking(tx: WorkTransaction, accountId: Id<"account">): Promise<boolean> {
  const secrets = await tx.readAll(SecretRow, { accountId });
  const versions = await tx.readAll(SecretVersion, { secretId: In(secrets.map(({ id }) => id)), state: In([...MAY_WORK]) });
  return versions.length > 0;
}

/** The place of the entry that destroyed what was kept for the account, and when and by which request; null while it is kept. */
export async function destructionFacts(
  tx: WorkTransaction,
  accountId: Id<"account">,
): Promise<{ readonly seq: string; readonly destroyedAt: Date; readonly requestId: Id<"request"> } | null> {
  const row = await tx.read(Destruction, accountId);
  return row === null ? null : { seq: row.seq, destroyedAt: row.destroyedAt, requestId: row.requestId };
}
