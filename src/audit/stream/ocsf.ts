import { isEntryAction } from "../actions.js";
import type { JsonObject, JsonValue } from "../canonical-json.js";
import { type Entry, entryExtras } from "../entry.js";
import type { Outcome } from "../entry-form.js";
import {
  OCSF_ACTIONS,
  OCSF_CLASSES,
  OCSF_UNKNOWN_ACTION,
  OCSF_VERSION,
  type OcsfClass,
  type OcsfKind,
  type Severity,
} from "./ocsf-actions.js";
import type { RollbackMarker } from "./rollback-marker.js";

const NAME = "Rootkeep";
const UNKNOWN = "unknown";
/** `type_id` of whatever the schema has no number for; `type` then says what it is. */
const OTHER = 99;

const SEVERITIES: Readonly<Record<Severity, string>> = { 1: "Informational", 2: "Low", 3: "Medium", 4: "High", 5: "Critical" };

/** OCSF `status_id` and, where the schema has no word of its own, our word for it. */
const STATUSES: Readonly<Record<Outcome, { readonly id: number; readonly name: string }>> = {
  committed: { id: 1, name: "Success" },
  allowed: { id: 1, name: "Success" },
  denied: { id: 2, name: "Failure" },
  error: { id: 2, name: "Failure" },
  unknown: { id: 0, name: "Unknown" },
  intent: { id: 99, name: "Intent" },
};

/** A refusal is worth a look; an act of which nobody knows how it ended asks for one. */
const SEVERITY_LEAST: Readonly<Partial<Record<Outcome, Severity>>> = { denied: 2, error: 3, unknown: 3 };

/** Members of an entry that stand in the event under another name, as they are; `unmapped` takes all the others [LS-5]. */
const CARRIED: ReadonlySet<string> = new Set(["action", "id", "log", "outcome", "seq", "time"]);

/** OCSF severity of `entry`, also where it is sent in another format. */
export function severityOf({ action, outcome }: Pick<Entry, "action" | "outcome">): Severity {
  const least = SEVERITY_LEAST[outcome] ?? 1;
  const { severity } = kindOf(action);
  return severity > least ? severity : least;
}

/**
 * `entry` as an event of OCSF {@link OCSF_VERSION} (docs/spec/log-stream.md). Nothing of the entry is lost: it can be put together again
 * from the event, to the byte. The schema's own profile for hashes of records is not released, so `unmapped` holds them.
 * @param leaf hash of the entry, 64 hex digits.
 */
export function ocsfEvent(entry: Entry, leaf: string): JsonObject {
  const kind = kindOf(entry.action);
  const { details } = entryExtras(entry);
  const intent = entry.outcome === "intent" ? entry.id : details?.["intent"];
  const status = STATUSES[entry.outcome];
  const metadata = {
    ...metadataOf(entry.log, entry.action, entry.time),
    uid: entry.id,
    sequence: entry.seq,
    ...(typeof intent === "string" ? { correlation_uid: intent } : {}),
  };
  const rest = Object.fromEntries(Object.entries(entry).filter(([key]) => !CARRIED.has(key)));
  return {
    ...classification(kind, severityOf(entry)),
    time: milliseconds(entry.time),
    message: `${entry.action} ${entry.outcome}`,
    status_id: status.id,
    status: status.name,
    status_code: entry.outcome,
    metadata,
    ...PARTS[kind.class](entry),
    unmapped: { ...rest, leaf },
  };
}

/** The marker of a rollback as an event: no entry, and the most severe that there is. */
export function ocsfMarker({ time, log, delivered, found, resumed }: RollbackMarker): JsonObject {
  return {
    ...classification(OCSF_UNKNOWN_ACTION, 5),
    time: milliseconds(time),
    message: "The log does not hold what was sent before: it was put back, replaced or rewritten.",
    status_id: 2,
    status: "Failure",
    metadata: metadataOf(log, "stream.rolled_back", time),
    unmapped: { delivered: { ...delivered }, found: { ...found }, resumed },
  };
}

function kindOf(action: string): OcsfKind {
  return isEntryAction(action) ? OCSF_ACTIONS[action] : OCSF_UNKNOWN_ACTION;
}

