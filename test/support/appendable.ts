import { type TestDatabase, withClient } from "./postgres.js";

/** Takes the right to append to the log from the service, or gives it back: the log cannot be written, and all else goes on. */
export async function setAppendable(database: TestDatabase, isAppendable: boolean): Promise<void> {
  const [verb, preposition] = isAppendable ? ["GRANT", "TO"] : ["REVOKE", "FROM"];
  await withClient(database.superuser, async (client) => {
    await client.query(`${verb} EXECUTE ON FUNCTION audit.append(bigint, uuid[], bytea[], bytea[]) ${preposition} rootkeep_service`);
  });
}
