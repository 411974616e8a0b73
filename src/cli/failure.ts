import { printable } from "./output.js";

/** Exit status of the command line; `audit verify` has its own (0 intact, 1 tampered, 2 incomplete, 3 usage). */
export const EXIT = { ok: 0, local: 1, refused: 2, usage: 3 } as const;

/** Something went wrong on this side: a file, the network, an answer that makes no sense. The message holds no secret. */
export class LocalError extends Error {}

/** The command was not understood; the usage is shown with it. The message quotes no argument, which may be a secret put in the wrong place. */
export class UsageError extends Error {}

/** One broken rule of a problem document. */
export interface RefusedField {
  readonly field: string;
  readonly rule: string;
  readonly line?: number;
}

/** What the server said no with: a problem document (RFC 9457), read leniently, because an older client meets a newer server. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly requestId: string;
  readonly errors: readonly RefusedField[];
  /** Members of the document that are none of the above, such as `way` or `seq`. */
  readonly facts: Readonly<Record<string, string | number | boolean>>;
}

/** The server refused. */
export class RefusedError extends Error {
  constructor(readonly refusal: Refusal) {
    super(`${refusal.code}: ${refusal.title}`);
    this.name = "RefusedError";
  }
}

const MEMBERS = new Set(["type", "title", "status", "detail", "instance", "code", "requestId", "errors"]);

/** The refusal that a problem document states, or null if `document` is none. */
export function readRefusal(status: number, document: unknown): Refusal | null {
  if (typeof document !== "object" || document === null || Array.isArray(document)) return null;
  const members = document as Readonly<Record<string, unknown>>;
  const { code, title, requestId, errors } = members;
  if (typeof code !== "string") return null;
  return {
    status,
    code,
    title: typeof title === "string" ? title : "",
    requestId: typeof requestId === "string" ? requestId : "unknown",
    errors: Array.isArray(errors) ? (errors as readonly unknown[]).flatMap(readField) : [],
    facts: readFacts(members),
  };
}

/** The refusal for a person to read: code and meaning first, then what helps, the request id last. */
export function renderRefusal(refusal: Refusal): string {
  const lines = [`refused: ${refusal.code} (${String(refusal.status)}) ${refusal.title}`];
  for (const [name, value] of Object.entries(refusal.facts)) lines.push(`  ${name}: ${String(value)}`);
  for (const { field, rule, line } of refusal.errors)
    lines.push(`  ${line === undefined ? "" : `line ${String(line)}: `}${field}: ${rule}`);
  lines.push(`  request id: ${refusal.requestId}`);
  return `${lines.map(printable).join("\n")}\n`;
}

function readFacts(members: Readonly<Record<string, unknown>>): Record<string, string | number | boolean> {
  const facts: Record<string, string | number | boolean> = {};
  for (const [name, value] of Object.entries(members)) {
    if (MEMBERS.has(name)) continue;
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") facts[name] = value;
  }
  return facts;
}

function readField(value: unknown): RefusedField[] {
  if (typeof value !== "object" || value === null) return [];
  const { field, rule, line } = value as Readonly<Record<string, unknown>>;
  if (typeof field !== "string" || typeof rule !== "string") return [];
  return [{ field, rule, ...(typeof line === "number" ? { line } : {}) }];
}

/** True if `error` is the server's refusal with `code`. */
export function isRefused(error: unknown, code: string): error is RefusedError {
  return error instanceof RefusedError && error.refusal.code === code;
}
