import type { Client } from "pg";
import type { PgConnection } from "../database/connection.js";
import { clientOptions, SERVICE_SESSION, SteadyClient } from "../database/data-source.service.js";

/**
 * A connection of the log's own. It may send a statement before the one in front of it has answered (pipelining): an append then takes two
 * round trips where it would take five.
 */
export async function connectLog(connection: PgConnection): Promise<Client> {
  const client = new SteadyClient({ ...clientOptions(connection, "rootkeep-audit"), ...SERVICE_SESSION, pipeline: true });
  await client.connect();
  return client;
}
