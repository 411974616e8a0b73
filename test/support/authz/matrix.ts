// Tries every call as everybody, and notes what the application answers.
import { newId } from "../../../src/kernel/ids.js";
import { type Operation, ROLES, type Role, ruleOf } from "../../../src/kernel/operations.js";
import { type Answer, send } from "./caller.js";
import type { Actor } from "./people.js";
import { COLUMNS, type Column, type IdName, PARTIES, type Party, RELATIONS, type Relation, type Target } from "./relation.js";
import type { Row } from "./rows.js";
import type { Stage, Subject } from "./stage.js";

/** What is noted where there is nobody who could try, or nothing to be tried. */
export const NOBODY = ".";
export const PASS = "pass";
const WIDTH = "STEP_UP_REQUIRED".length;

/** One row as one role. */
export interface Line {
  readonly row: Row;
  readonly role: Role;
  readonly cells: Readonly<Record<Column, string>>;
}

/** What of a call is not as it should be. */
interface Flaw {
  readonly code?: string;
  readonly isUnknown?: boolean;
  /** Of this one the thing is orphaned. */
  readonly orphanOf?: Party;
}

/** The operation by which the edge judges a row: a guarded act of custodians is asked for and approved like every other. */
export function edgeOperation({ operation, step, route }: Row): Operation {
  if (step === "ask") return "request.submit";
  return step === "approve" && route.endsWith("approvals") ? "request.approve" : operation;
}

/** Every row as every role. Rows come one after the other, roles side by side where they can: nothing of one role is another's. */
export async function matrixOf(stage: Stage, rows: readonly Row[]): Promise<readonly Line[]> {
  const lines: Line[] = [];
  for (const row of rows) {
    if (row.isAlone === true) for (const role of ROLES) lines.push(await lineOf(stage, row, role));
    else lines.push(...(await Promise.all(ROLES.map((role) => lineOf(stage, row, role)))));
  }
  return lines;
}

async function lineOf(stage: Stage, row: Row, role: Role): Promise<Line> {
  const cells: Partial<Record<Column, string>> = {};
  const hasFactor = ruleOf(edgeOperation(row)).stepUp;
  let first: Relation | undefined;
  for (const relation of RELATIONS) {
    if (!isThere(row, role, relation)) continue;
    const { cell, code } = await attempt(stage, row, role, relation);
    cells[relation] = cell;
    if (cell !== PASS || first !== undefined) continue;
    first = relation;
    // Its time still runs: it is refused because it was taken.
    if (hasFactor) cells.used = (await attempt(stage, row, role, relation, { code })).cell;
  }
  const by = first ?? "other";
  const { app } = stage.actor(row.circle, role, by);
  if (first !== undefined && hasFactor) cells.stale = (await attempt(stage, row, role, by, { code: app.stale() })).cell;
  if (first !== undefined && row.orphanOf !== undefined) {
    cells.orphan = (await attempt(stage, row, role, by, { orphanOf: row.orphanOf })).cell;
  }
  if (row.id !== undefined) cells.unknown = (await attempt(stage, row, role, by, { isUnknown: true })).cell;
  return { row, role, cells: Object.fromEntries(COLUMNS.map((column) => [column, cells[column] ?? NOBODY])) as Record<Column, string> };
}

/** Custodians have no part of the accounts: the allowlist refuses such an entry. */
function isThere(row: Row, role: Role, relation: Relation): boolean {
  if (PARTIES.some((party) => party === relation)) return row.parties.some((party) => party === relation);
  return relation !== "outside" || role !== "custodian";
}

/** Tries with a code of its own unless one is given. */
async function attempt(stage: Stage, row: Row, role: Role, relation: Relation, flaw: Flaw = {}): Promise<{ cell: string; code: string }> {
  const { kind, circle, leaver } = row;
  const own: Subject = { kind, circle, role, relation, leaver };
  const subject: Subject = flaw.orphanOf === undefined ? own : { ...own, relation: "suspended", leaver: flaw.orphanOf };
  const target = await stage.target(subject);
  const actor = stage.actor(circle, role, relation);
  const hasFactor = ruleOf(edgeOperation(row)).stepUp;
  const code = flaw.code ?? (hasFactor ? await actor.app.next() : "");
  const answer = await call(stage, row, actor, target, { ...flaw, code });
  if (answer.status >= 400) return { cell: answer.code, code };
  if (row.isUsedUp && flaw.isUnknown !== true) stage.forget(subject, row.operation.startsWith("grant."));
  return { cell: PASS, code };
}

async function call(stage: Stage, row: Row, actor: Actor, target: Target, { code = "", isUnknown = false }: Flaw): Promise<Answer> {
  const [verb = "", path = ""] = row.route.split(" ");
  const id = row.id === undefined ? "" : isUnknown ? unknownId(row.id) : (target[row.id] ?? "");
  const filled = path
    .replace(/\{(?:id|reference)\}/, id)
    .replace("{session}", target.session ?? "")
    .replace("{seq}", "0")
    .replace("{step}", "O1")
    .replace("{path}", "0/000.p/1");
  const query = row.query === undefined ? "" : `?${row.query}`;
  return await send(stage.rest.address, { verb, path: filled + query, token: actor.token, ...row.body?.({ target, code }) });
}

function unknownId(name: IdName): string {
  if (name === "ticket") return "OPS-999999";
  return newId(name === "entry" ? "allowlist" : name);
}

/** The table as it is checked in. */
export function render(lines: readonly Line[], explanation: readonly string[]): string {
  const table = [["operation", "call", "role", ...COLUMNS]];
  for (const { row, role, cells } of lines) table.push([row.operation, nameOf(row), role, ...COLUMNS.map((column) => cells[column])]);
  const longest = (column: number): number => Math.max(...table.map((line) => line[column]?.length ?? 0));
  // The columns of answers are as wide as the widest code there can be, so that one changed cell is one changed line.
  const widths = [longest(0), longest(1), longest(2), ...COLUMNS.map(() => WIDTH)];
  const text = table.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  return `${[...explanation.map((line) => `# ${line}`.trimEnd()), ...text].join("\n")}\n`;
}

/** What is done: the step of a guarded act, or verb and path, and to what of several. */
export function nameOf({ step, route, variant = "" }: Row): string {
  const name = step ?? route.replace("/v1/", "");
  return variant === "" ? name : `${name}, ${variant}`;
}
