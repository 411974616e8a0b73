import type { Client } from "pg";
import type { PgConnection } from "../database/connection.js";
import { clientOptions, SERVICE_SESSION, SteadyClient } from "../database/data-source.service.js";
import { LIMITS } from "../kernel/limits.js";

// A host that is gone without a word is noticed by both ends in less than a minute, not after the hours that TCP takes by itself; and what it
// had begun ends before that.
const NOTICING = [
  `idle_in_transaction_session_timeout=${String(LIMITS.idleInTransactionMs)}`,
  "tcp_keepalives_idle=20",
  "tcp_keepalives_interval=10",
  "tcp_keepalives_count=3",
]
  .map((setting) => ` -c ${setting}`)
  .join("");

/** A connection of the log's own: what is appended in batches does not wait for a connection of the pool. */
export async function connectLog(connection: PgConnection): Promise<Client> {
  const client = new SteadyClient({
    ...clientOptions(connection, "rootkeep-audit"),
    ...SERVICE_SESSION,
    options: SERVICE_SESSION.options + NOTICING,
    keepAlive: true,
    keepAliveInitialDelayMillis: 20_000,
  });
  await client.connect();
  return client;
}
