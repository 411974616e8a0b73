import { csvRecord } from "../audit/report-csv.js";
import type { Answer } from "./answer.js";
import type { Call, Command } from "./command.js";
import { UsageError } from "./failure.js";
import { cell } from "./output.js";

/** Columns of the CSV file: the members of an entry of the report, in this order. */
const COLUMNS = [
  "id",
  "personId",
  "personName",
  "personState",
  "role",
  "scope",
  "validFrom",
  "validTo",
  "standing",
  "givesRights",
  "grantedSeq",
  "askedBy",
  "approvedBy",
  "isFounding",
  "certifiedSeq",
  "certifiedAt",
  "dueAt",
] as const;

const REPORT: Command = {
  words: ["people", "report"],
  summary: "Reports who may do what, over which accounts, who asked for and approved it, when it was certified, and until when it counts.",
  options: { csv: { kind: "flag", meaning: "as a CSV file for a spreadsheet" } },
  async run(call) {
    if (call.given.flag("csv") && call.given.flag("json")) throw new UsageError("name one of --csv, --json");
    const items = (await call.client()).items("/v1/allowlist/report");
    if (call.given.flag("csv")) await writeCsv(call, items);
    else await call.list(items, ["entry", "person", "role", "scope", "standing", "since", "asked", "approved", "certified", "due"], row);
    return undefined;
  },
};

function row(item: Answer): readonly unknown[] {
  const { members: m } = item;
  const [standing, state] = [item.text("standing"), item.text("personState")];
  return [
    m["id"],
    m["personName"],
    m["role"],
    scopeText(item.object("scope")),
    state === "ACTIVE" ? standing : `${standing} (${state})`,
    m["validFrom"],
    item.isTrue("isFounding") ? "founding" : m["askedBy"],
    m["approvedBy"],
    m["certifiedSeq"] === null ? null : `${item.text("certifiedAt")} #${String(item.count("certifiedSeq"))}`,
    m["dueAt"],
  ];
}

const COVERAGE: Command = {
  words: ["people", "coverage"],
  summary: "Shows accounts for which too few people may ask or approve; exit status 1 if there are any.",
  async run(call) {
    const look = await (await call.client()).get("/v1/allowlist/coverage");
    call.say(`${String(look.count("uncovered"))} of ${String(look.count("accounts"))} accounts have too few people`, look.members);
    const heads = ["kind", "customer", "accounts", "may ask", "may approve", "needed", "examples"];
    const groups = look.list("groups");
    if (groups.length > 0 && !call.given.flag("json")) {
      await call.list(groups, heads, ({ members: m }) => [
        m["purposeScope"],
        m["customer"],
        m["accounts"],
        m["requesters"],
        m["approvers"],
        m["approversNeeded"],
        m["examples"],
      ]);
    }
    return look.count("uncovered") === 0 ? undefined : 1;
  },
};

async function writeCsv(call: Call, items: AsyncIterable<Answer>): Promise<void> {
  call.shell.stdout.write(csvRecord(COLUMNS));
  for await (const item of items) {
    const cells = COLUMNS.map((name) => (name === "scope" ? scopeText(item.object("scope")) : item.members[name]));
    call.shell.stdout.write(csvRecord(cells.map((value) => (value === null || value === undefined ? null : cell(value)))));
  }
}

function scopeText(scope: Answer): string {
  const values = scope.members["values"];
  return Array.isArray(values) ? `${scope.text("kind")} ${values.join(", ")}` : scope.text("kind");
}

/** The reports of the allowlist. */
export const PEOPLE_REPORT_COMMANDS: readonly Command[] = [REPORT, COVERAGE];
