import { ChoiceField, SHOWN, Shown } from "../wire/fields.js";
import { CANDIDATE_REPORTS, type CandidateReport } from "./secret-version.entity.js";

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

/** Whoever was shown a candidate says what became of it. */
export class ReportForm {
  @ChoiceField(CANDIDATE_REPORTS, { description: "Whether you have set it. None of these is taken for a proof." })
  readonly outcome!: CandidateReport;
}

/** What is known of the candidate now. */
export class ReportReply {
  @Shown(SHOWN.text) readonly state!: string;
  @Shown(SHOWN.seq) readonly seq!: number;
}
