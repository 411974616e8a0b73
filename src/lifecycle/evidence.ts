import type { JsonObject } from "../audit/canonical-json.js";
import type { FieldError } from "../kernel/errors.js";
import { checkProse } from "../kernel/prose.js";
import { isDocumentHash } from "./account-states.js";
import { type Evidence, type EvidenceKind, isChecked, type Step } from "./checklist.js";

/** What a person names to have a step ticked, as it came over the wire. */
export interface EvidenceForm {
  readonly kind: EvidenceKind;
  /** Position in the log, id, or SHA-256; of an attestation nothing. */
  readonly reference: string | null;
  /** Of a CloudTrail event its name and its time. */
  readonly event: string | null;
  readonly at: string | null;
  /** What was done and seen, in words, for the person who looks as well. */
  readonly note: string;
}

/** Evidence in good form: of the step's kinds, with what its kind needs. */
export interface NamedEvidence {
  readonly accepted: Evidence;
  readonly reference: string;
  /** What is known of evidence that people stand for; of what the program checks, its source says it. */
  readonly facts: JsonObject;
  readonly note: string;
}

const EVENT_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const SEQ = /^(?:0|[1-9]\d{0,14})$/;
const REFERENCE = /^[!-~]{1,128}$/;
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?Z$/;
/** AWS's clock and the database's may differ by so much. */
const AHEAD_MS = 5 * 60_000;
/** Stands where a kind has nothing to refer to. */
const NOTHING = "-";

/**
 * The evidence that `form` names for `step`, or what is wrong with it.
 * @param begunAt nothing that happened at AWS before the checklist began counts.
 */
export function nameEvidence(step: Step, form: EvidenceForm, begunAt: Date, now: Date): NamedEvidence | { readonly errors: FieldError[] } {
  const accepted = step.evidence.find(({ kind }) => kind === form.kind);
  if (accepted === undefined) {
    const kinds = step.evidence.map(({ kind }) => kind).join(", ");
    return { errors: [{ field: "kind", rule: `is one that the step accepts: ${kinds}` }] };
  }
  const errors = [...checkReference(accepted, form), ...checkEvent(accepted, form, begunAt, now), ...checkNote(form)];
  if (errors.length > 0) return { errors };
  const facts: JsonObject =
    form.kind === "aws-event" ? { event: form.event, at: new Date(form.at ?? "").toISOString(), eventId: form.reference } : {};
  return { accepted, reference: form.kind === "attestation" ? NOTHING : (form.reference ?? NOTHING), facts, note: form.note.trim() };
}

interface ReferenceRule {
  readonly isGood: (reference: string) => boolean;
  readonly rule: string;
}

const OF_MODULE: ReferenceRule = { isGood: (reference) => REFERENCE.test(reference), rule: "is the id of what proves it" };

/** What names evidence of each kind; of an attestation there is nothing to name. */
const REFERENCES: Readonly<Record<Exclude<EvidenceKind, "attestation">, ReferenceRule>> = {
  document: { isGood: isDocumentHash, rule: "is the SHA-256 of the document, 64 lower-case hex digits" },
  "aws-event": { isGood: (reference) => EVENT_ID.test(reference), rule: "is the eventID of the CloudTrail event, a UUID in lower case" },
  entry: { isGood: (reference) => SEQ.test(reference), rule: "is the position of the entry in the log" },
  posture: OF_MODULE,
  rotation: OF_MODULE,
  destruction: OF_MODULE,
  mail: OF_MODULE,
};

function checkReference({ kind }: Evidence, { reference }: EvidenceForm): FieldError[] {
  if (kind === "attestation") return reference === null ? [] : [{ field: "reference", rule: "is left out of an attestation" }];
  const { isGood, rule } = REFERENCES[kind];
  return isGood(reference ?? "") ? [] : [{ field: "reference", rule }];
}

function checkEvent(accepted: Evidence, { event, at }: EvidenceForm, begunAt: Date, now: Date): FieldError[] {
  if (accepted.kind !== "aws-event") {
    return event === null && at === null ? [] : [{ field: "event", rule: "and at are of a CloudTrail event alone" }];
  }
  const errors: FieldError[] = [];
  if (event === null || !accepted.events.includes(event)) {
    errors.push({ field: "event", rule: `is the name of the event: ${accepted.events.join(", ")}` });
  }
  const ms = at !== null && TIME.test(at) ? Date.parse(at) : Number.NaN;
  if (Number.isNaN(ms)) errors.push({ field: "at", rule: "is the eventTime, RFC 3339 in UTC" });
  else if (ms > now.getTime() + AHEAD_MS) errors.push({ field: "at", rule: "is not in the future" });
  else if (ms < begunAt.getTime() - AHEAD_MS) errors.push({ field: "at", rule: "is not before the checklist was begun" });
  return errors;
}

/** What nobody but people can check, they say in words: "ok" is no attestation. */
function checkNote({ kind, note }: EvidenceForm): FieldError[] {
  return checkProse("note", note, isChecked(kind) ? 0 : 5);
}
