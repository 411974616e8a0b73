import { SHOWN, Shown } from "../wire/fields.js";
import { FINDING_VERDICTS, POSTURE_ITEMS, POSTURE_VERDICTS } from "./posture.js";

/** One item as it was judged. */
export class FindingReply {
  @Shown({ type: "string", enum: [...POSTURE_ITEMS] }) readonly item!: string;
  @Shown({ type: "string", enum: [...FINDING_VERDICTS] }) readonly verdict!: string;
  @Shown({ type: "array", items: { type: "string" }, description: "Fields of the evidence that say so, or that are missing." })
  readonly restsOn!: readonly string[];
}

/** What is known of the root of one account, and how old it is. */
export class PostureReply {
  @Shown(SHOWN.id) readonly account!: string;
  @Shown({ type: "string", pattern: "^[0-9]{12}$" }) readonly awsId!: string;
  @Shown({ ...SHOWN.flag, description: "True only for fresh evidence by which every item is ok." }) readonly secured!: boolean;
  @Shown({
    type: "string",
    enum: [...POSTURE_VERDICTS],
    description: "Of the newest evidence, whatever its age; unknown where there is none.",
  })
  readonly verdict!: string;
  @Shown({ ...SHOWN.time, nullable: true }) readonly takenAt!: string | null;
  @Shown({ ...SHOWN.count, nullable: true }) readonly ageSeconds!: number | null;
  @Shown({ ...SHOWN.flag, description: "Older than two intervals, or not there: nobody should rest on it." }) readonly isStale!: boolean;
  @Shown({ type: () => [FindingReply] }) readonly findings!: readonly FindingReply[];
  @Shown({ ...SHOWN.seq, nullable: true }) readonly seq!: number | null;
  @Shown({ ...SHOWN.text, nullable: true, description: "SHA-256 of the snapshot's canonical JSON, as its entry has it." })
  readonly sha256!: string | null;
  @Shown({ ...SHOWN.object, nullable: true, description: "What was judged (docs/posture.md)." })
  readonly snapshot!: object | null;
  @Shown({ ...SHOWN.text, nullable: true, description: "The role that AWS is asked by; null where posture is off." })
  readonly roleArn!: string | null;
  @Shown({ ...SHOWN.text, description: "External id that the role's trust policy has to ask for." }) readonly externalId!: string;
  @Shown({ ...SHOWN.time, nullable: true, description: "Null where it is due now." }) readonly nextAt!: string | null;
  @Shown({ ...SHOWN.text, nullable: true, description: "Why the last attempt brought no evidence; null where it did." })
  readonly failure!: string | null;
  @Shown({ ...SHOWN.time, nullable: true }) readonly failedAt!: string | null;
}

/** One account in the list. */
export class PostureLineReply {
  @Shown(SHOWN.id) readonly account!: string;
  @Shown({ type: "string", pattern: "^[0-9]{12}$" }) readonly awsId!: string;
  @Shown(SHOWN.text) readonly customer!: string;
  @Shown(SHOWN.flag) readonly secured!: boolean;
  @Shown({ type: "string", enum: [...POSTURE_VERDICTS] }) readonly verdict!: string;
  @Shown({ ...SHOWN.time, nullable: true }) readonly takenAt!: string | null;
  @Shown(SHOWN.flag) readonly isStale!: boolean;
  @Shown({ type: "array", items: { type: "string" }, description: "Items that are bad or unknown." }) readonly open!: readonly string[];
}

/** One page of the list. */
export class PostureLinesReply {
  @Shown({ type: () => [PostureLineReply] }) readonly items!: readonly PostureLineReply[];
  @Shown(SHOWN.next) readonly next!: string | null;
}

/** That a snapshot will be taken. */
export class PostureHurryReply {
  @Shown(SHOWN.id) readonly account!: string;
  @Shown(SHOWN.seq) readonly seq!: number;
}
