import { Column, Entity, PrimaryColumn } from "typeorm";
import { DecidingRow } from "../database/deciding-row.entity.js";
import type { Id } from "../kernel/ids.js";

export type VersionState = "STAGED" | "APPLYING" | "ACTIVE" | "SUPERSEDED" | "DESTROYED" | "AMBIGUOUS" | "ABANDONED" | "COMPROMISED";

/** What whoever was to set a candidate says of it. None of these is proof. */
export const CANDIDATE_REPORTS = ["applied", "not-applied", "unknown"] as const;
export type CandidateReport = (typeof CANDIDATE_REPORTS)[number];

/** CLEAN: made here, seen by nobody. EXPOSED: came from outside. BURNT: a person saw it here, or may have. */
export type Exposure = "CLEAN" | "EXPOSED" | "BURNT";

/** One value of a secret. The sealed bytes never change; they stand in `secrets.sealed_value`, and their SHA-256 here. */
@Entity({ schema: "secrets", name: "secret_version", synchronize: false })
export class SecretVersion extends DecidingRow {
  static readonly later = ["ready", "grantId", "deadline", "appliers", "report", "settledAt", "suspectedAt"];

  @PrimaryColumn({ type: "text" }) id!: Id<"version">;
  @Column({ name: "secret_id", type: "text" }) secretId!: Id<"secret">;
  @Column({ type: "int" }) number!: number;
  @Column({ type: "text" }) state!: VersionState;
  @Column({ type: "text" }) exposure!: Exposure;
  @Column({ name: "data_key_id", type: "text" }) dataKeyId!: Id<"dataKey">;
  @Column({ name: "sealed_sha256", type: "bytea" }) sealedSha256!: Buffer;
  /** The code ledger of an MFA seed: the newest time step given out, to anybody. bigint as text. */
  @Column({ name: "last_step", type: "bigint", nullable: true }) lastStep!: string | null;
  @Column({ name: "created_at", type: "timestamptz", precision: 3 }) createdAt!: Date;
  /** Of a candidate: whether it was committed, read back and copied, and may be shown. Null for what an import brought. */
  @Column({ type: "boolean", nullable: true }) ready!: boolean | null;
  /** The grant under which it was first shown to whoever sets it. */
  @Column({ name: "grant_id", type: "text", nullable: true }) grantId!: Id<"grant"> | null;
  /** Until when they are to say whether they have. */
  @Column({ type: "timestamptz", precision: 3, nullable: true }) deadline!: Date | null;
  /** Canonical JSON: ids of everybody who was shown it in order to set it. */
  @Column({ type: "text", nullable: true }) appliers!: string | null;
  @Column({ type: "text", nullable: true }) report!: CandidateReport | null;
  /** When evidence made it the working one. */
  @Column({ name: "settled_at", type: "timestamptz", precision: 3, nullable: true }) settledAt!: Date | null;
  /** When somebody said that it may be known to somebody who should not know it. */
  @Column({ name: "suspected_at", type: "timestamptz", precision: 3, nullable: true }) suspectedAt!: Date | null;
}

/** The columns of a version that is no candidate, or not shown yet. */
export const NO_CANDIDATE = Object.freeze({
  ready: null,
  grantId: null,
  deadline: null,
  appliers: null,
  report: null,
  settledAt: null,
  suspectedAt: null,
});
