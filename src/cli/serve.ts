import type { Command } from "./command.js";
import { EXIT, UsageError } from "./failure.js";
import { renderTable } from "./output.js";

/** Commands that are no client: they start the service, or look after its database. Its modules are loaded only when one of them runs. */
export const SERVER_COMMANDS: readonly Command[] = [
  {
    words: ["serve"],
    summary: "Starts the service; configured by environment variables (docs/configuration.md). Ends on SIGTERM or SIGINT.",
    options: {
      role: { kind: "text", value: "ROLE", meaning: "all (default, for trying out), api, or sign: the only one that holds the log's key" },
    },
    async run(call) {
      const { ROLES, runService } = await import("../main.js");
      const role = ROLES.find((known) => known === (call.given.text("role") ?? "all"));
      if (role === undefined) throw new UsageError(`--role is one of ${ROLES.join(", ")}`);
      return await runService(role);
    },
  },
  {
    words: ["init"],
    summary: "Prints the psql script that makes roles and database on a PostgreSQL of yours; the embedded one needs none.",
    notes: "For a superuser: rootkeep init > roles.sql; psql -v database=rootkeep -d postgres -f roles.sql",
    async run(call) {
      const { rolesScript } = await import("../operator.js");
      const script = rolesScript();
      call.shell.stdout.write(call.given.flag("json") ? `${JSON.stringify({ script })}\n` : script);
      return undefined;
    },
  },
  {
    words: ["migrate"],
    summary: "Brings the database's schema up to this version, as role rootkeep_migrate (ROOTKEEP_MIGRATE_DATABASE_URL).",
    async run(call) {
      const { migrate } = await import("../operator.js");
      const { applied } = await migrate();
      call.say(applied.length === 0 ? "nothing to do" : `applied: ${applied.join(", ")}`, { applied });
      return undefined;
    },
  },
  {
    words: ["doctor"],
    summary: "Checks configuration, database, roles, root keys, clock and every entry of the log; exit status 1 if a check failed.",
    async run(call) {
      const { doctor } = await import("../operator.js");
      const { checks } = await doctor();
      const isWell = checks.every(({ status }) => status !== "failed");
      const rows = checks.map(({ name, status, message }) => [status, name, message]);
      call.shell.stdout.write(
        call.given.flag("json") ? `${JSON.stringify({ isWell, checks })}\n` : renderTable(["status", "check", "what"], rows),
      );
      return isWell ? EXIT.ok : EXIT.local;
    },
  },
];
