import type { Client } from "pg";
import { isRootkeepError, RootkeepError } from "../kernel/errors.js";

/** A synchronous standby that is silent for longer is away. */
const STANDBY_MS = 3_000;

/**
 * Commits what `client` has begun, on the synchronous standby too where there is one.
 * @throws RootkeepError `AUDIT_UNAVAILABLE` when it was rolled back, or holds here and perhaps not there.
 */
export async function commitDurably(client: Client): Promise<void> {
  const warnings: string[] = [];
  const onNotice = (notice: { severity?: string | undefined }): void => void warnings.push(notice.severity ?? "");
  client.on("notice", onNotice);
  try {
    const { command } = await client.query("COMMIT");
    if (command !== "COMMIT") throw unavailable("commit was rolled back");
    // A cancelled wait for the synchronous standby is only a warning: durable here, not there.
    if (warnings.length > 0) throw unavailable("commit warned");
  } finally {
    client.removeListener("notice", onNotice);
  }
}

/**
 * Returns when everything that this server has committed so far is on the synchronous standby, where there is one. An entry whose wait was
 * cancelled can be read here all the same, and a failover loses it: signed, it would be what the guard holds and no database has. A commit of
 * our own, which comes later in the server's log, is acknowledged only after it.
 * @param connect opens another connection of the same role, by which a wait without end is cancelled.
 * @throws RootkeepError `UNAVAILABLE` when the standby does not answer, or commits of this session do not wait for it.
 */
export async function confirmStandby(client: Client, connect: () => Promise<Client>): Promise<void> {
  await client.query("BEGIN");
  const { rows } = await client.query<{ pid: number; waits: boolean }>(
    `SELECT pg_catalog.pg_backend_pid() AS pid, pg_catalog.current_setting('synchronous_commit') IN ('on', 'remote_apply') AS waits,
       pg_catalog.pg_logical_emit_message(true, 'rootkeep', '')`,
  );
  const [session] = rows;
  if (session?.waits !== true) {
    await client.query("ROLLBACK");
    throw new RootkeepError("UNAVAILABLE", { reason: "synchronous commit is off" });
  }
  const cancelling = setTimeout(() => void cancel(session.pid, connect).catch(() => undefined), STANDBY_MS);
  try {
    await commitDurably(client);
  } catch (cause) {
    if (isRootkeepError(cause)) throw new RootkeepError("UNAVAILABLE", { reason: "the standby has not confirmed", cause });
    throw cause;
  } finally {
    clearTimeout(cancelling);
  }
}

/** Closing the connection would not end the wait: the server would keep a session for every attempt. */
async function cancel(pid: number, connect: () => Promise<Client>): Promise<void> {
  const client = await connect();
  try {
    await client.query("SELECT pg_catalog.pg_cancel_backend($1)", [pid]);
  } finally {
    await client.end().catch(() => undefined);
  }
}

function unavailable(reason: string): RootkeepError {
  return new RootkeepError("AUDIT_UNAVAILABLE", { reason });
}
