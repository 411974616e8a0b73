import { runVerifyCertificate } from "../verify/certificate-main.js";
import { runVerify } from "../verify/main.js";
import { VERSION } from "../version.js";
import type { Call, Command, RawCommand } from "./command.js";
import { runAccountExport } from "./export-account.js";
import { exportLog } from "./export-log.js";
import { LocalError, UsageError } from "./failure.js";
import { ask, REASON } from "./people.js";
import { REPORT_COMMAND } from "./report.js";

const PROGRESS_ENTRIES = 10_000;

/** The audit log and the configuration, as auditors read them. */
export const AUDIT_COMMANDS: readonly (Command | RawCommand)[] = [
  {
    words: ["audit", "head"],
    summary: "Shows the log's origin, size and last hash: write them down, they prove later what was there.",
    async run(call) {
      call.show(await (await call.client()).get("/v1/audit/head"));
      return undefined;
    },
  },
  {
    words: ["audit", "entries"],
    summary: "Lists entries of the log.",
    options: {
      from: { kind: "count", value: "N", meaning: "begin with entry N (default 0)" },
      limit: { kind: "count", value: "N", meaning: "at most so many (default: all)" },
    },
    async run(call) {
      const from = call.given.count("from") ?? 0;
      const items = (await call.client()).items("/v1/audit/entries", { after: from === 0 ? undefined : from - 1 });
      await call.list(
        firstOf(items, call.given.count("limit")),
        ["seq", "time", "action", "outcome", "actor", "target", "leaf"],
        (item) => {
          const { members: entry } = item.object("entry");
          const { id, type } = (entry["actor"] ?? {}) as { id?: unknown; type?: unknown };
          const target = (entry["target"] ?? {}) as { id?: unknown };
          return [
            item.members["seq"],
            entry["time"],
            entry["action"],
            entry["outcome"],
            id ?? type,
            target.id,
            item.text("leaf").slice(0, 16),
          ];
        },
      );
      return undefined;
    },
  },
  {
    words: ["audit", "export"],
    summary: "Writes the signed log into a directory that can be verified offline; run it again to go on or to catch up.",
    positionals: ["DIR"],
    options: {
      account: {
        kind: "text",
        value: "ACCOUNT",
        meaning: "only this account's entries and the global acts, with proof that none is missing",
      },
      from: { kind: "count", value: "N", meaning: "begin with entry N, a multiple of 256" },
      cosigned: { kind: "count", value: "N", meaning: "end at the newest checkpoint that N witnesses have cosigned" },
      "no-disclosures": { kind: "flag", meaning: "leave out the openings of personal data; the log then only commits to it" },
    },
    notes:
      "Ends at the newest checkpoint. What is there and whole is not fetched again. Then: rootkeep audit verify DIR, with the same --account",
    async run(call) {
      const account = call.given.text("account");
      if (account !== undefined) {
        await runAccountExport(call, account);
        return undefined;
      }
      const client = await call.client();
      const { stderr } = call.shell;
      let shown = 0;
      const { uncovered, ...manifest } = await exportLog(client, {
        directory: call.given.positional("DIR"),
        from: call.given.count("from") ?? 0,
        cosignatures: call.given.count("cosigned") ?? 0,
        hasDisclosures: !call.given.flag("no-disclosures"),
        tool: `rootkeep ${VERSION}`,
        created: new Date(),
        onProgress(done, total) {
          if (done < total && done - shown < PROGRESS_ENTRIES) return;
          shown = done;
          stderr.write(`${String(done)} of ${String(total)} entries\n`);
        },
      });
      const range = `entries ${String(manifest.from)} to ${String(manifest.to - 1)} of ${manifest.origin}`;
      if (uncovered > 0) stderr.write(`${String(uncovered)} later entries are not signed yet, and not exported\n`);
      call.say(`exported ${range}; last hash ${manifest.head}`, { ...manifest, uncovered });
      return undefined;
    },
  },
  REPORT_COMMAND,
  {
    words: ["audit", "verify"],
    summary: "Checks an export offline, or a log that is served: exit status 0 intact, 1 tampered, 2 incomplete, 3 wrong usage.",
    positionals: ["DIR|URL"],
    options: {
      trust: { kind: "text", value: "FILE", meaning: "what you know from elsewhere (see the export's VERIFY.md)" },
      account: { kind: "text", value: "ACCOUNT", meaning: "DIR is the export of one account, which is this one" },
      from: { kind: "count", value: "N", meaning: "you have checked the entries before N: the export may begin there" },
      "token-file": { kind: "text", value: "FILE", meaning: "bearer token for a URL, alone or as the session of rootkeep login" },
      timeout: { kind: "count", value: "SECONDS", meaning: "for one answer of a URL's server (default 30)" },
      quiet: { kind: "flag", meaning: "no progress" },
    },
    runRaw: (argv, { stdout, stderr }) => runVerify(argv, stdout, stderr),
  },
  {
    words: ["audit", "verify-certificate"],
    summary: "Checks a certificate of destruction offline: exit status 0 intact, 1 tampered, 2 incomplete, 3 wrong usage.",
    positionals: ["DIR"],
    options: { trust: { kind: "text", value: "FILE", meaning: "what you know from elsewhere: origin and key of the log" } },
    runRaw: (argv, { stdout, stderr }) => runVerifyCertificate(argv, stdout, stderr),
  },
  {
    words: ["audit", "erase"],
    summary: "Asks to erase openings of personal data: of one entry, or all about a request or a person. The log keeps its commitments.",
    options: {
      request: { kind: "text", value: "REQUEST", meaning: "all about this request, which is over; its reasons go from its row, too" },
      person: { kind: "text", value: "PERSON", meaning: "all about this person" },
      entry: { kind: "count", value: "N", meaning: "of entry N, with --field" },
      field: { kind: "text", value: "FIELD", meaning: "the field, such as reason or email" },
      reason: REASON,
    },
    notes:
      "Another custodian sees which openings it is about, and approves. What was erased does not come back; backups keep it as long as they live.",
    run: (call) => ask(call, "disclosure.erase", erasureOf(call.given)),
  },
  {
    words: ["config", "show"],
    summary: "Shows the trusted configuration in force, and whether it is the one that custodians approved.",
    async run(call) {
      call.show(await (await call.client()).get("/v1/configuration"));
      return undefined;
    },
  },
];

/** What is to be erased, as the options say. @throws UsageError unless one thing is named. */
function erasureOf(given: Call["given"]): Readonly<Record<string, unknown>> {
  const [requestId, personId, seq, field] = [given.text("request"), given.text("person"), given.count("entry"), given.text("field")];
  const named = { requestId, personId, seq, field };
  const subject = Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined));
  if (!["requestId", "personId", "field,seq"].includes(Object.keys(subject).sort().join()))
    throw new UsageError("name --request, --person, or --entry with --field");
  return subject;
}

async function* firstOf<T>(items: AsyncIterable<T>, limit: number | undefined): AsyncGenerator<T, void, void> {
  if (limit === 0) throw new LocalError("a limit is at least 1");
  let count = 0;
  for await (const item of items) {
    yield item;
    count += 1;
    if (count === limit) return;
  }
}
