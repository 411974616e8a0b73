import { Column, Entity, PrimaryColumn } from "typeorm";
import { DecidingRow } from "../database/deciding-row.entity.js";
import type { Id } from "../kernel/ids.js";
import type { Operation } from "../kernel/operations.js";

export type RequestState = "SUBMITTED" | "APPROVED" | "OPENED" | "RETURNED" | "CLOSED" | "DENIED" | "EXPIRED" | "REVOKED" | "WITHDRAWN";

/** A guarded act that somebody asks for. Only the state ever changes (law L3), and what people wrote can be erased when it is over. */
@Entity({ schema: "approvals", name: "request", synchronize: false })
export class Request extends DecidingRow {
  @PrimaryColumn({ type: "text" }) id!: Id<"request">;
  @Column({ type: "text" }) operation!: Operation;
  @Column({ name: "requester_id", type: "text" }) requesterId!: Id<"person">;
  @Column({ name: "account_id", type: "text", nullable: true }) accountId!: Id<"account"> | null;
  /** Whom a change of people or allowlist is about. */
  @Column({ name: "person_id", type: "text", nullable: true }) personId!: Id<"person"> | null;
  /** Canonical JSON of the whole request: what {@link hash} is of, and what approvers see. */
  @Column({ type: "text" }) body!: string;
  @Column({ type: "bytea" }) hash!: Buffer;
  @Column({ type: "text" }) state!: RequestState;
  @Column({ name: "submitted_at", type: "timestamptz", precision: 3 }) submittedAt!: Date;
  @Column({ name: "expires_at", type: "timestamptz", precision: 3 }) expiresAt!: Date;
}
