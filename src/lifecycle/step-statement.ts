import { randomBytes } from "node:crypto";
import { canonicalJson, type JsonObject } from "../audit/canonical-json.js";
import type { Id } from "../kernel/ids.js";

/** What a second factor confirms of a checklist (docs/spec/approval-statement.md [AS-8]): there is no request whose hash would say it. */
export type StepStatement =
  | { readonly act: "begin"; readonly document: string | null }
  | { readonly act: "claim"; readonly step: string; readonly kind: string; readonly reference: string; readonly facts: JsonObject }
  | { readonly act: "attest"; readonly step: string; readonly claim: number };

/** Who states it, of which checklist, confirmed by which authenticator. */
export interface StepStating {
  readonly account: string;
  readonly checklist: Id<"checklist">;
  readonly person: Id<"person">;
  readonly authenticator: Id<"authenticator">;
}

/** Canonical JSON of the statement, with a challenge of its own. */
export function stepStatementText(statement: StepStatement, stating: StepStating): string {
  return canonicalJson({ format: "rk-step-statement-1", ...statement, ...stating, challenge: randomBytes(32).toString("hex") });
}
