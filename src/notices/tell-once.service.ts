import type { DataSource } from "typeorm";
import type { Notice } from "./notice.js";
import { Outbox } from "./outbox.repository.js";

/**
 * Tells what comes from looking again and again, and not from an act: each of `subjects` once, however many replicas look and whatever
 * restarts. Noted and told together, or neither: a crash in between would leave it noted and untold for ever.
 * @param subjects names of what was seen, the same whoever looks.
 * @param compose the notices about those that nobody was told of before.
 * @returns how many those are.
 */
export async function tellOnce(
  dataSource: DataSource,
  subjects: readonly string[],
  compose: (fresh: ReadonlySet<string>) => readonly Notice[],
): Promise<number> {
  return await dataSource.transaction(async (manager) => {
    const fresh = await Outbox.noteTold(manager, subjects);
    if (fresh.size > 0) for (const notice of compose(fresh)) await Outbox.post(manager, notice);
    return fresh.size;
  });
}
