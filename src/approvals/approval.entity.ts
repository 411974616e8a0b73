import { Column, Entity, PrimaryColumn } from "typeorm";
import { DecidingRow } from "../database/deciding-row.entity.js";
import type { Id } from "../kernel/ids.js";

export type Verdict = "approve" | "deny";

/** One person's verdict on one request. */
@Entity({ schema: "approvals", name: "approval", synchronize: false })
export class Approval extends DecidingRow {
  @PrimaryColumn({ type: "text" }) id!: Id<"approval">;
  @Column({ name: "request_id", type: "text" }) requestId!: Id<"request">;
  @Column({ name: "person_id", type: "text" }) personId!: Id<"person">;
  @Column({ type: "text" }) verdict!: Verdict;
  /** Canonical JSON: what the second factor confirmed (docs/spec/approval-statement.md). */
  @Column({ type: "text" }) statement!: string;
  @Column({ name: "authenticator_id", type: "text", nullable: true }) authenticatorId!: Id<"authenticator"> | null;
  @Column({ type: "text" }) reason!: string;
  @Column({ name: "decided_at", type: "timestamptz", precision: 3 }) decidedAt!: Date;
}
