// A program that uses an embedded database, for tests that kill it: `node embedded-program.js DIRECTORY [SQL]`. Prints one line of JSON when
// it has started (or could not), runs the SQL as the superuser, and then waits until its input ends or somebody kills it.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { startEmbeddedPostgres } from "../../src/database/embedded-postgres.adapter.js";
import { withClient } from "./postgres.js";

const say = (line: object): boolean => process.stdout.write(`${JSON.stringify(line)}\n`);
const [directory = "", sql] = process.argv.slice(2);
try {
  const server = await startEmbeddedPostgres({ directory });
  if (sql !== undefined) await withClient(server.superuser, (client) => client.query(sql));
  const pid = Number.parseInt(readFileSync(join(directory, "pgdata", "postmaster.pid"), "utf8"), 10);
  say({ isStarted: true, isAdopted: server.isAdopted, pid, socketDirectory: server.superuser.host });
  process.stdin.resume();
  process.stdin.once("end", () => void server.stop().then(() => process.exit(0)));
} catch (error) {
  say({ isStarted: false, message: error instanceof Error ? error.message : "" });
}
