import { PURPOSE_KINDS } from "../approvals/purpose.js";
import { ChoiceField, CodeField, SHOWN, Shown } from "../wire/fields.js";

const RECEIPT =
  "C2SP tlog-proof of the intent's entry: keep it, it proves later, to anybody, that the log held the entry. Null in a trial that does not wait for signatures.";

/** Opens one value, with a fresh second factor. */
export class OpeningForm {
  @ChoiceField(PURPOSE_KINDS) readonly kind!: string;
  @CodeField() readonly code!: string;
}

/** Asks for the current code of the account's MFA seed, with a fresh second factor of one's own. */
export class CodeForm {
  @CodeField() readonly code!: string;
}

/** The value, this once. */
export class OpenedReply {
  @Shown({ ...SHOWN.text, description: "The value, shown this once." }) readonly value!: string;
  @Shown(SHOWN.text) readonly kind!: string;
  @Shown(SHOWN.id) readonly versionId!: string;
  @Shown({ ...SHOWN.count, description: "Position of the entry that made the opening possible." }) readonly intentSeq!: number;
  @Shown({ ...SHOWN.count, description: "Position of the entry that says how it ended." }) readonly outcomeSeq!: number;
  @Shown({ ...SHOWN.text, nullable: true, description: RECEIPT }) readonly receipt!: string | null;
}

/** A code, this once. */
export class OpenedCodeReply {
  @Shown({ type: "string", pattern: "^[0-9]{6}$", description: "The code, shown this once." }) readonly value!: string;
  @Shown(SHOWN.count) readonly validForSeconds!: number;
  @Shown({ ...SHOWN.count, description: "Position of the entry that made the opening possible." }) readonly intentSeq!: number;
  @Shown({ ...SHOWN.count, description: "Position of the entry that says how it ended." }) readonly outcomeSeq!: number;
  @Shown({ ...SHOWN.text, nullable: true, description: RECEIPT }) readonly receipt!: string | null;
}