function classification({ class: name, activity, activityName }: OcsfKind, severity: Severity): JsonObject {
  const { uid, category, name: className } = OCSF_CLASSES[name];
  return {
    activity_id: activity,
    activity_name: activityName,
    category_uid: category,
    class_uid: uid,
    class_name: className,
    type_uid: uid * 100 + activity,
    severity_id: severity,
    severity: SEVERITIES[severity],
  };
}

function metadataOf(log: string, code: string, time: string): JsonObject {
  return { version: OCSF_VERSION, product: { name: NAME, vendor_name: NAME }, log_name: log, event_code: code, original_time: time };
}

/** What each class asks for beside what all have. */
const PARTS: Readonly<Record<OcsfClass, (entry: Entry) => JsonObject>> = {
  base: () => ({}),
  accountChange: (entry) => ({ actor: actorOf(entry), user: personOf(targetOf(entry, "person")) }),
  authentication: (entry) => ({
    actor: actorOf(entry),
    user: personOf(targetOf(entry, "person") ?? entry.actor.id),
    service: { name: NAME },
    ...sessionOf(entry),
  }),
  entityManagement: (entry) => ({ actor: actorOf(entry), entity: entityOf(entry) }),
  userAccess: (entry) => {
    const { details } = entryExtras(entry);
    return {
      actor: actorOf(entry),
      user: personOf(details?.["person"]),
      privileges: [textOr(details?.["role"], UNKNOWN)],
      ...resourcesOf(entry),
    };
  },
  applicationLifecycle: () => ({ app: { name: NAME, vendor_name: NAME } }),
  apiActivity: (entry) => ({
    actor: actorOf(entry),
    api: { operation: entry.action, service: { name: NAME } },
    // The schema asks for it; no address is ever written into the log.
    src_endpoint: { name: UNKNOWN },
    ...resourcesOf(entry),
  }),
};

function actorOf({ actor: { type, id } }: Entry): JsonObject {
  if (type === "person") return { user: personOf(id) };
  if (type === "anonymous") return { user: personOf(undefined) };
  return { app_name: NAME, ...(id === undefined ? {} : { app_uid: id }) };
}

/** A person by the opaque id; the name is not in the log. */
function personOf(id: JsonValue | undefined): JsonObject {
  return typeof id === "string" ? { uid: id, type_id: 1, type: "User" } : { name: UNKNOWN, type_id: 0, type: "Unknown" };
}

function targetOf(entry: Entry, type: string): string | undefined {
  const { target } = entryExtras(entry);
  return target?.type === type ? target.id : undefined;
}

function sessionOf(entry: Entry): JsonObject {
  const id = targetOf(entry, "session");
  return id === undefined ? {} : { session: { uid: id } };
}

function entityOf(entry: Entry): JsonObject {
  const { target } = entryExtras(entry);
  const [noun = UNKNOWN] = entry.action.split(".");
  // An act on no single thing, such as a row that was refused: the action's own noun stands for it.
  if (target === undefined) return { name: noun, type_id: OTHER, type: noun };
  return { uid: target.id, type_id: OTHER, type: target.type, ...versionOf(target) };
}

/** The target and the account whose chain the entry belongs to. */
function resourcesOf(entry: Entry): JsonObject {
  const { target, stream } = entryExtras(entry);
  const resources = [
    ...(target === undefined ? [] : [{ uid: target.id, type: target.type, ...versionOf(target) }]),
    ...(stream === undefined || stream.id === target?.id ? [] : [{ uid: stream.id, type: "account" }]),
  ];
  return resources.length === 0 ? {} : { resources };
}

function versionOf({ version }: JsonObject): JsonObject {
  return typeof version === "number" || typeof version === "string" ? { version: String(version) } : {};
}

function textOr(value: JsonValue | undefined, otherwise: string): string {
  return typeof value === "string" ? value : otherwise;
}

/** Milliseconds since 1970 of an entry's time, cut off; `original_time` has the microseconds. */
function milliseconds(time: string): number {
  return Date.parse(`${time.slice(0, 23)}Z`);
}
