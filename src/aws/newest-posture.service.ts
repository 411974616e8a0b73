import type { WorkTransaction } from "../database/work-transaction.js";
import { PostureRow } from "./posture.entity.js";
import type { PostureItem } from "./posture.js";
import { parseSnapshot } from "./posture-snapshot.js";

/** The newest snapshot of an account as a checklist looks at it. */
export interface PostureFacts {
  /** Place of its entry. */
  readonly seq: string;
  readonly takenAt: Date;
  /** SHA-256 of the snapshot, in hex. */
  readonly sha256: string;
  /** Items that are as they should be. */
  readonly ok: readonly PostureItem[];
}

/** The newest snapshot of the account, or null. */
export async function newestPosture(tx: WorkTransaction, accountId: string): Promise<PostureFacts | null> {
  const row = await tx.read(PostureRow, accountId);
  if (row === null) return null;
  const { findings } = parseSnapshot(row.snapshot).posture;
  const ok = findings.filter(({ verdict }) => verdict === "ok").map(({ item }) => item);
  return { seq: row.seq, takenAt: row.takenAt, sha256: row.snapshotSha256.toString("hex"), ok };
}
