import { MoreThan } from "typeorm";
import { reachedAccount } from "../accounts/reached-accounts.service.js";
import type { JsonObject } from "../audit/canonical-json.js";
import type { Transactions } from "../audit/transactions.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import type { Id } from "../kernel/ids.js";
import { readerOf } from "../people/reading.service.js";
import { ChecklistRow } from "./checklist.entity.js";
import { missingBefore, type Standing, type Step, standingOfStep } from "./checklist.js";
import { type Ageing, knownSteps, type LoadedChecklist, loadChecklist } from "./open-checklist.service.js";
import type { StepRow } from "./step.entity.js";

/** A step as it is shown: what to do, how it stands, and what proves it. */
export interface StepView {
  readonly step: Step;
  readonly standing: Standing;
  /** Steps that come first. */
  readonly waitsFor: readonly string[];
  /** What somebody has named for it, and what was found out about that; null while nobody has. */
  readonly evidence: { readonly row: StepRow; readonly facts: JsonObject } | null;
}

/** A checklist as it is shown. */
export interface ChecklistView {
  readonly row: ChecklistRow;
  readonly title: string;
  readonly accountState: string;
  readonly closedAt: Date | null;
  readonly finalAt: Date | null;
  readonly steps: readonly StepView[];
  /** Steps that somebody can do something about now. */
  readonly next: readonly string[];
}

/** Checklists for readers: whoever has a role over the account sees how its life stands, and what to do next. */
export class ChecklistViews {
  constructor(
    private readonly transactions: Transactions,
    private readonly ageing: Ageing,
  ) {}

  /**
   * Checklists of an account after `after`, in the order of their ids.
   * @throws RootkeepError `NOT_FOUND`, also for an account that `readerId` may not read of.
   */
  async ofAccount(readerId: Id<"person">, accountId: Id<"account">, after: string, limit: number): Promise<ChecklistRow[]> {
    return await this.transactions.peek(async (tx) => {
      const { reach } = await readerOf(tx, readerId, "checklist.list");
      await reachedAccount(tx, reach, accountId);
      return await tx.readAll(ChecklistRow, { accountId, id: MoreThan(after) as never }, "read", limit);
    });
  }

  /** One checklist, whole. @throws RootkeepError `NOT_FOUND`, also for an account that `readerId` may not read of. */
  async read(readerId: Id<"person">, id: Id<"checklist">): Promise<ChecklistView> {
    return await this.transactions.peek(async (tx) => {
      const { reach } = await readerOf(tx, readerId, "checklist.read");
      const loaded = await loadChecklist(tx, id, "read");
      await reachedAccount(tx, reach, loaded.checklist.accountId);
      return await this.#viewOf(tx, loaded);
    });
  }

  async #viewOf(tx: WorkTransaction, loaded: LoadedChecklist): Promise<ChecklistView> {
    const { account, life, checklist, list, steps, rows } = loaded;
    const known = await knownSteps(tx, loaded, this.ageing, await tx.clock());
    const isWorked = checklist.state === "OPEN" && list.states.some((state) => state === account.state);
    const views = steps.map((step): StepView => {
      const standing = standingOfStep(step, steps, known);
      const row = rows.get(step.id);
      return {
        step,
        standing,
        waitsFor: standing === "WAITING" ? missingBefore(step, steps, known) : [],
        evidence: row === undefined ? null : { row, facts: JSON.parse(row.facts) as JsonObject },
      };
    });
    const next = views.filter(({ standing }) => isWorked && (standing === "OPEN" || standing === "CLAIMED" || standing === "STALE"));
    return {
      row: checklist,
      title: list.title,
      accountState: account.state,
      closedAt: life.closedAt,
      finalAt: life.finalAt,
      steps: views,
      next: next.map(({ step }) => step.id),
    };
  }
}
