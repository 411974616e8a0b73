import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MIGRATIONS } from "../../../migrations/index.js";
import { LOG_SCHEMA, SERVICE_ON_LOG, SIGNER_ON_LOG } from "../../../src/audit/log-schema.js";
import { checkDatabase } from "../../../src/database/check-database.service.js";
import { shapeOf } from "../../../src/database/safety.service.js";
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
      // What src/audit/log-shape.ts is to hold stands in the difference.
      assert.deepEqual(await withClient(database.connections.rootkeep_service, shapeOf), LOG_SCHEMA.shape);
      await checkDatabase(database.connections.rootkeep_service, LOG_SCHEMA, SERVICE_ON_LOG);
      await checkDatabase(database.connections.rootkeep_signer, LOG_SCHEMA, SIGNER_ON_LOG);
    } finally {
      await database.drop();
    }
  });

  it("keeps apart who appends and who signs", async () => {
    const database = await createTestDatabase({ migrations: MIGRATIONS });
    const { rootkeep_service: service, rootkeep_signer: signer } = database.connections;
    try {
      await assert.rejects(checkDatabase(signer, LOG_SCHEMA, SERVICE_ON_LOG), { reason: /has INSERT on audit\.checkpoint/ });
      await assert.rejects(checkDatabase(service, LOG_SCHEMA, SIGNER_ON_LOG), { reason: /the signer's role may call audit\.append/ });
      await withClient(signer, async (client) => {
        await assert.rejects(client.query("SELECT audit.lock_head()"), { code: "42501" });
        await assert.rejects(client.query("SELECT audit.append(0, '{}', '{}', '{}')"), { code: "42501" });
        await assert.rejects(client.query("SELECT * FROM audit.disclosure"), { code: "42501" });
      });
      await withClient(service, async (client) => {
        for (const table of ["tile", "checkpoint", "cosignature"]) {
          await assert.rejects(client.query(`INSERT INTO audit.${table} DEFAULT VALUES`), { code: "42501" });
          await assert.rejects(client.query(`DELETE FROM audit.${table}`), { code: "42501" });
        }
      });
    } finally {
      await database.drop();
    }
  });
});
