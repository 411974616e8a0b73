import type { JsonObject } from "../audit/canonical-json.js";
import { type FieldError, RootkeepError } from "../kernel/errors.js";
import { type Id, isId } from "../kernel/ids.js";
import type { VersionState } from "./secret-version.entity.js";

/**
 * What is found out about a candidate. `works`: it becomes the working value. `does-not-work`: it is given up, and kept. `may-work`: one that
 * was given up is in doubt again, because of what came to light later.
 */
export const VERDICTS = ["works", "does-not-work", "may-work"] as const;
export type Verdict = (typeof VERDICTS)[number];

/** States in which each verdict can be given. */
const JUDGED_STATES: Readonly<Record<Verdict, readonly VersionState[]>> = {
  works: ["AMBIGUOUS"],
  "does-not-work": ["STAGED", "AMBIGUOUS"],
  "may-work": ["ABANDONED"],
};

/** What a verdict rests on. `never-shown`: there is nothing to find out about a value that nobody has seen. */
export type Evidence =
  | { readonly kind: "sign-in"; readonly personId: Id<"person">; readonly at: string }
  | { readonly kind: "cloudtrail"; readonly eventIds: readonly string[] }
  | { readonly kind: "never-shown" };

/** A verdict as somebody asks for it. */
export interface AskedVerdict {
  readonly versionId: Id<"version">;
  readonly verdict: Verdict;
  readonly evidence: Evidence;
}

/** What the vault knows of the candidate. */
export interface JudgedCandidate {
  readonly state: VersionState;
  readonly kind: string;
  readonly createdAt: Date;
  readonly appliers: readonly string[];
  /** Everybody who opened it. */
  readonly readers: ReadonlySet<string>;
  /** It is checked out: whoever holds the grant may be setting it at this moment. */
  readonly isHeld: boolean;
  /** Something newer has taken its place, or is about to. */
  readonly hasNewer: boolean;
}

const EVENT_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const EVENTS_MAX = 8;
const TIME_CHARS_MAX = 35;

/**
 * The verdict that `subject` states.
 * @throws RootkeepError `MALFORMED`
 */
export function parseVerdict(subject: Readonly<Record<string, unknown>>): AskedVerdict {
  const { versionId, verdict, evidence } = subject;
  const fields: FieldError[] = [];
  if (!isId("version", versionId)) fields.push({ field: "subject.versionId", rule: "is the id of a version" });
  const known = VERDICTS.find((word) => word === verdict);
  if (known === undefined) fields.push({ field: "subject.verdict", rule: `is one of ${VERDICTS.join(", ")}` });
  const parsed = parseEvidence(evidence);
  if (parsed === null) {
    const rule = "is {kind: sign-in, personId, at}, {kind: cloudtrail, eventIds} or {kind: never-shown}";
    fields.push({ field: "subject.evidence", rule });
  }
  if (!isId("version", versionId) || known === undefined || parsed === null) throw new RootkeepError("MALFORMED", { fields });
  return { versionId, verdict: known, evidence: parsed };
}

function parseEvidence(evidence: unknown): Evidence | null {
  if (typeof evidence !== "object" || evidence === null) return null;
  const { kind, ...rest } = evidence as Readonly<Record<string, unknown>>;
  const members = Object.keys(rest).sort().join();
  if (kind === "never-shown" && members === "") return { kind };
  if (kind === "sign-in" && members === "at,personId") return parseSignIn(rest);
  return kind === "cloudtrail" && members === "eventIds" ? parseEvents(rest["eventIds"]) : null;
}

function parseSignIn({ personId, at }: Readonly<Record<string, unknown>>): Evidence | null {
  const time = typeof at === "string" && at.length <= TIME_CHARS_MAX ? new Date(at) : null;
  if (!isId("person", personId) || time === null || Number.isNaN(time.getTime())) return null;
  return { kind: "sign-in", personId, at: time.toISOString() };
}

function parseEvents(eventIds: unknown): Evidence | null {
  if (!Array.isArray(eventIds) || eventIds.length < 1 || eventIds.length > EVENTS_MAX) return null;
  const isEvent = (id: unknown): id is string => typeof id === "string" && EVENT_ID.test(id);
  return eventIds.every(isEvent) ? { kind: "cloudtrail", eventIds: [...eventIds] } : null;
}

/** The rule that the verdict breaks, or null: what nobody can have found out is not believed, whoever says so. */
export function verdictObstacle(candidate: JudgedCandidate, { verdict, evidence }: AskedVerdict, now: Date): string | null {
  if (!JUDGED_STATES[verdict].includes(candidate.state)) return "the version's state does not allow this verdict";
  if (candidate.isHeld) return "the candidate is checked out: whoever holds it may be setting it now";
  if (verdict === "may-work" && candidate.hasNewer) return "something newer has taken the place of what was given up";
  if ((candidate.state === "STAGED") !== (evidence.kind === "never-shown")) {
    return "evidence never-shown is of a candidate that nobody was shown, and of no other";
  }
  return evidence.kind === "sign-in" ? signInObstacle(candidate, evidence, now) : null;
}

function signInObstacle(
  { kind, createdAt, appliers, readers }: JudgedCandidate,
  { personId, at }: Extract<Evidence, { kind: "sign-in" }>,
  now: Date,
): string | null {
  const time = new Date(at);
  if (time > now || time < createdAt) return "the sign-in lies between the staging and now";
  if (appliers.includes(personId)) return "somebody else than who was to set the candidate has to sign in";
  // A code's reader leaves no trace of this kind; of a password everybody does.
  return kind === "root-password" && !readers.has(personId) ? "who signs in was shown the candidate, by the log" : null;
}

/** The evidence as request and entry hold it. */
export function evidenceDetails(evidence: Evidence): JsonObject {
  return evidence.kind === "cloudtrail" ? { ...evidence, eventIds: [...evidence.eventIds] } : { ...evidence };
}
