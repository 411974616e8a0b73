import { isId } from "../kernel/ids.js";
import { LIMITS } from "../kernel/limits.js";
import { type EntryAction, isEntryAction } from "./actions.js";
import { canonicalBytes, type JsonObject, type JsonValue, parseCanonical } from "./canonical-json.js";
import { leafHash } from "./chain.js";
import { commit, type Opening } from "./commitment.js";
import { type ActorType, brokenRule, ENTRY_KEYS, type Outcome } from "./entry-form.js";

/** Who acted. The id is opaque; the name belongs to the people's table and never enters the log. */
export interface EntryActor {
  readonly type: ActorType;
  readonly id?: string;
}

/** What was acted on. Members beside type and id are facts such as `version`, never a secret or its hash. */
export interface EntryTarget extends JsonObject {
  readonly type: string;
  readonly id: string;
}

/** What a use case knows of its entry; the place in the log is added under the audit lock by {@link buildEntry}. */
export interface EntryDraft {
  /** Event id, UUID of version 4, 7 or 8; unique in the log. An opening's is derived from the grant, so that it exists once. */
  readonly id: string;
  readonly action: EntryAction;
  readonly outcome: Outcome;
  readonly actor: EntryActor;
  readonly target?: EntryTarget;
  readonly request?: JsonObject;
  readonly details?: JsonObject;
  /** Our id of the account (`acc_…`) whose own chain the entry belongs to. */
  readonly stream?: string;
  /** `table/primary key` of every deciding row that the entry makes or changes; any order. */
  readonly rows?: readonly string[];
  /** Personal data: the entry gets salted commitments, `details.commitments`, the openings go to a table that can be erased. */
  readonly disclosures?: readonly { readonly field: string; readonly value: string }[];
}

/** The place of an entry in the log, read under the audit lock. */
export interface EntryPosition {
  /** Origin of the log. */
  readonly log: string;
  readonly seq: number;
  /** Leaf hash of entry `seq − 1`, 32 bytes; zeros for the first. */
  readonly prev: Buffer;
  /** `YYYY-MM-DDThh:mm:ss.ffffffZ`, the database's clock, never before the entry's predecessor. */
  readonly time: string;
  /** Place in the account's own chain; both or neither, as the draft has a stream. */
  readonly sseq?: number;
  readonly sprev?: Buffer;
}

/** An entry ready to be appended. */
export interface BuiltEntry {
  readonly id: string;
  /** What the bytes say. */
  readonly entry: JsonObject;
  /** The exact bytes that are stored, hashed and exported. */
  readonly bytes: Buffer;
  /** 32 bytes, docs/spec/audit-entry.md [AE-3]. */
  readonly leafHash: Buffer;
  readonly disclosures: readonly Opening[];
}

/** An entry as it was read. Keys that this build does not know are kept. */
export interface Entry extends JsonObject {
  readonly v: 1;
  readonly log: string;
  readonly seq: number;
  readonly prev: string;
  readonly id: string;
  readonly time: string;
  readonly action: string;
  readonly outcome: Outcome;
  readonly actor: { readonly type: ActorType; readonly id?: string } & JsonObject;
}

/** The members of an entry that it may lack, as typed values; what {@link parseEntry} has checked needs no second look. */
export interface EntryExtras {
  readonly target: EntryTarget | undefined;
  readonly details: JsonObject | undefined;
  readonly commitments: Readonly<Record<string, string>>;
  readonly stream: { readonly id: string; readonly sseq: number; readonly sprev: string } | undefined;
  readonly rows: readonly string[];
}

/**
 * Puts `draft` at its place and writes the bytes that last.
 * @param newSalt for vectors only.
 * @throws Error when a rule of docs/spec/audit-entry.md is broken, the action is on no list or the entry is too large: bugs all, and
 * the act does not happen, because its entry cannot be written.
 */
