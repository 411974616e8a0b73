import { ChoiceField, SHOWN, Shown } from "../wire/fields.js";

/** Stages the value that is to succeed the account's working one. */
export class StageForm {
  @ChoiceField(["root-password"], { description: "A password is generated here; nobody sees it before it is kept." })
  readonly kind!: "root-password";
}

/** A candidate that may be shown, under a grant that names it. */
export class CandidateReply {
  @Shown({ ...SHOWN.id, description: "Its version." }) readonly id!: string;
  @Shown(SHOWN.id) readonly secretId!: string;
  @Shown(SHOWN.text) readonly kind!: string;
  @Shown(SHOWN.count) readonly number!: number;
}
