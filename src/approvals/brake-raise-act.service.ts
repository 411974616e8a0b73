import { draftEntry, personActor } from "../audit/draft.js";
import { OPENING_WINDOW_MINUTES_MAX } from "../audit/opening-window.js";
import { plusSeconds } from "../kernel/clock.js";
import { type FieldError, RootkeepError } from "../kernel/errors.js";
import { type Id, isId, newId } from "../kernel/ids.js";
import { assertKnownPerson } from "../people/people.service.js";
import { BrakeRaise } from "./brake-raise.entity.js";
import type { GuardedAct } from "./guarded-act.port.js";
import { CUSTODIAN_ACT, custodianForm, partiesOf } from "./people-acts.service.js";

interface RaiseForm {
  readonly personId: Id<"person"> | null;
  readonly openings: number;
  readonly minutes: number;
}

const OPENINGS_MAX = 10_000;

/** The guarded act `brake.raise`: two custodians let more openings through for a time, of one person or of the deployment. */
export function brakeRaiseAct(): GuardedAct {
  return {
    ...CUSTODIAN_ACT,
    operation: "brake.raise",
    async check(tx, form) {
      const { personId, openings, minutes } = parseForm(form.subject);
      if (personId !== null) await assertKnownPerson(tx, personId);
      return custodianForm({ personId, openings, minutes }, { personId });
    },
    async apply(tx, decided) {
      const { personId, openings, minutes } = parseForm(decided.body.subject);
      const parties = partiesOf(decided);
      // Not the clock of the approval's beginning: the raise begins when it is written.
      const now = await tx.clock();
      const validTo = plusSeconds(now, minutes * 60);
      const raise = tx.insert(BrakeRaise, { id: newId("raise"), personId, openings, validFrom: now, validTo });
      const draft = draftEntry({
        action: "brake.raise",
        outcome: "committed",
        actor: personActor(parties.askedBy),
        target: personId === null ? { type: "brake", id: "deployment" } : { type: "person", id: personId },
        request: { id: parties.requestId },
        details: { openings, validTo: validTo.toISOString(), approvedBy: parties.approvedBy },
      });
      return [{ draft, rows: [raise] }];
    },
  };
}

function parseForm({ personId = null, openings, minutes }: Readonly<Record<string, unknown>>): RaiseForm {
  const isKnown = personId === null || isId("person", personId);
  const fields: FieldError[] = [
    ...(isKnown ? [] : [{ field: "subject.personId", rule: "is the id of a person, or absent for the deployment" }]),
    ...(isWhole(openings, OPENINGS_MAX) ? [] : [{ field: "subject.openings", rule: `is a whole number, 1 to ${String(OPENINGS_MAX)}` }]),
    ...(isWhole(minutes, OPENING_WINDOW_MINUTES_MAX) ? [] : [{ field: "subject.minutes", rule: "is a whole number, 1 to 1440" }]),
  ];
  if (!isKnown || !isWhole(openings, OPENINGS_MAX) || !isWhole(minutes, OPENING_WINDOW_MINUTES_MAX)) {
    throw new RootkeepError("MALFORMED", { fields });
  }
  return { personId, openings, minutes };
}

function isWhole(value: unknown, max: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= max;
}
