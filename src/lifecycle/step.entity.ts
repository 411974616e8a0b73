import { Column, Entity, PrimaryColumn } from "typeorm";
import { DecidingRow } from "../database/deciding-row.entity.js";
import type { Id } from "../kernel/ids.js";
import type { EvidenceKind } from "./checklist.js";

/**
 * A step that somebody has begun: made with the first evidence. Its key is checklist and step, so that two people who are quick make one
 * row, and a row that was deleted is not taken for a step that nobody has touched.
 */
@Entity({ schema: "lifecycle", name: "step", synchronize: false })
export class StepRow extends DecidingRow {
  /** `<checklist>:<step>` */
  @PrimaryColumn({ type: "text" }) id!: string;
  @Column({ name: "checklist_id", type: "text" }) checklistId!: Id<"checklist">;
  @Column({ type: "text" }) step!: string;
  @Column({ type: "text" }) state!: "CLAIMED" | "PASSED" | "WAIVED";
  @Column({ type: "text" }) kind!: EvidenceKind | "waiver";
  /** What names the evidence: a position of the log, an id, a hash; of an attestation a hyphen. */
  @Column({ type: "text" }) reference!: string;
  /** Canonical JSON of what was found out about it. */
  @Column({ type: "text" }) facts!: string;
  /** What the claimant says in words, for who looks as well; entries only commit to it. */
  @Column({ type: "text" }) note!: string;
  @Column({ name: "claimed_by", type: "text" }) claimedBy!: Id<"person">;
  @Column({ name: "claimed_at", type: "timestamptz", precision: 3 }) claimedAt!: Date;
  /** Who else says so; null where the program has checked it, or nobody has yet. */
  @Column({ name: "attested_by", type: "text", nullable: true }) attestedBy!: Id<"person"> | null;
  /** When it was ticked; null while it is only claimed. */
  @Column({ name: "decided_at", type: "timestamptz", precision: 3, nullable: true }) decidedAt!: Date | null;
}

/** Key of the row of `step` in a checklist. */
export function stepKey(checklistId: Id<"checklist">, step: string): string {
  return `${checklistId}:${step}`;
}
