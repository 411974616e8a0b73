import type { Client } from "pg";
import type { PgConnection } from "../database/connection.js";
import { clientOptions, SERVICE_SESSION, SteadyClient } from "../database/data-source.service.js";

/** A connection of the log's own: what is appended in batches does not wait for a connection of the pool. */
export async function connectLog(connection: PgConnection): Promise<Client> {
  const client = new SteadyClient({ ...clientOptions(connection, "rootkeep-audit"), ...SERVICE_SESSION });
  await client.connect();
  return client;
}
