import type { Command } from "./command.js";
import { EXIT } from "./failure.js";
import { renderTable } from "./output.js";

const PROGRESS_COPIES = 10_000;
/** Ids of each kind that are printed; `--json` has them all. */
const SHOWN_MAX = 20;

/** The operator's look at the second store. */
export const SECOND_STORE_COMMAND: Command = {
  words: ["second-store", "check"],
  summary: "Compares every copy in the second store with the database, byte for byte; exit status 1 if one is missing, changed or unknown.",
  notes:
    "Configured like the service. It opens and changes nothing; an embedded database must not be in use by a running service. What to do about\n" +
    'each: docs/operations.md, "The second store".',
  async run(call) {
    const { stderr } = call.shell;
    const { checkSecondStore } = await import("../operator.js");
    const report = await checkSecondStore((read) => {
      if (read % PROGRESS_COPIES === 0) stderr.write(`${String(read)} copies read\n`);
    });
    const { versions, copies, missing, changed, left } = report;
    const unknown = report.unknown.map(
      ({ versionId, accountId, kind, number }) => `${versionId} ${kind} ${String(number)} of ${accountId}`,
    );
    const found = [
      ["missing", "versions without a copy of what their rows say", missing],
      ["changed", "objects that are no copies of this deployment's", changed],
      ["unknown", "copies of versions that the database does not know", unknown],
      ["left", "copies of versions that are destroyed", left],
    ] as const;
    const isWell = found.every(([, , items]) => items.length === 0);
    const rows = found.map(([name, meaning, items]) => [name, String(items.length), meaning]);
    const items = found.flatMap(([name, , all]) => all.slice(0, SHOWN_MAX).map((item) => `${name} ${item}`));
    const head = `${String(versions)} versions are to have a copy; ${String(copies)} copies are intact`;
    call.say([head, renderTable(["", "count", "what"], rows).trimEnd(), ...items].join("\n"), { isWell, ...report });
    return isWell ? EXIT.ok : EXIT.local;
  },
};
