import { Client } from "pg";
import type { PgConnection } from "./connection.js";
import { clientOptions } from "./data-source.service.js";
import type { AuditExpectation, RoleExpectation } from "./safety.js";
import { assertSafeDatabase } from "./safety.service.js";

/** {@link assertSafeDatabase} on a connection of its own, as the role that `connection` signs in as. @throws as that. */
export async function checkDatabase(
  connection: PgConnection,
  expected: AuditExpectation,
  role: RoleExpectation,
): Promise<{ readonly warnings: readonly string[] }> {
  const client = new Client(clientOptions(connection, "rootkeep-check"));
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await assertSafeDatabase(client, expected, role);
  } finally {
    await client.end().catch(() => undefined);
  }
}
