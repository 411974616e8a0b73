import { ROLES } from "../kernel/operations.js";
import { SHOWN, Shown } from "../wire/fields.js";
import { ENTRY_STANDINGS } from "./lapse.js";

/** Accounts that an entry reaches. */
export class ScopeReply {
  @Shown({ type: "string", enum: ["all", "customer", "tag", "account"] }) readonly kind!: string;
  @Shown({ type: "array", items: { type: "string" }, required: false, description: "Absent for all; a tag is key=value." })
  readonly values?: readonly string[];
}

/** Who may do what, where and until when. */
export class AllowlistEntryReply {
  @Shown(SHOWN.id) readonly id!: string;
  @Shown(SHOWN.id) readonly personId!: string;
  @Shown({ type: "string", enum: [...ROLES] }) readonly role!: string;
  @Shown({ type: () => ScopeReply }) readonly scope!: ScopeReply;
  @Shown(SHOWN.time) readonly validFrom!: string;
  @Shown(SHOWN.time) readonly validTo!: string;
  @Shown({ ...SHOWN.time, nullable: true, description: "When it was taken off; null while it stands." }) readonly endedAt!: string | null;
}

/** One page of the allowlist. */
export class AllowlistReply {
  @Shown({ type: () => [AllowlistEntryReply] }) readonly items!: readonly AllowlistEntryReply[];
  @Shown(SHOWN.next) readonly next!: string | null;
}

/** What two custodians certify, and whether they must. */
export class CertificationReply {
  @Shown({
    type: "string",
    pattern: "^[0-9a-f]{64}$",
    description: "Of every entry that stands, state and team of the person it names, and the version of the policies.",
  })
  readonly digest!: string;
  @Shown({ type: "string", description: "Version of the policies in force, which are certified with the allowlist." })
  readonly policies!: string;
  @Shown({ type: "integer", minimum: 0 }) readonly entries!: number;
  @Shown({ type: "string", nullable: true, description: "What was certified last; null if nothing was." })
  readonly certifiedDigest!: string | null;
  @Shown({ ...SHOWN.seq, nullable: true }) readonly certifiedSeq!: number | null;
  @Shown({
    ...SHOWN.flag,
    description: "True while the log was reopened, or the custodians were recovered, and nobody has certified the allowlist since.",
  })
  readonly isMissing!: boolean;
  @Shown({ ...SHOWN.count, description: "Entries that gave no rights any more when this was read, and would after a certificate." })
  readonly lapsed!: number;
}

/** One line of the report of who may do what. */
export class AllowlistReportEntry {
  @Shown(SHOWN.id) readonly id!: string;
  @Shown(SHOWN.id) readonly personId!: string;
  @Shown(SHOWN.text) readonly personName!: string;
  @Shown(SHOWN.text) readonly personState!: string;
  @Shown({ type: "string", enum: [...ROLES] }) readonly role!: string;
  @Shown({ type: () => ScopeReply }) readonly scope!: ScopeReply;
  @Shown(SHOWN.time) readonly validFrom!: string;
  @Shown(SHOWN.time) readonly validTo!: string;
  @Shown({
    type: "string",
    enum: ENTRY_STANDINGS.filter((standing) => standing !== "ended"),
    description:
      "counts; kept: over, but fewer than two custodians would be left; lapsed: not certified in time, until it is; ran-out: past validTo.",
  })
  readonly standing!: string;
  @Shown({ ...SHOWN.flag, description: "True if it gives its rights now: it counts or is kept, and the person is active." })
  readonly givesRights!: boolean;
  @Shown({ ...SHOWN.seq, description: "Position of the audit entry that granted it." }) readonly grantedSeq!: number;
  @Shown({ ...SHOWN.id, nullable: true, description: "Null for a founder's entry." }) readonly askedBy!: string | null;
  @Shown({ ...SHOWN.id, nullable: true, description: "Null for a founder's entry." }) readonly approvedBy!: string | null;
  @Shown({ ...SHOWN.flag, description: "Granted by the founding itself." }) readonly isFounding!: boolean;
  @Shown({ ...SHOWN.seq, nullable: true, description: "Position of the certificate that covers it; null before the first." })
  readonly certifiedSeq!: number | null;
  @Shown({ ...SHOWN.time, nullable: true }) readonly certifiedAt!: string | null;
  @Shown({ ...SHOWN.time, description: "When it lapses, or lapsed, unless it is certified." }) readonly dueAt!: string;
}

/** One page of the report. */
export class AllowlistReportReply {
  @Shown({ type: () => [AllowlistReportEntry] }) readonly items!: readonly AllowlistReportEntry[];
  @Shown(SHOWN.next) readonly next!: string | null;
}

/** Where the log tells of it. */
export class SeqReply {
  @Shown(SHOWN.seq) readonly seq!: number;
}
