import { RootkeepError } from "../kernel/errors.js";
import type { DataKeyRow } from "./domain.js";

/** The data keys of one domain that are loaded: the newest one seals, and each opens what was sealed under it. */
export class DataKeyRing {
  readonly #byId: ReadonlyMap<string, DataKeyRow>;
  /** What is sealed from now on is sealed under this one. */
  readonly newest: DataKeyRow;

  /**
   * @param dataKeys oldest first.
   * @throws RootkeepError `KEY_UNAVAILABLE` when none of them is active and for sealing.
   */
  constructor(dataKeys: readonly DataKeyRow[]) {
    this.#byId = new Map(dataKeys.map((row) => [row.id, row]));
    const newest = dataKeys.filter(({ state, use }) => state === "ACTIVE" && use === "seal").at(-1);
    if (newest === undefined) throw new RootkeepError("KEY_UNAVAILABLE", { reason: "no active data key" });
    this.newest = newest;
  }

  /** @throws RootkeepError `SEAL_BROKEN` for one that is not loaded. */
  byId(id: string): DataKeyRow {
    const row = this.#byId.get(id);
    if (row === undefined) throw new RootkeepError("SEAL_BROKEN", { reason: "data key is not loaded" });
    return row;
  }
}
