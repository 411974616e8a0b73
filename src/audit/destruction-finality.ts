import type { DestructionBody } from "./destruction.js";
import { type Entry, entryExtras } from "./entry.js";

/** What a certificate says about backups of before, in words that follow from its contents alone [DC-9]. */
export interface Finality {
  readonly isFinal: boolean;
  /** From when on no backup opens what was destroyed; null where nothing says so. */
  readonly since: string | null;
  readonly sentence: string;
}

/**
 * Until when a backup of before may still be opened. @param entries of the certificate, proven.
 */
export function finalityOf({ destroyedAt, keys, backups }: DestructionBody, entries: readonly Entry[]): Finality {
  const deleted = deletionOf(keys, entries);
  const isEscrowed = keys.some((key) => key.isEscrowed);
  if (deleted !== null && !isEscrowed) {
    const sentence = `Final since ${deleted}: the root key that wrapped these keys is deleted, and they were wrapped for nobody else. No backup opens what was destroyed.`;
    return { isFinal: true, since: deleted, sentence };
  }
  const before = `a backup of before ${destroyedAt} can be opened with the root key${isEscrowed ? ", or by the escrow quorum," : ""}`;
  const sentence =
    backups.until === null
      ? `Provisional, without a date: ${before} as long as it is kept, and this deployment has not said how long that is.`
      : `Provisional until ${backups.until}: ${before} as long as it is kept, which is ${String(backups.horizonDays)} days. From then on no backup opens what was destroyed.`;
  return { isFinal: false, since: backups.until, sentence: `${sentence} ${reasonOf(backups.isRootKeyShared, isEscrowed)}` };
}

function reasonOf(isRootKeyShared: boolean, isEscrowed: boolean): string {
  if (isEscrowed) return "As the keys were wrapped for an escrow quorum as well, deleting the root key would not end that earlier.";
  if (isRootKeyShared)
    return "The root key is shared with other accounts or with the deployment itself: it is not deleted for this account, and so nothing ends that earlier.";
  return "Deleting the root key, which no other account uses, would end that earlier; nothing here says that it was deleted.";
}

/** When the last of the root keys was deleted, if entries say it of every one of them; null otherwise. */
function deletionOf(keys: DestructionBody["keys"], entries: readonly Entry[]): string | null {
  const times = keys.map(({ rootKey }) => {
    const said = entries.find((entry) => {
      const { target } = entryExtras(entry);
      return (
        entry.action === "key.destroyed" && entry.outcome === "committed" && target?.type === "root-key" && target.id === rootKey.uriSha256
      );
    });
    return said?.time ?? null;
  });
  return times.reduce((latest, time) => (latest === null || time === null ? null : time > latest ? time : latest));
}
