import type { UUID } from "node:crypto";
import { CONFIG_WARNINGS } from "../config/config.js";
import { NOTICE_CHANNELS, ROOT_KEY_DOMAINS, STREAM_SINKS, TICKET_SYSTEMS } from "../config/reference.js";
import type { ErrorCode } from "../kernel/errors.js";
import { ERRORS } from "../kernel/errors.js";
import type { Id } from "../kernel/ids.js";
import { OPERATION_NAMES, ROLES } from "../kernel/operations.js";
import type { Site, Slug } from "./site.js";

/** Kinds of a field. None of them takes a free text, which is how secrets, cells and SQL parameters stay out of the log (law L8). */
export type FieldKind = "id" | "number" | "boolean" | "slug" | "site" | readonly string[];

/** `error`: someone must look. `warn`: someone will have to if it goes on. `info`: start, stop, change of state. */
export type EventLevel = "info" | "warn" | "error";

/** One row of the list of events. */
export interface EventRow {
  readonly level: EventLevel;
  /** Wakes somebody: the line carries `"page":true` for the alerting rule to match. */
  readonly pages?: true;
  readonly fields: Readonly<Record<string, FieldKind>>;
}

const ERROR_CODES = Object.keys(ERRORS) as ErrorCode[];

const REQUEST_FIELDS = {
  code: ERROR_CODES,
  operation: OPERATION_NAMES,
  requestId: "id",
  status: "number",
  durationMs: "number",
  reason: "slug",
  site: "site",
} as const;

/** A call that met one of the faults that somebody must look at; `request.broken` or `request.failed` has the rest. */
const ALARM_FIELDS = { operation: OPERATION_NAMES, requestId: "id", reason: "slug" } as const;

