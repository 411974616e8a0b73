import { type EntityTarget, type FindOptionsWhere, In, LessThan, MoreThan } from "typeorm";
import type { EntryDraft } from "../audit/entry.js";
import type { DecidingRow } from "../database/deciding-row.entity.js";
import type { Drafted } from "../database/transaction-runner.service.js";
import type { SurveyedRow, WorkTransaction } from "../database/work-transaction.js";
import { type Cut, seqOfCut } from "./certification.service.js";

/** Rows that one transaction changes at most. */
export const ROWS_AT_ONCE = 50;

/** One kind of what a cut finds open. */
export interface OpenKind {
  /** Candidates, oldest id first; whether their rows are genuine, each says. */
  find(tx: WorkTransaction, cut: Cut, after: string): Promise<readonly SurveyedRow[]>;
  /** Ends those of `ids` that still are open. @returns the entries that tell of it. @throws RootkeepError `ROW_REFUSED` */
  end(tx: WorkTransaction, cut: Cut, ids: readonly string[]): Promise<Drafted<EntryDraft>[]>;
}

/** Rows of `entity` that are `open` and whose newest entry is older than the cut. */
export function openKind<R extends DecidingRow & { readonly id: string }>(
  entity: EntityTarget<R>,
  open: (now: Date) => object,
  end: (tx: WorkTransaction, cut: Cut, where: FindOptionsWhere<R>) => Promise<Drafted<EntryDraft>[]>,
): OpenKind {
  const where = async (tx: WorkTransaction, cut: Cut, id: object): Promise<FindOptionsWhere<R>> =>
    ({ ...open(await tx.clock()), id, seq: LessThan(String(seqOfCut(cut))) }) as unknown as FindOptionsWhere<R>;
  return {
    find: async (tx, cut, after) => await tx.survey(entity, await where(tx, cut, MoreThan(after)), ROWS_AT_ONCE),
    end: async (tx, cut, ids) => await end(tx, cut, await where(tx, cut, In([...ids]))),
  };
}
