import { open } from "node:fs/promises";
import { newId } from "../kernel/ids.js";
import { LIMITS } from "../kernel/limits.js";
import { Answer } from "./answer.js";
import { type ApiClient, pathPart } from "./api-client.js";
import { CERTIFICATE_COMMAND } from "./certificate.js";
import type { Command } from "./command.js";
import { LocalError, UsageError } from "./failure.js";
import { printable } from "./output.js";

const PROGRESS_MS = 1_000;

/** The registry of accounts, and what is kept for each; never a value. */
export const ACCOUNT_COMMANDS: readonly Command[] = [
  {
    words: ["account", "list"],
    summary: "Lists the accounts, or those that every option fits.",
    options: {
      customer: { kind: "text", value: "NAME", meaning: "only those of this customer" },
      "aws-id": { kind: "text", value: "ID", meaning: "only the one with this AWS account id" },
      state: { kind: "text", value: "STATE", meaning: "only those in this state, such as active" },
      custody: { kind: "text", value: "MODE", meaning: "only those in this custody, such as VAULTED" },
      tag: { kind: "text", value: "KEY=VALUE", meaning: "only those with this access tag" },
      text: { kind: "text", value: "TEXT", meaning: "only those whose customer, AWS id or root e-mail address begins so" },
    },
    async run(call) {
      const { given } = call;
      const filter = Object.fromEntries(["customer", "state", "custody", "tag", "text"].map((name) => [name, given.text(name)]));
      const items = (await call.client()).items("/v1/accounts", { ...filter, awsId: given.text("aws-id") });
      const heads = ["account", "AWS id", "partition", "kind", "customer", "custody", "state", "checked out by"];
      await call.list(items, heads, ({ members: m }) => [
        ...[m["id"], m["awsId"], m["partition"], m["kind"], m["customer"], m["custody"], m["state"], m["checkedOutBy"]],
      ]);
      return undefined;
    },
  },
  {
    words: ["account", "show"],
    summary: "Shows one account.",
    positionals: ["ACCOUNT"],
    async run(call) {
      call.show(await (await call.client()).get(`/v1/accounts/${pathPart(call.given.positional("ACCOUNT"))}`));
      return undefined;
    },
  },
  {
    words: ["account", "import"],
    summary:
      "Imports accounts with their passwords and MFA seeds from a file of CSV or JSON lines (docs/spec/import-csv.md, import-jsonl.md).",
    positionals: ["FILE"],
    options: {
      "skip-bad": { kind: "flag", meaning: "import the good rows of a file with bad ones; else such a file imports nothing" },
      "dry-run": { kind: "flag", meaning: "judge the file as an import would, and store nothing" },
      format: { kind: "text", value: "FORM", meaning: "csv or jsonl (default: jsonl for files named .jsonl or .ndjson, else csv)" },
      "from-line": { kind: "count", value: "N", meaning: "begin at this line of the file, to go on after an interruption" },
    },
    notes: "Errors name line, column and rule, never a cell. Delete the file when the import is done: it is the only copy in clear.",
    async run(call) {
      const contentType = typeOf(call.given.text("format"), call.given.positional("FILE"));
      const client = await call.client();
      const bytes = await readImport(call.given.positional("FILE"));
      try {
        const importId = newId("import");
        const query = {
          ...{ onError: call.given.flag("skip-bad") ? "skip" : "reject", fromLine: call.given.count("from-line"), importId },
          ...(call.given.flag("dry-run") ? { dryRun: "true" } : {}),
        };
        const watch = watchImport(client, importId, (line) => void call.shell.stderr.write(line));
        const report = await client.upload("/v1/imports", query, contentType, bytes).finally(() => {
          watch.stop();
        });
        if (call.given.flag("json")) call.show(report);
        else call.shell.stdout.write(renderReport(report, call.given.flag("dry-run")));
      } finally {
        bytes.fill(0);
      }
      return undefined;
    },
  },
  CERTIFICATE_COMMAND,
  {
    words: ["secret", "list"],
    summary: "Lists what is kept for an account: kinds, versions and their states.",
    positionals: ["ACCOUNT"],
    async run(call) {
      const client = await call.client();
      const items = client.items(`/v1/accounts/${pathPart(call.given.positional("ACCOUNT"))}/secrets`);
      await call.list(
        call.given.flag("json") ? items : versionsOf(items),
        ["secret", "kind", "version", "number", "state", "exposure", "since"],
        (row) => [
          row.members["secret"],
          row.members["kind"],
          row.members["id"],
          row.members["number"],
          row.members["state"],
          row.members["exposure"],
          row.members["createdAt"],
        ],
      );
      return undefined;
    },
  },
];

/** Asks once a second how far the import is, and says so; what it cannot learn it does not say. */
function watchImport(client: ApiClient, importId: string, say: (line: string) => void): { stop(): void } {
  let said = 0;
  const timer = setInterval(() => {
    client.get(`/v1/imports/${importId}`).then(
      (progress) => {
        const imported = progress.count("imported");
        if (imported > said) say(`${String(imported)} of ${String(progress.count("rows"))} accounts imported\n`);
        said = imported;
      },
      () => undefined,
    );
  }, PROGRESS_MS);
  return {
    stop: () => {
      clearInterval(timer);
    },
  };
}

/** One row for each version, with its secret's id and kind. */
export async function* versionsOf(secrets: AsyncIterable<Answer>): AsyncGenerator<Answer, void, void> {
  for await (const secret of secrets) {
    for (const version of secret.list("versions")) {
      yield new Answer({ ...version.members, secret: secret.text("id"), kind: secret.text("kind") });
    }
  }
}

function typeOf(format: string | undefined, path: string): string {
  const form = format ?? (/\.(?:jsonl|ndjson)$/i.test(path) ? "jsonl" : "csv");
  if (form !== "csv" && form !== "jsonl") throw new UsageError("--format is csv or jsonl");
  return form === "csv" ? "text/csv" : "application/x-ndjson";
}

function renderReport(report: Answer, isDryRun: boolean): string {
  const errors = report
    .list("errors")
    .map(({ members: { line, field, rule } }) => `  line ${String(line)}: ${String(field)}: ${String(rule)}`);
  const [rows, skipped] = [report.count("rows"), report.count("skipped")];
  const done = isDryRun ? `nothing stored; ${String(rows - skipped)} would be imported` : `${String(report.count("imported"))} imported`;
  const counts = `${done}, ${String(skipped)} skipped, of ${String(rows)}`;
  return [`${counts} rows; read up to line ${String(report.count("lastLine"))}`, ...errors].map((line) => `${printable(line)}\n`).join("");
}

/** The file's bytes, which the caller wipes. */
async function readImport(path: string): Promise<Buffer> {
  const file = await open(path, "r").catch((error: unknown) => {
    throw new LocalError(`${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? "unknown fault"})`);
  });
  try {
    const { size } = await file.stat();
    if (size > LIMITS.importBytesMax)
      throw new LocalError(`${path} is larger than an import may be (${String(LIMITS.importBytesMax)} bytes); split it`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}
