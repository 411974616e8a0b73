import { Client } from "pg";
import type { PgConnection } from "./connection.js";
import { clientOptions } from "./data-source.service.js";
import type { AuditExpectation } from "./safety.js";
import { assertSafeDatabase } from "./safety.service.js";

/** {@link assertSafeDatabase} on a connection of its own, as the service's role. @throws as that. */
export async function checkDatabase(service: PgConnection, expected: AuditExpectation): Promise<{ readonly warnings: readonly string[] }> {
  const client = new Client(clientOptions(service, "rootkeep-check"));
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await assertSafeDatabase(client, expected);
  } finally {
    await client.end().catch(() => undefined);
  }
}
