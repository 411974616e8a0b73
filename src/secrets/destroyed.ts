import { RootkeepError } from "../kernel/errors.js";

/** The part of the log that says what has been destroyed. */
export interface DestructionsOfLog {
  newestSeq(rowKey: string): number | undefined;
}

/** Place of the entry that destroyed what was kept for the account; undefined while it is kept, as far as this process has read. */
export function destroyedIn(log: DestructionsOfLog, accountId: string): number | undefined {
  return log.newestSeq(`destruction/${accountId}`);
}

/** @throws RootkeepError `DESTROYED` */
export function assertKept(log: DestructionsOfLog, accountId: string): void {
  const seq = destroyedIn(log, accountId);
  if (seq !== undefined) throw new RootkeepError("DESTROYED", { facts: { seq } });
}
