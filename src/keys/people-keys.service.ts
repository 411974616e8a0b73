import type { DataSource } from "typeorm";
import type { DataKeys } from "./data-keys.service.js";
import type { DataKeyRow } from "./domain.js";
import type { KeyService } from "./keys.service.js";

/** Any constant will do, as long as it is no other lock's: "rk-keys" in bytes. */
const FIRST_KEYS_LOCK = "32205990197717363";

/**
 * Loads the keys of the people domain, which guard sign-in and authenticate rows; at the very first start makes them. Two replicas that
 * start at once must not each make a records key: the first takes the lock, the second finds the rows.
 */
export async function loadPeopleKeys(dataSource: DataSource, keys: KeyService, dataKeys: DataKeys): Promise<readonly DataKeyRow[]> {
  const there = await dataKeys.ofPeople(dataSource.manager);
  // Anybody who may connect can keep such a lock: it is not asked for but where it is needed, at the very first start.
  const rows = there.length > 0 ? there : await makeFirstKeys(dataSource, keys, dataKeys);
  await keys.loadPeopleKeys(rows);
  return rows;
}

async function makeFirstKeys(dataSource: DataSource, keys: KeyService, dataKeys: DataKeys): Promise<readonly DataKeyRow[]> {
  return await dataSource.transaction(async (entities) => {
    await entities.query("SELECT pg_advisory_xact_lock($1::bigint)", [FIRST_KEYS_LOCK]);
    const found = await dataKeys.ofPeople(entities);
    if (found.length > 0) return found;
    for (const use of ["records", "seal"] as const) {
      const { row, sealer } = await keys.newDataKey(null, "people", use);
      sealer.close();
      await dataKeys.insert(entities, row);
    }
    return await dataKeys.ofPeople(entities);
  });
}
