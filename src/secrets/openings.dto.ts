import { WHICH_VERSION, type WhichVersion } from "../approvals/granted-version.js";
import { PURPOSE_KINDS } from "../approvals/purpose.js";
import { ChoiceField, CodeField, ObjectField, SHOWN, Shown } from "../wire/fields.js";

const RECEIPT =
  "C2SP tlog-proof of the intent's entry: keep it, it proves later, to anybody, that the log held the entry. Null in a trial that does not wait for signatures.";

const DELIVER_TO =
  "Public key (JWK) of the client, P-256 or X25519, as docs/spec/delivery.md has it; best one of this call alone. The value then comes as `jwe`, which only its private half opens. A deployment may demand one.";
const VALUE = "The value, shown this once. Only where no `deliverTo` was sent.";
const JWE = "The value in a compact JWE (ECDH-ES, A256GCM) for the key in `deliverTo`. Its plaintext is JSON with `pad` and `value`.";

const WHICH = "`current`, the working value (default), or `candidate`, which is to succeed it; where the grant names it.";

/** Opens one value, with a fresh second factor. */
export class OpeningForm {
  @ChoiceField(PURPOSE_KINDS) readonly kind!: string;
  @ChoiceField(WHICH_VERSION, { isOptional: true, description: WHICH }) readonly version?: WhichVersion | null;
  @CodeField() readonly code!: string;
  @ObjectField({ isOptional: true, description: DELIVER_TO }) readonly deliverTo?: Readonly<Record<string, unknown>> | null;
}

/** Asks for the current code of the account's MFA seed, with a fresh second factor of one's own. */
export class CodeForm {
  @ChoiceField(WHICH_VERSION, { isOptional: true, description: WHICH }) readonly version?: WhichVersion | null;
  @CodeField() readonly code!: string;
  @ObjectField({ isOptional: true, description: DELIVER_TO }) readonly deliverTo?: Readonly<Record<string, unknown>> | null;
}

/** The value, this once. */
export class OpenedReply {
  @Shown({ ...SHOWN.text, required: false, description: VALUE }) readonly value?: string;
  @Shown({ ...SHOWN.text, required: false, description: JWE }) readonly jwe?: string;
  @Shown(SHOWN.text) readonly kind!: string;
  @Shown(SHOWN.id) readonly versionId!: string;
  @Shown({ ...SHOWN.count, description: "Position of the entry that made the opening possible." }) readonly intentSeq!: number;
  @Shown({ ...SHOWN.count, description: "Position of the entry that says how it ended." }) readonly outcomeSeq!: number;
  @Shown({ ...SHOWN.text, nullable: true, description: RECEIPT }) readonly receipt!: string | null;
}

/** A code, this once. */
export class OpenedCodeReply {
  @Shown({ type: "string", pattern: "^[0-9]{6}$", required: false, description: VALUE }) readonly value?: string;
  @Shown({ ...SHOWN.text, required: false, description: JWE }) readonly jwe?: string;
  @Shown(SHOWN.count) readonly validForSeconds!: number;
  @Shown({ ...SHOWN.count, description: "Position of the entry that made the opening possible." }) readonly intentSeq!: number;
  @Shown({ ...SHOWN.count, description: "Position of the entry that says how it ended." }) readonly outcomeSeq!: number;
  @Shown({ ...SHOWN.text, nullable: true, description: RECEIPT }) readonly receipt!: string | null;
}
