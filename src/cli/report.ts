import { open, rm } from "node:fs/promises";
import { csvRecord } from "../audit/report-csv.js";
import { REPORT_COLUMNS, REPORT_KINDS } from "../audit/report-line.js";
import { LIMITS } from "../kernel/limits.js";
import type { ApiClient } from "./api-client.js";
import type { Call, Command } from "./command.js";
import { LocalError } from "./failure.js";

type Cell = string | number | null;

/** A report's lines and what they rest on. */
interface Place {
  write(text: string): Promise<void>;
  close(): Promise<void>;
  /** Something went wrong: half a report must not pass for a whole one. */
  abandon(): Promise<void>;
}

/** Columns that the log does not have: names are personal data, which stand in it as commitments only. */
const NAME_COLUMNS = ["actorName", "personName"] as const;

/** `rootkeep audit report`: evidence of who did what, line by line out of the log. */
export const REPORT_COMMAND: Command = {
  words: ["audit", "report"],
  summary: "Writes evidence out of the signed log as CSV, or with --json one object a line: who asked, approved, opened, checked in.",
  options: {
    from: { kind: "text", value: "TIME", meaning: "only from this day or time (UTC) on, such as 2026-01-01" },
    to: { kind: "text", value: "TIME", meaning: "only before this day or time" },
    person: { kind: "text", value: "PERSON", meaning: "only what this person did, approved or was subject of (per_…)" },
    account: { kind: "text", value: "ACCOUNT", meaning: "only this account (acc_…)" },
    kind: { kind: "list", value: "KIND", meaning: `only these: ${REPORT_KINDS.join(", ")}; may be repeated` },
    "no-names": { kind: "flag", meaning: "ids alone, no names of persons" },
    out: { kind: "text", value: "FILE", meaning: "write to this new file (mode 0600) instead" },
  },
  notes:
    "seq and leaf of each line are place and hash of its entry: compare them with an export. Which report answers what: docs/evidence.md",
  async run(call) {
    const client = await call.client();
    const names = call.given.flag("no-names") ? null : await namesOf(client);
    const place = await placeOf(call);
    let written: { readonly lines: number; readonly tree: string };
    try {
      written = await writeReport(call, client, names, place);
    } catch (error) {
      await place.abandon();
      throw error;
    }
    await place.close();
    call.shell.stderr.write(`${String(written.lines)} lines out of ${written.tree}\n`);
    return undefined;
  },
};

/** Names by id, as far as the caller may see them: whoever may not read the list of people gets no report with names either. */
async function namesOf(client: ApiClient): Promise<ReadonlyMap<string, string>> {
  const names = new Map<string, string>();
  for await (const person of client.items("/v1/people")) names.set(person.text("id"), person.text("name"));
  return names;
}

async function writeReport(
  { given }: Call,
  client: ApiClient,
  names: ReadonlyMap<string, string> | null,
  place: Place,
): Promise<{ lines: number; tree: string }> {
  const kinds = given.list("kind");
  const filter = {
    from: given.text("from"),
    to: given.text("to"),
    person: given.text("person"),
    account: given.text("account"),
    kinds: kinds.length === 0 ? undefined : kinds.join(","),
    limit: LIMITS.pageSizeMax,
  };
  const isJson = given.flag("json");
  const columns = names === null ? REPORT_COLUMNS : [...REPORT_COLUMNS, ...NAME_COLUMNS];
  if (!isJson) await place.write(csvRecord(columns));
  let [lines, after, size]: [number, string | undefined, number | undefined] = [0, undefined, undefined];
  for (;;) {
    const page = await client.get("/v1/reports/activity", { ...filter, after, size });
    for (const { members } of page.list("items")) {
      const line = withNames(members as Readonly<Record<string, Cell>>, names);
      await place.write(isJson ? `${JSON.stringify(line)}\n` : csvRecord(columns.map((name) => line[name] ?? null)));
      lines++;
    }
    const next = page.textOrNull("next");
    if (size !== undefined && page.count("size") !== size) throw new LocalError("the service's report changed its tree on the way");
    size = page.count("size");
    if (next === null)
      return { lines, tree: `the signed tree of ${String(size)} entries of ${page.text("origin")}, root ${page.text("root")}` };
    if (next === after) throw new LocalError("the service's report does not end");
    after = next;
  }
}

function withNames(line: Readonly<Record<string, Cell>>, names: ReadonlyMap<string, string> | null): Readonly<Record<string, Cell>> {
  if (names === null) return line;
  const nameOf = (id: Cell | undefined): string | null => names.get(String(id)) ?? null;
  return { ...line, actorName: nameOf(line["actor"]), personName: nameOf(line["person"]) };
}

async function placeOf({ given, shell }: Call): Promise<Place> {
  const path = given.text("out");
  if (path === undefined) {
    return {
      write: (text) => Promise.resolve(void shell.stdout.write(text)),
      close: () => Promise.resolve(),
      abandon: () => Promise.resolve(),
    };
  }
  const file = await open(path, "wx", 0o600).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    throw new LocalError(code === "EEXIST" ? `${path} exists already` : `${path} cannot be made (${code ?? "unknown fault"})`);
  });
  return {
    async write(text) {
      await file.writeFile(text, "utf8");
    },
    close: () => file.close(),
    async abandon() {
      await file.close();
      await rm(path, { force: true });
    },
  };
}
