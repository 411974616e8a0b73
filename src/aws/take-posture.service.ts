import { draftEntry, SYSTEM_ACTOR } from "../audit/draft.js";
import type { EntryDraft } from "../audit/entry.js";
import type { Transactions } from "../audit/transactions.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { withDeadline } from "../kernel/deadline.js";
import { RootkeepError } from "../kernel/errors.js";
import type { Id } from "../kernel/ids.js";
import type { RecordsKey } from "../keys/records.js";
import { everyone } from "../notices/notice.js";
import { postNotice } from "../notices/post-notice.service.js";
import type { AccountFinder, VisitedAccount } from "./account-finder.service.js";
import type { AwsAccounts } from "./aws-account.port.js";
import { type Collected, collectEvidence } from "./collect-evidence.service.js";
import { contactChanges } from "./contact-marks.js";
import { PostureRow } from "./posture.entity.js";
import { judgePosture, type PostureVerdict } from "./posture.js";
import { changesOf, knownText, type PostureChange, parseKnown } from "./posture-change.js";
import { type PostureSnapshot, type WrittenSnapshot, writeSnapshot } from "./posture-snapshot.js";

/** One account with all calls and their repeats. */
const VISIT_MS = 90_000;

/** Whether the trusted configuration is the approved one: another endpoint would make evidence of its own. */
export interface PostureTrust {
  assertApproved(): void;
}

/** What a visit came to. */
export interface TakenPosture {
  readonly verdict: PostureVerdict;
  /** What somebody must look at, told now for the first time. */
  readonly changes: readonly PostureChange[];
}

/**
 * Takes a snapshot of one account: asks AWS, judges, and writes row, entry and alarms in one transaction, so that whoever reads the log finds
 * what the row says, and an alarm is told exactly if the change is kept.
 */
export class TakePosture {
  constructor(
    private readonly transactions: Transactions,
    private readonly finder: AccountFinder,
    private readonly aws: AwsAccounts,
    private readonly records: Pick<RecordsKey, "mac">,
    private readonly trust: PostureTrust,
  ) {}

  /**
   * @returns null where a newer snapshot was there first.
   * @throws RootkeepError `EVIDENCE_UNAVAILABLE`, `CONFIG_UNAPPROVED`, `NOT_FOUND`; nothing has changed then.
   */
  async take(accountId: Id<"account">, signal?: AbortSignal): Promise<TakenPosture | null> {
    this.trust.assertApproved();
    const account = await this.finder.find(accountId);
    const { partition } = account.target;
    const collected = await withDeadline(
      VISIT_MS,
      (inTime) => collectEvidence(this.aws, account.target, (awsId) => this.finder.management(partition, awsId), inTime),
      signal,
    );
    return await this.#write(account, collected);
  }

  async #write(account: VisitedAccount, { evidence, contacts, requestIds }: Collected): Promise<TakenPosture | null> {
    const { id, target, takenAt, expectation } = account;
    const posture = judgePosture(evidence, expectation);
    const snapshot: PostureSnapshot = {
      v: 1,
      account: id,
      awsId: target.awsId,
      partition: target.partition,
      takenAt: takenAt.toISOString(),
      evidence,
      expectation: { kind: expectation.kind, passwordSince: expectation.passwordSince?.toISOString() ?? null },
      posture,
    };
    const written = writeSnapshot(snapshot);
    const { result } = await this.transactions.run<TakenPosture | null>(async (tx) => {
      // Custodians may have approved another configuration while AWS was asked.
      tx.atHead(() => this.trust.assertApproved());
      const row = await tx.lock(PostureRow, id);
      if (row !== null && row.takenAt >= takenAt) return { result: null, entries: [] };
      const { changes, known } = changesOf(row === null ? null : parseKnown(row.known), evidence, posture);
      const marks = contactChanges(this.records, id, contacts, row?.contacts ?? null);
      const values = { takenAt, verdict: posture.verdict, ...columnsOf(written), known: knownText(known), contacts: marks.text };
      if (row === null) tx.insert(PostureRow, { id, ...values });
      else tx.change(PostureRow, row, values);
      const taken = draftEntry({
        ...entryOf("posture.taken", id),
        details: { snapshot, sha256: written.sha256.toString("hex"), requestIds: [...requestIds] } as unknown as EntryDraft["details"] &
          object,
        disclosures: marks.disclosures,
      });
      await this.#tell(tx, account, changes);
      return {
        result: { verdict: posture.verdict, changes },
        entries: [{ draft: taken }, ...changes.map((change) => ({ draft: changeEntry(id, change) }))],
      };
    });
    return result;
  }

  async #tell(tx: WorkTransaction, { id, target }: VisitedAccount, changes: readonly PostureChange[]): Promise<void> {
    for (const change of changes) {
      const facts = { account: id, "aws account": target.awsId, event: change };
      await postNotice(tx, { topic: "posture.changed", facts, audience: [everyone("custodian")] });
    }
  }
}

/** Why a visit brought nothing, as a constant. */
export function failureOf(error: unknown): string {
  if (!(error instanceof RootkeepError)) return "INTERNAL";
  return error.code === "EVIDENCE_UNAVAILABLE" || error.reason === "timed_out" ? (error.reason ?? error.code) : error.code;
}

/** The entry that a visit brought nothing. */
export function failureEntry(accountId: Id<"account">, reason: string): EntryDraft {
  return draftEntry({ ...entryOf("posture.taken", accountId), outcome: "error", details: { reason } });
}

function changeEntry(accountId: Id<"account">, change: PostureChange): EntryDraft {
  return draftEntry({ ...entryOf("posture.changed", accountId), details: { change } });
}

function entryOf(action: "posture.taken" | "posture.changed", accountId: Id<"account">) {
  return {
    action,
    outcome: "committed",
    actor: SYSTEM_ACTOR,
    target: { type: "account", id: accountId },
    stream: accountId,
  } as const satisfies Partial<EntryDraft>;
}

function columnsOf({ text, sha256 }: WrittenSnapshot): { readonly snapshot: string; readonly snapshotSha256: Buffer } {
  return { snapshot: text, snapshotSha256: sha256 };
}
