import type { AccountKind } from "../accounts/account.js";
import { type AccountLife, lockLife, readLife, takeoverOf } from "../accounts/account-life.service.js";
import { type AccountRow, lockAccount, readAccount } from "../accounts/account-registry.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { RootkeepError } from "../kernel/errors.js";
import type { Id } from "../kernel/ids.js";
import type { LifeFacts, StepEvidence } from "./account-states.js";
import { ChecklistRow } from "./checklist.entity.js";
import { type Applied, type Custody, doneOf, type KnownStep, type Step, type StepList, stepsOf, type Target } from "./checklist.js";
import type { EvidenceSource } from "./evidence.port.js";
import { StepRow } from "./step.entity.js";
import { STEP_LISTS } from "./step-lists.js";

/** A checklist with everything that it rests on, of verified rows. */
export interface LoadedChecklist {
  readonly account: AccountRow;
  readonly life: AccountLife;
  readonly checklist: ChecklistRow;
  readonly list: StepList;
  /** The steps that apply to the account. */
  readonly steps: readonly Step[];
  readonly rows: ReadonlyMap<string, StepRow>;
}

/** What tells whether evidence has been overtaken. */
export interface Ageing {
  readonly sources: readonly EvidenceSource[];
  readonly log: { readonly epochStarts: readonly { readonly seq: number }[] };
}

/**
 * The checklist, locked with its account, to be changed; or held as it is, for readers.
 * @throws RootkeepError `NOT_FOUND`
 */
export async function loadChecklist(tx: WorkTransaction, id: Id<"checklist">, mode: "read" | "lock"): Promise<LoadedChecklist> {
  // Which account it is about never changes; what decides is locked in the order account, life, checklist, steps.
  const checklist = await tx.read(ChecklistRow, id);
  if (checklist === null) throw new RootkeepError("NOT_FOUND");
  const isLocked = mode === "lock";
  const account = await (isLocked ? lockAccount : readAccount)(tx, checklist.accountId);
  const life = await (isLocked ? lockLife : readLife)(tx, checklist.accountId);
  if (account === null || life === null) throw new RootkeepError("ROW_REFUSED", { reason: "checklist without its account" });
  const current = isLocked ? ((await tx.lock(ChecklistRow, id)) ?? checklist) : checklist;
  const list = STEP_LISTS[current.kind];
  const rows = await tx.readAll(StepRow, { checklistId: id }, mode);
  return {
    account,
    life,
    checklist: current,
    list,
    steps: stepsOf(list, appliedOf(current)),
    rows: new Map(rows.map((row) => [row.step, row])),
  };
}

/** What of the checklist says which steps apply. */
export function appliedOf(row: Pick<ChecklistRow, "accountKind" | "custody" | "target">): Applied {
  return {
    accountKind: row.accountKind satisfies AccountKind,
    custody: row.custody satisfies Custody,
    target: row.target satisfies Target | null,
  };
}

/** The steps that somebody has begun, each with whether its evidence still counts at `now`. */
export async function knownSteps(
  tx: WorkTransaction,
  { account, steps, rows }: Pick<LoadedChecklist, "account" | "steps" | "rows">,
  ageing: Ageing,
  now: Date,
): Promise<ReadonlyMap<string, KnownStep>> {
  const known = new Map<string, KnownStep>();
  for (const step of steps) {
    const row = rows.get(step.id);
    if (row === undefined) continue;
    known.set(step.id, { state: row.state, isStale: row.state === "PASSED" && (await isStale(tx, account, step, row, ageing, now)) });
  }
  return known;
}

/** True for evidence that is too old, that something newer contradicts, or that an ended epoch of the log may have overtaken. */
async function isStale(
  tx: WorkTransaction,
  account: AccountRow,
  step: Step,
  row: StepRow,
  { sources, log }: Ageing,
  now: Date,
): Promise<boolean> {
  const { freshHours } = step;
  const age = now.getTime() - (row.decidedAt?.getTime() ?? 0);
  if (freshHours !== undefined && age > freshHours * 3_600_000) return true;
  if (Number(row.seq) < (log.epochStarts.at(-1)?.seq ?? 0)) return true;
  const source = sources.find(({ kind }) => kind === row.kind);
  const accepted = step.evidence.find(({ kind }) => kind === row.kind);
  return source?.stillHolds !== undefined && (accepted === undefined || !(await source.stillHolds(tx, account, row.reference, accepted)));
}

/** What a move rests on, of the account's rows. */
export function lifeFacts(account: AccountRow, life: AccountLife | null): LifeFacts {
  return {
    state: account.state,
    isDeclared: takeoverOf(account.state, life) === "DECLARED",
    // A grant whose time is over is written down by the sweeper; until then the account counts as checked out.
    isCheckedOut: account.checkoutGrantId !== null,
    finalAt: life?.finalAt ?? null,
  };
}

/** The steps that stand, as a move's evidence. */
export function stepEvidence(checklist: ChecklistRow, needed: readonly string[], known: ReadonlyMap<string, KnownStep>): StepEvidence {
  return { checklist: checklist.id, needed, done: doneOf(known) };
}
