import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { ERRORS, type ErrorCode } from "../../src/kernel/errors.js";
import { OPERATION_NAMES, type Operation, type OperationRule, ruleOf } from "../../src/kernel/operations.js";
import { EVENTS, type EventName, type EventRow, type FieldKind } from "../../src/telemetry/events.js";
import { METRICS, type MetricName } from "../../src/telemetry/metrics.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");

/** `docs/spec/errors.md`, from the closed table. */
export function renderErrors(): string {
  const rows = (Object.keys(ERRORS) as ErrorCode[]).map((code) => {
    const { http, grpc, retry, message } = ERRORS[code];
    return `| \`${code}\` | ${String(http)} | \`${grpc}\` | ${retry} | ${message} |`;
  });
  return `# Errors

Written from \`src/kernel/errors.ts\` by \`npm run golden\`; do not edit.

Every refusal is one of these. Over REST it is a problem document (RFC 9457) with the code in \`code\`, the sentence in \`title\`, the request id,
and in \`errors\` the fields that break a rule; over gRPC (planned) the code is \`ErrorInfo.reason\`. Codes are stable: a program may act on
them, never on the sentence. No part of an error holds a value that was sent, nor a secret.

| code | HTTP | gRPC | try again | meaning |
|---|---|---|---|---|
${rows.join("\n")}
`;
}

function whoOf({ access }: OperationRule): string {
  if (access === "anyone") return "anyone";
  return access === "person" ? "any signed-in person" : access.join(", ");
}

function marksOf(name: Operation): string {
  const { guarded, releases, stepUp, reads, beforeFounding } = ruleOf(name);
  const marks = [
    guarded ? "guarded" : "",
    releases ? "releases" : "",
    stepUp ? "second factor" : "",
    reads === "accounts" ? "of accounts" : "",
    reads === "whole" ? "of the whole" : "",
    beforeFounding === true ? "before founding" : "",
  ];
  return marks.filter((mark) => mark !== "").join(", ");
}

/** `docs/spec/operations.md`, from the closed list. */
export function renderOperations(): string {
  const rows = OPERATION_NAMES.map((name) => `| \`${name}\` | ${whoOf(ruleOf(name))} | ${marksOf(name)} |`);
  return `# Operations

Written from \`src/kernel/operations.ts\` by \`npm run golden\`; do not edit.

The closed list of what can be asked of the service. The same name stands in route, audit entry, metric and matrix of rights
(\`test/golden/authz-matrix.txt\`); routes and forms are in \`docs/openapi.json\`. *Who* is what the edge asks for, by roles of the allowlist;
rights over one account, standing and approvals are decided again where the act happens, in its own transaction.

- *guarded*: happens only as the effect of a request that enough other people approved.
- *releases*: its answer holds a secret. It is given once, never stored, never cached; a repeat is refused.
- *second factor*: takes a fresh code of the caller's own authenticator as an argument of the call.
- *of accounts*: tells of the accounts that the caller's entries cover, and of the caller's own part; others are as if they were not
  ([decision 0036](../decisions/0036-reading-follows-scope.md)).
- *of the whole*: tells of all accounts together, and answers only whose entries are over all of them.
- *before founding*: answers also while the deployment is not founded.

| operation | who | marks |
|---|---|---|
${rows.join("\n")}
`;
}

function fieldOf([name, kind]: readonly [string, FieldKind]): string {
  // Long lists are those of other pages: error codes and operations.
  const words = typeof kind === "string" ? kind : kind.length > 6 ? "one of a list" : kind.join(" \\| ");
  return `\`${name}\` (${words})`;
}

/** Text of every program file but the lists themselves and the log's own vocabulary, in which names of events occur as actions. */
function programText(): string {
  const lists = ["telemetry/events.ts", "telemetry/metrics.ts", "audit/actions.ts", "audit/audit-log.service.ts"];
  const files = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" }).filter(
    (path) => path.endsWith(".ts") && !lists.includes(path),
  );
  return files.map((path) => readFileSync(join(root, "src", path), "utf8")).join("\n");
}

/** `docs/spec/events.md`, from the closed lists; whether a row is sent is read from the program. */
export function renderEvents(): string {
  const program = programText();
  const sent = (name: string): string => (program.includes(`"${name}"`) ? "" : "planned");
  const events = (Object.keys(EVENTS) as EventName[]).map((name) => {
    const { level, pages, fields }: EventRow = EVENTS[name];
    return `| \`${name}\` | ${level} | ${pages === true ? "yes" : ""} | ${Object.entries(fields).map(fieldOf).join(", ")} | ${sent(name)} |`;
  });
  const metrics = (Object.keys(METRICS) as MetricName[]).map((name) => {
    const { type, labels, help } = METRICS[name];
    return `| \`${name}\` | ${type} | ${Object.keys(labels).join(", ")} | ${help} | ${sent(name)} |`;
  });
  return `# Log events and metrics

Written from \`src/telemetry/events.ts\` and \`src/telemetry/metrics.ts\` by \`npm run golden\`; do not edit.

The service writes one JSON line per event to stderr, with \`time\`, \`level\`, \`event\` and the fields below; \`"page":true\` marks what wakes
somebody. There is no way to log a sentence. *Planned* means that the row is defined and nothing sends it yet.

| event | level | pages | fields | |
|---|---|---|---|---|
${events.join("\n")}

## Metrics

Counted in memory; the endpoint that shows them is ${program.includes("metrics.render()") ? "\`/metrics\`" : "planned"}.

| metric | type | labels | meaning | |
|---|---|---|---|---|
${metrics.join("\n")}
`;
}

const PAGES = {
  "docs/spec/events.md": renderEvents,
  "docs/spec/errors.md": renderErrors,
  "docs/spec/operations.md": renderOperations,
};

describe("pages that are written from tables", () => {
  for (const [path, render] of Object.entries(PAGES)) {
    it(`${path} is written out freshly (npm run golden rewrites it)`, () => {
      const file = join(root, path);
      if (process.env["ROOTKEEP_UPDATE_GOLDEN"] === "1") writeFileSync(file, render());
      assert.equal(existsSync(file) ? readFileSync(file, "utf8") : "", render());
    });
  }
});
