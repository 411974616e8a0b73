import { type AccountRow, readAccount } from "../accounts/account-registry.service.js";
import type { DecidedRequest, GuardedAct, RequestForm } from "../approvals/guarded-act.port.js";
import { CUSTODIAN_ACT, CUSTODIAN_POLICY, custodianForm, partiesOf } from "../approvals/people-acts.service.js";
import { assertCheckedIn, endLapsedCheckOut, lockForCheckOut } from "../approvals/reveal-act.service.js";
import type { TrustedConfiguration } from "../approvals/trusted-configuration.service.js";
import { canonicalJson } from "../audit/canonical-json.js";
import { type BackupHorizon, DESTRUCTION_FORMAT, type DestructionBody, destructionHash, horizonEnd } from "../audit/destruction.js";
import { draftEntry, personActor } from "../audit/draft.js";
import type { EntryDraft } from "../audit/entry.js";
import type { DecidingRow } from "../database/deciding-row.entity.js";
import type { Drafted } from "../database/transaction-runner.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { RootkeepError } from "../kernel/errors.js";
import { type Id, isId } from "../kernel/ids.js";
import { scopedAccountOf } from "../people/scoped-account.js";
import { type Destroyable, type DestroyableSources, destroyable } from "./destroyable.service.js";
import { assertKept, type DestructionsOfLog } from "./destroyed.js";
import { Destruction } from "./destruction.entity.js";
import { SecretVersion } from "./secret-version.entity.js";

/** States in which an account's credentials are not ours any more, or of no use to anybody (law L5). */
const ENDED: ReadonlySet<string> = new Set(["released", "sealed_final"]);
/** Rows that one entry lists: it must stay below the size of an entry. */
const ROWS_AT_ONCE = 150;

export interface DestroySources extends DestroyableSources {
  readonly log: DestroyableSources["log"] & DestructionsOfLog;
  readonly trust: Pick<TrustedConfiguration, "assertApproved">;
  readonly deployment: string;
  /** How many days backups are kept; null where nobody has said. */
  readonly backupHorizonDays: number | null;
}

/**
 * The guarded act `account.destroy`: two custodians destroy everything that is kept for an account whose credentials are no longer ours. The
 * request names every key, version and hash that will go; these, and no others, go. The database removes wraps and sealed bytes when the entry
 * that names them is appended, in the same transaction (`secrets.destroy`).
 */
export function destroyAct(sources: DestroySources): GuardedAct {
  return {
    ...CUSTODIAN_ACT,
    operation: "account.destroy",
    async check(tx, form) {
      const account = await endedAccount(tx, accountIn(form), sources.log);
      await assertCheckedIn(tx, account, await tx.clock());
      const plan = await destroyable(tx, account, sources, "read");
      return custodianForm(subjectOf(plan, sources), {
        account: { id: account.id as Id<"account">, awsId: account.awsId, partition: account.partition },
        scoped: scopedAccountOf(account),
      });
    },
    async termsNow(tx, body, mode) {
      const look = mode === "lock" ? lockForCheckOut : readAccount;
      const account = body.account === null ? null : await look(tx, body.account.id);
      if (account === null) throw new RootkeepError("NOT_FOUND");
      return { scoped: scopedAccountOf(account), approvals: CUSTODIAN_POLICY.approvals };
    },
    async apply(tx, decided) {
      return await destroy(tx, decided, sources);
    },
  };
}

async function destroy(tx: WorkTransaction, decided: DecidedRequest, sources: DestroySources): Promise<readonly Drafted<EntryDraft>[]> {
  // What is certified about backups rests on a setting that custodians approve.
  sources.trust.assertApproved();
  const approved = decided.body.account;
  const account = approved === null ? null : await endedAccount(tx, approved.id, sources.log);
  if (account === null) throw new RootkeepError("NOT_FOUND");
  // Again once the log has been read to its end: an account is destroyed once.
  tx.atHead(() => assertKept(sources.log, account.id));
  if (account.awsId !== approved?.awsId || account.partition !== approved.partition) throw new RootkeepError("STATE_CONFLICT");
  const lapsed = await endLapsedCheckOut(tx, account, decided.now);
  const plan = await destroyable(tx, account, sources, "lock");
  if (canonicalJson(subjectOf(plan, sources)) !== canonicalJson(decided.body.subject)) {
    throw new RootkeepError("STATE_CONFLICT", { facts: { rule: "what would go is no longer what was asked for; ask again" } });
  }
  const body = await bodyOf(tx, decided, account, plan, sources);
  const row = tx.insert(Destruction, {
    id: account.id as Id<"account">,
    requestId: decided.row.id,
    body: canonicalJson(body),
    destroyedAt: decided.now,
  });
  // The states themselves, like the wraps, are the database's to change, once the entry is there.
  for (const version of plan.rows) tx.adopt(SecretVersion, version, { state: "DESTROYED" });
  return [...lapsed, ...entriesOf(body, [row, ...plan.rows])];
}

