import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MIGRATIONS } from "../../../migrations/index.js";
import { LOG_SCHEMA } from "../../../src/audit/log-schema.js";
import { checkDatabase } from "../../../src/database/check-database.service.js";
import { createTestDatabase, withClient } from "../../support/postgres.js";

// real: PostgreSQL with the project's migrations. double: none.
describe("the schema that a start asks for", () => {
  it("is the one that the migrations make, function by function", async () => {
    const database = await createTestDatabase({ migrations: MIGRATIONS });
    try {
      const { rows } = await withClient(database.superuser, (client) =>
        client.query<{ signature: string; md5: string }>(`
          SELECT proname || '(' || pg_get_function_identity_arguments(oid) || ')' AS signature, md5(prosrc) AS md5
          FROM pg_proc WHERE pronamespace = 'audit'::regnamespace`),
      );
      const named = rows.map(({ signature, md5 }) => [signature.replaceAll(/\bp_\w+ /g, ""), md5] as const);
      assert.deepEqual(Object.fromEntries(named.toSorted()), LOG_SCHEMA.functions);
      await checkDatabase(database.connections.rootkeep_service, LOG_SCHEMA);
    } finally {
      await database.drop();
    }
  });
});
