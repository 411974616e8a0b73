import { createHash } from "node:crypto";
import { canonicalJson } from "../audit/canonical-json.js";
import type { ChecklistKind, Step, StepList } from "./checklist.js";
import { CLOSURE } from "./closure-steps.js";
import { HANDBACK } from "./handback-steps.js";
import { ONBOARDING } from "./onboarding-steps.js";
import { REOPENING } from "./reopening-steps.js";

/** Every checklist of this build. */
export const STEP_LISTS: Readonly<Record<ChecklistKind, StepList>> = {
  onboarding: ONBOARDING,
  closure: CLOSURE,
  reopening: REOPENING,
  handback: HANDBACK,
};

/** `s1-` and 16 hex digits over everything that the build says of checklists: a checklist's row names what it was begun under. */
export const STEPS_VERSION = `s1-${createHash("sha256").update(canonicalJson(STEP_LISTS), "utf8").digest("hex").slice(0, 16)}`;

/** The step `id` of a list, or undefined. */
export function stepOf(list: StepList, id: string): Step | undefined {
  return list.steps.find((step) => step.id === id);
}