/** The closed list of what the service says to its operators. What happened to a credential is the audit log's to say, not this one's. */
export const EVENTS = {
  "service.starting": {
    level: "info",
    fields: { version: "slug", deployment: "slug", isProduction: "boolean", role: ["all", "api", "sign"] },
  },
  "service.listening": { level: "info", fields: { port: "number" } },
  "service.stopping": { level: "info", fields: { reason: ["signal", "error", "request"] } },
  "service.failed": { level: "error", pages: true, fields: { code: ERROR_CODES, site: "site" } },
  "config.warning": { level: "warn", fields: { warning: CONFIG_WARNINGS } },
  "config.trial_settings": { level: "warn", fields: { count: "number" } },
  "config.unapproved": { level: "error", pages: true, fields: {} },
  "database.ready": { level: "info", fields: { kind: ["embedded", "external"], isAdopted: "boolean", migrations: "number" } },
  "database.warning": { level: "warn", fields: { rule: "slug" } },
  "root_key.file_in_use": { level: "warn", fields: { domain: ROOT_KEY_DOMAINS } },
  "root_key.unavailable": { level: "error", fields: ALARM_FIELDS },
  "escrow.progress": { level: "info", fields: { wrapped: "number", missing: "number" } },
  "second_store.progress": { level: "info", fields: { copied: "number", missing: "number" } },
  "second_store.unavailable": { level: "warn", fields: { reason: "slug" } },
  "second_store.changed": { level: "error", pages: true, fields: { table: "slug", id: "id" } },
  "audit.append_failed": { level: "error", fields: { code: ERROR_CODES, sqlState: "slug" } },
  "audit.chain_broken": { level: "error", pages: true, fields: { seq: "number" } },
  "audit.entry_forged": { level: "error", pages: true, fields: { seq: "number", reason: "slug" } },
  "audit.rollback_detected": { level: "error", pages: true, fields: { seq: "number" } },
  "audit.openings_stopped": { level: "error", fields: { entries: "number", seconds: "number" } },
  "audit.decisions_stopped": { level: "error", pages: true, fields: { entries: "number", seconds: "number" } },
  "audit.signed_again": { level: "info", fields: { seconds: "number" } },
  "audit.heartbeat_failed": { level: "warn", fields: { code: ERROR_CODES, reason: "slug" } },
  "signer.started": { level: "info", fields: { key: ["file", "aws-kms"] } },
  "signer.leading": { level: "info", fields: {} },
  "signer.waiting": { level: "warn", fields: { seconds: "number" } },
  "signer.failed": { level: "warn", fields: { code: ERROR_CODES, reason: "slug" } },
  "signer.halted": { level: "error", pages: true, fields: { code: ERROR_CODES, seq: "number", reason: "slug" } },
  "anchor.failed": { level: "warn", fields: { anchor: "slug", reason: "slug" } },
  "anchor.unreached": { level: "error", pages: true, fields: { anchor: "slug", seconds: "number" } },
  "witness.missing": { level: "error", pages: true, fields: { witness: "slug", seconds: "number" } },
  "anchor.contradicted": { level: "error", pages: true, fields: { anchor: "slug", reason: "slug" } },
  "stream.leading": { level: "info", fields: { sink: STREAM_SINKS } },
  "stream.failed": { level: "warn", fields: { sink: STREAM_SINKS, reason: "slug" } },
  "stream.behind": { level: "warn", fields: { sink: STREAM_SINKS, entries: "number", seconds: "number" } },
  "stream.rolled_back": {
    level: "error",
    pages: true,
    fields: { sink: STREAM_SINKS, delivered: "number", size: "number", resumed: "number" },
  },
  "notice.failed": { level: "warn", fields: { channel: NOTICE_CHANNELS, reason: "slug" } },
  "notice.dead": { level: "error", fields: { channel: NOTICE_CHANNELS, reason: "slug" } },
  "tickets.unavailable": { level: "warn", fields: { system: TICKET_SYSTEMS, reason: "slug" } },
  "ticket_update.failed": { level: "warn", fields: { system: TICKET_SYSTEMS, reason: "slug" } },
  "ticket_update.dead": { level: "error", pages: true, fields: { system: TICKET_SYSTEMS, id: "id", reason: "slug" } },
  "row.refused": { level: "error", pages: true, fields: { table: "slug", id: "id", reason: "slug" } },
  "seal.broken": { level: "error", pages: true, fields: { ...ALARM_FIELDS, table: "slug", id: "id" } },
  "clock.skew": { level: "error", fields: ALARM_FIELDS },
  "request.failed": {
    level: "warn",
    fields: REQUEST_FIELDS,
  },
  "request.broken": {
    level: "error",
    fields: REQUEST_FIELDS,
  },
  "provider.failed": { level: "warn", fields: { step: ["discover", "exchange", "standing", "logout"], reason: "slug" } },
  "signin.failed_count": { level: "warn", fields: { count: "number", seconds: "number" } },
  "import.progress": { level: "info", fields: { importId: "id", imported: "number", rows: "number", errors: "number", isDone: "boolean" } },
  "founding.invitations_written": { level: "info", fields: { count: "number" } },
  "allowlist.due": { level: "warn", fields: { entries: "number", days: "number" } },
  "allowlist.lapsed": { level: "warn", fields: { entry: "id", person: "id", role: ROLES } },
  "allowlist.custodians_kept": { level: "error", pages: true, fields: { custodians: "number" } },
  "custodians.recovered": { level: "error", pages: true, fields: { seq: "number" } },
  "coverage.changed": { level: "warn", fields: { uncovered: "number", accounts: "number" } },
  "destruction.repeated": { level: "error", pages: true, fields: { accountId: "id", rows: "number" } },
  "destruction.failed": { level: "error", fields: { code: ERROR_CODES } },
  "posture.progress": { level: "info", fields: { taken: "number", failed: "number", due: "number" } },
  "posture.failed": { level: "warn", fields: { account: "id", reason: "slug" } },
  "posture.changed": { level: "error", fields: { account: "id" } },
  "sweeper.finished": { level: "info", fields: { job: "slug", rows: "number" } },
  "sweeper.failed": { level: "error", fields: { job: "slug", code: ERROR_CODES } },
} as const satisfies Record<string, EventRow>;

export type EventName = keyof typeof EVENTS;

/** The type of a value of a field of `Kind`. An id is a kernel id or a UUID: a plain `string` does not compile. */
export type FieldValue<Kind> = Kind extends "id"
  ? Id | UUID
  : Kind extends "number"
    ? number
    : Kind extends "boolean"
      ? boolean
      : Kind extends "slug"
        ? Slug
        : Kind extends "site"
          ? Site
          : Kind extends readonly (infer Choice)[]
            ? Choice
            : never;

/** The fields of `Name`. Each may be left out (`undefined`) where it is not known; the line then goes without it. */
export type FieldsOf<Name extends EventName> = {
  readonly [Field in keyof (typeof EVENTS)[Name]["fields"]]?: FieldValue<(typeof EVENTS)[Name]["fields"][Field]> | undefined;
};