export function buildEntry(draft: EntryDraft, position: EntryPosition, newSalt?: () => Buffer): BuiltEntry {
  if (!isEntryAction(draft.action)) throw new Error("audit entry: action is on no list");
  const disclosures = (draft.disclosures ?? []).map(({ field, value }) => ({ field, value, ...commit(field, value, newSalt?.()) }));
  const details = withCommitments(draft.details, disclosures);
  const { stream, sseq, sprev } = placeInStream(draft.stream, position);
  const { target, request, rows } = draft;
  // In the order of the canonical form, which the writer then need not sort.
  const entry: Record<string, JsonValue> = { action: draft.action, actor: actorOf(draft.actor) };
  if (details !== undefined) entry["details"] = details;
  entry["id"] = draft.id;
  entry["log"] = position.log;
  entry["outcome"] = draft.outcome;
  entry["prev"] = position.prev.toString("hex");
  if (request !== undefined) entry["request"] = request;
  // One form for one meaning: no empty list, each row once, sorted.
  if (rows !== undefined && rows.length > 0) entry["rows"] = [...new Set(rows)].sort();
  entry["seq"] = position.seq;
  if (stream !== undefined) Object.assign(entry, { sprev, sseq, stream });
  if (target !== undefined) entry["target"] = target;
  entry["time"] = position.time;
  entry["v"] = 1;

  const bytes = canonicalBytes(entry);
  const rule = brokenRule(entry);
  if (rule !== null) throw new Error(`audit entry: ${rule}`);
  if (bytes.length > LIMITS.entryBytesMax) throw new Error("audit entry: too large [AE-1]");
  return {
    id: draft.id,
    entry,
    bytes,
    leafHash: leafHash(bytes),
    disclosures: disclosures.map(({ field, salt, value }) => ({ field, salt, value })),
  };
}

function actorOf({ id, type }: EntryActor): JsonObject {
  return id === undefined ? { type } : { id, type };
}

function placeInStream(
  stream: string | undefined,
  { sseq, sprev }: EntryPosition,
): { readonly stream?: string; readonly sseq?: number; readonly sprev?: string } {
  if (stream === undefined && sseq === undefined && sprev === undefined) return {};
  if (stream === undefined || sseq === undefined || sprev === undefined) {
    throw new Error("audit entry: a stream needs its place, and a place its stream");
  }
  if (!isId("account", stream)) throw new Error("audit entry: stream is no account id");
  return { stream, sseq, sprev: sprev.toString("hex") };
}

function withCommitments(
  details: JsonObject | undefined,
  disclosures: readonly { readonly field: string; readonly commitment: string }[],
): JsonObject | undefined {
  if (details !== undefined && Object.hasOwn(details, "commitments")) throw new Error("audit entry: commitments are made here");
  if (disclosures.length === 0) return details;
  const commitments = Object.fromEntries(disclosures.map(({ field, commitment }) => [field, commitment]));
  if (Object.keys(commitments).length !== disclosures.length) throw new Error("audit entry: a field is disclosed twice");
  return { ...details, commitments };
}

/**
 * The entry that `bytes` are, if they are canonical and keep every rule of their version.
 * @throws Error naming the broken rule, never the content.
 */
export function parseEntry(bytes: Uint8Array): Entry {
  const entry = parseCanonicalEntry(bytes);
  const rule = brokenRule(entry);
  if (rule !== null) throw new Error(rule);
  return entry as Entry;
}

/**
 * The first half of {@link parseEntry}: size and canonical form only, so that a verifier can report form and meaning apart.
 * @throws Error naming the broken rule, never the content.
 */
export function parseCanonicalEntry(bytes: Uint8Array): JsonObject {
  if (bytes.length < 2 || bytes.length > LIMITS.entryBytesMax) throw new Error("is not between 2 and 16384 bytes long [AE-1]");
  return parseCanonical(bytes);
}

/** The optional members of an entry that {@link parseEntry} accepted. */
export function entryExtras(entry: Entry): EntryExtras {
  const details = entry["details"] as JsonObject | undefined;
  const stream = entry["stream"] as string | undefined;
  return {
    target: entry["target"] as EntryTarget | undefined,
    details,
    commitments: (details?.["commitments"] as Readonly<Record<string, string>> | undefined) ?? {},
    stream: stream === undefined ? undefined : { id: stream, sseq: entry["sseq"] as number, sprev: entry["sprev"] as string },
    rows: (entry["rows"] as readonly string[] | undefined) ?? [],
  };
}

/** What a reader of this build does not know about an entry in good form; constant texts, empty for most entries [AE-16]. */
export function entryWarnings(entry: Entry): readonly string[] {
  const isKnown = isEntryAction(entry.action);
  let hasUnknownKey = false;
  for (const key in entry) if (!ENTRY_KEYS.has(key)) hasUnknownKey = true;
  if (isKnown && !hasUnknownKey) return NO_WARNINGS;
  return [...(isKnown ? [] : ["action is unknown to this version"]), ...(hasUnknownKey ? ["a key is unknown to this version"] : [])];
}

const NO_WARNINGS: readonly string[] = Object.freeze([]);
