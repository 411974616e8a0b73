import { AuditLog } from "../../src/audit/audit-log.service.js";
import { draftEntry, SYSTEM_ACTOR } from "../../src/audit/draft.js";
import type { EntryDraft } from "../../src/audit/entry.js";
import { connectLog } from "../../src/audit/log-connection.service.js";
import { parseConfig } from "../../src/config/parse-config.js";
import type { TestDatabase } from "./postgres.js";

/** Appends entries as a second replica with the default origin would: a log that is longer than a tile, without a thousand calls. */
export async function appendAsReplica(
  { connections }: TestDatabase,
  count: number,
  draft: (index: number) => EntryDraft = started,
): Promise<void> {
  const nothing = (): void => undefined;
  const alarms = { chainBroken: nothing, rolledBack: nothing, clockRefused: nothing, rowRefused: nothing, appendFailed: nothing };
  const log = new AuditLog(() => connectLog(connections.rootkeep_service), alarms);
  const { logOrigin, deployment } = parseConfig({}, { cwd: "." });
  await log.open(logOrigin, deployment);
  await Promise.all(Array.from({ length: count }, (_, index) => log.record(draft(index))));
  await log.close();
}

function started(): EntryDraft {
  return draftEntry({ action: "service.started", outcome: "committed", actor: SYSTEM_ACTOR });
}
