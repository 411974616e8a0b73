import { Column, Entity, PrimaryColumn } from "typeorm";
import { DecidingRow } from "../database/deciding-row.entity.js";
import type { Id } from "../kernel/ids.js";

/** One breaking of the glass, from its grant on until somebody who took no part has reviewed it. While it is OPEN the account has no other. */
@Entity({ schema: "approvals", name: "glass_use", synchronize: false })
export class GlassUse extends DecidingRow {
  @PrimaryColumn({ type: "text" }) id!: Id<"glass">;
  @Column({ name: "account_id", type: "text" }) accountId!: Id<"account">;
  @Column({ name: "request_id", type: "text" }) requestId!: Id<"request">;
  @Column({ name: "grant_id", type: "text" }) grantId!: Id<"grant">;
  /** Canonical JSON: ids of everybody who took part. */
  @Column({ type: "text" }) participants!: string;
  @Column({ type: "text" }) state!: "OPEN" | "CLOSED";
  @Column({ name: "due_at", type: "timestamptz", precision: 3 }) dueAt!: Date;
  @Column({ name: "reviewer_id", type: "text", nullable: true }) reviewerId!: Id<"person"> | null;
  @Column({ type: "text", nullable: true }) findings!: string | null;
  /** Canonical JSON: what the reviewer's second factor confirmed. */
  @Column({ type: "text", nullable: true }) statement!: string | null;
  @Column({ name: "closed_at", type: "timestamptz", precision: 3, nullable: true }) closedAt!: Date | null;
}
