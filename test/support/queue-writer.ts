// A program that appends to a log on its own, for tests with several writers: `node queue-writer.js COUNT`, the connection as JSON on its
// input. Prints what it has been promised: one JSON list of [seq, event id].
import { text } from "node:stream/consumers";
import { AuditLog } from "../../src/audit/audit-log.service.js";
import { draftEntry, SYSTEM_ACTOR } from "../../src/audit/draft.js";
import { connectLog } from "../../src/audit/log-connection.service.js";
import type { PgConnection } from "../../src/database/connection.js";
import { Secret } from "../../src/kernel/secret.js";

const { password, origin, ...rest } = JSON.parse(await text(process.stdin)) as Omit<PgConnection, "password"> & {
  password: string;
  origin: string;
};
const fail = (...what: unknown[]): never => {
  throw new Error(`the log raised an alarm: ${what.join(" ")}`);
};
const log = new AuditLog(() => connectLog({ ...rest, password: Secret.of(password) }), {
  chainBroken: fail,
  rolledBack: fail,
  clockRefused: fail,
  rowRefused: fail,
  appendFailed: fail,
});
await log.open(origin, "test");
const promised: [number, string][] = [];
const writer = async (count: number): Promise<void> => {
  for (let made = 0; made < count; made++) {
    const draft = draftEntry({
      action: "service.started",
      outcome: "committed",
      actor: SYSTEM_ACTOR,
      stream: "acc_0123456789abcdefghjkmnpqrs",
    });
    const { facts } = await log.record(draft);
    promised.push([facts.seq, facts.eventId]);
  }
};
await Promise.all(Array.from({ length: 8 }, () => writer(Number(process.argv[2]) / 8)));
await log.close();
process.stdout.write(JSON.stringify(promised));
