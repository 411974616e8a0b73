import type { JsonObject, JsonValue } from "./canonical-json.js";
import { type Entry, entryExtras } from "./entry.js";
import { isObject } from "./entry-form.js";

/** What a line of an evidence report is about (docs/evidence.md). */
export const REPORT_KINDS = [
  "request",
  "decision",
  "grant",
  "opening",
  "code",
  "check-in",
  "revocation",
  "allowlist",
  "person",
  "sign-in",
  "credential",
  "configuration",
  "other",
] as const;
export type ReportKind = (typeof REPORT_KINDS)[number];

/** The columns of a report, in their order. All but three hold ids, words of closed lists, or nothing: no reason, no name, no secret. */
export const REPORT_COLUMNS = [
  "seq",
  "leaf",
  "time",
  "kind",
  "action",
  "outcome",
  "actor",
  "person",
  "account",
  "request",
  "grant",
  "operation",
  "purpose",
  "secrets",
  "version",
  "number",
  "ticket",
  "approvals",
  "needed",
  "approvedBy",
  "role",
  "deliverTo",
  "refusal",
] as const;
type Column = (typeof REPORT_COLUMNS)[number];

/** One entry of the log as evidence: where it stands, and what it says, as far as it says it in the clear. */
export type ReportLine = Readonly<Record<Exclude<Column, "seq" | "kind" | "leaf">, string | number | null>> & {
  readonly seq: number;
  /** Leaf hash of the entry's bytes, hex: what an export is compared with. */
  readonly leaf: string;
  readonly kind: ReportKind;
};

/** Which lines are wanted; what is left out bars nothing. */
export interface ReportFilter {
  readonly person?: string;
  readonly account?: string;
  readonly kinds?: readonly ReportKind[];
}

/** The first that fits decides. An action that a later version adds is `other`: a report leaves nothing out that it does not know. */
const KINDS: readonly (readonly [string, ReportKind])[] = [
  ["request.approve", "decision"],
  ["request.deny", "decision"],
  ["request.opened", "grant"],
  ["request.", "request"],
  ["grant.revoke", "revocation"],
  ["grant.", "check-in"],
  ["secret.reveal", "opening"],
  ["secret.code", "code"],
  ["secret.", "credential"],
  ["candidate.", "credential"],
  ["account.", "credential"],
  ["import.", "credential"],
  ["key.", "credential"],
  ["allowlist.", "allowlist"],
  ["person.", "person"],
  ["people.", "person"],
  ["authenticator.", "person"],
  ["identity.", "person"],
  ["invitation.", "person"],
  ["founding.", "person"],
  ["session.", "sign-in"],
  ["config.", "configuration"],
  ["policy.", "configuration"],
];

/** The line of an entry at its place, or null for a heartbeat, which says nothing of anybody. */
export function reportLine(leaf: string, entry: Entry): ReportLine | null {
  if (entry.action === "log.heartbeat") return null;
  const { target, details = {}, stream } = entryExtras(entry);
  const request = isObject(entry["request"]) ? entry["request"] : {};
  const targetOf = (type: string): string | null => (target?.type === type ? target.id : null);
  return {
    seq: entry.seq,
    leaf,
    time: entry.time,
    kind: KINDS.find(([start]) => entry.action.startsWith(start))?.[1] ?? "other",
    action: entry.action,
    outcome: entry.outcome,
    actor: entry.actor.id ?? entry.actor.type,
    person: firstOf(details["person"], details["holders"], details["holder"], targetOf("person")),
    account: firstOf(stream?.id, targetOf("account")),
    request: firstOf(request["id"], targetOf("request")),
    grant: firstOf(request["grant"], targetOf("grant")),
    operation: firstOf(details["operation"]),
    purpose: firstOf(details["purpose"]),
    secrets: firstOf(details["kinds"], target?.["kind"]),
    version: targetOf("secret-version"),
    number: firstOf(details["opening"]),
    ticket: firstOf(details["ticket"]),
    approvals: firstOf(details["approvals"]),
    needed: firstOf(details["needed"]),
    approvedBy: firstOf(details["approvedBy"], details["approvers"]),
    role: firstOf(details["role"]),
    deliverTo: deliverToOf(details),
    refusal: entry.outcome === "denied" || entry.outcome === "error" ? firstOf(details["code"]) : null,
  };
}

/** True if the line is one of those that were asked for. A person is in it as who acted, whom it is about, or who approved. */
export function isWanted(line: ReportLine, { person, account, kinds }: ReportFilter): boolean {
  if (kinds !== undefined && !kinds.includes(line.kind)) return false;
  if (account !== undefined && line.account !== account) return false;
  return person === undefined || [line.actor, ...idsOf(line.person), ...idsOf(line.approvedBy)].includes(person);
}

/** The first of `values` that can stand in a cell; a list of texts stands there with blanks between. */
function idsOf(column: string | number | null): string[] {
  return column === null ? [] : String(column).split(" ");
}

function firstOf(...values: readonly (JsonValue | undefined)[]): string | number | null {
  for (const value of values) {
    if (typeof value === "string" || typeof value === "number") return value;
    if (Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === "string")) return [...new Set(value)].join(" ");
  }
  return null;
}

/** Thumbprint of the key that an opened value went to; null where the statement names none, or is none that we know. */
function deliverToOf(details: JsonObject): string | null {
  const statement = details["statement"];
  if (typeof statement !== "string") return null;
  try {
    const { opening } = JSON.parse(statement) as { readonly opening?: { readonly deliverTo?: unknown } };
    return typeof opening?.deliverTo === "string" ? opening.deliverTo : null;
  } catch {
    return null;
  }
}
