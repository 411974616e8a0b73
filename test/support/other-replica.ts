import { AuditLog } from "../../src/audit/audit-log.service.js";
import { draftEntry, SYSTEM_ACTOR } from "../../src/audit/draft.js";
import type { EntryDraft } from "../../src/audit/entry.js";
import { HeartbeatWriter } from "../../src/audit/heartbeat-writer.service.js";
import { connectLog } from "../../src/audit/log-connection.service.js";
import { parseConfig } from "../../src/config/parse-config.js";
import type { PgConnection } from "../../src/database/connection.js";
import type { TestDatabase } from "./postgres.js";

const nothing = (): void => undefined;
const ALARMS = { chainBroken: nothing, rolledBack: nothing, clockRefused: nothing, rowRefused: nothing, appendFailed: nothing };

/** Writes a heartbeat as a second replica would, whether or not one is due. @returns its place. */
export async function beatAsReplica(connection: PgConnection, origin: string, deployment: string): Promise<number> {
  const connect = () => connectLog(connection);
  const log = new AuditLog(connect, ALARMS);
  await log.open(origin, deployment);
  try {
    const receipt = await new HeartbeatWriter(log, { connect, origin, onFailed: nothing, intervalMs: 0 }).beat();
    if (receipt === null) throw new Error("no heartbeat was written");
    return receipt.facts.seq;
  } finally {
    await log.close();
  }
}

/** Appends entries as a second replica with the default origin would: a log that is longer than a tile, without a thousand calls. */
export async function appendAsReplica(
  { connections }: TestDatabase,
  count: number,
  draft: (index: number) => EntryDraft = started,
): Promise<void> {
  const log = new AuditLog(() => connectLog(connections.rootkeep_service), ALARMS);
  const { logOrigin, deployment } = parseConfig({}, { cwd: "." });
  await log.open(logOrigin, deployment);
  await Promise.all(Array.from({ length: count }, (_, index) => log.record(draft(index))));
  await log.close();
}

function started(): EntryDraft {
  return draftEntry({ action: "service.started", outcome: "committed", actor: SYSTEM_ACTOR });
}