/** One entry, and more where it would list too many rows; each names every key, and the first of them the row of the destruction. */
function entriesOf(body: DestructionBody, rows: readonly DecidingRow[]): Drafted<EntryDraft>[] {
  const entries: Drafted<EntryDraft>[] = [];
  for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
    const draft = draftEntry({
      action: "account.destroyed",
      outcome: "committed",
      actor: personActor(body.askedBy),
      target: { type: "account", ...body.account },
      request: { ...body.request },
      details: {
        approvedBy: body.approvedBy.at(-1) ?? "",
        certificate: destructionHash(body),
        keys: body.keys.map(({ id }) => id),
        versions: body.versions.length,
      },
      stream: body.account.id,
    });
    entries.push({ draft, rows: rows.slice(from, from + ROWS_AT_ONCE) });
  }
  return entries;
}

async function bodyOf(
  tx: WorkTransaction,
  decided: DecidedRequest,
  { id, awsId, partition }: AccountRow,
  { keys, versions }: Destroyable,
  { deployment, backupHorizonDays }: DestroySources,
): Promise<DestructionBody> {
  const { requestId, askedBy } = partiesOf(decided);
  return {
    format: DESTRUCTION_FORMAT,
    log: decided.body.log,
    deployment,
    account: { id, awsId, partition },
    request: { id: requestId, hash: decided.row.hash.toString("hex") },
    askedBy,
    approvedBy: [...decided.approvers],
    destroyedAt: decided.now.toISOString(),
    keys,
    versions,
    backups: { ...horizonOf(backupHorizonDays, decided.now), isRootKeyShared: await isShared(tx, id, keys) },
  };
}

function horizonOf(horizonDays: number | null, destroyedAt: Date): Pick<BackupHorizon, "horizonDays" | "until"> {
  return { horizonDays, until: horizonEnd(destroyedAt, horizonDays) };
}

/** Whether anybody else's keys are wrapped by one of the same root keys. For the certificate's words: nothing is destroyed by it. */
async function isShared(tx: WorkTransaction, accountId: string, keys: Destroyable["keys"]): Promise<boolean> {
  const rows: unknown[] = await tx.manager.query(
    `SELECT 1 FROM keys.data_key AS other JOIN keys.data_key AS own ON own.root_key_uri = other.root_key_uri
     WHERE own.id = ANY($1) AND other.account_id IS DISTINCT FROM $2 AND other.state <> 'DESTROYED' LIMIT 1`,
    [keys.map(({ id }) => id), accountId],
  );
  return rows.length > 0;
}

/** What the request fixes, and who approves is shown. */
function subjectOf({ keys, versions }: Destroyable, { backupHorizonDays }: DestroySources) {
  return { keys: keys.map((key) => ({ ...key })), versions: versions.map((version) => ({ ...version })), backupHorizonDays };
}

function accountIn(form: RequestForm): string {
  const { accountId, ...rest } = form.subject;
  if (isId("account", accountId) && Object.keys(rest).length === 0) return accountId;
  throw new RootkeepError("MALFORMED", {
    fields: [{ field: "subject.accountId", rule: "is the id of an account; what goes is looked up" }],
  });
}

/**
 * The account, if nothing that opens it is ours any more.
 * @throws RootkeepError `NOT_FOUND`, `DESTROYED`, `STATE_CONFLICT`
 */
async function endedAccount(tx: WorkTransaction, accountId: string, log: DestructionsOfLog): Promise<AccountRow> {
  const account = isId("account", accountId) ? await readAccount(tx, accountId) : null;
  if (account === null) throw new RootkeepError("NOT_FOUND");
  assertKept(log, account.id);
  if (ENDED.has(account.state)) return account;
  throw new RootkeepError("STATE_CONFLICT", {
    facts: { state: account.state, rule: "the account is neither handed back nor closed for good" },
  });
}
