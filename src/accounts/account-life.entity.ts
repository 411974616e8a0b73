import { Column, Entity, PrimaryColumn } from "typeorm";
import { DecidingRow } from "../database/deciding-row.entity.js";
import type { Id } from "../kernel/ids.js";

/** How an account came to us: `OPEN` while it is being taken over, `DECLARED` in use by an import, `WITNESSED` by a completed takeover. */
export type Takeover = "OPEN" | "DECLARED" | "WITNESSED";

/**
 * Where an account stands in its life, beside its state: made with its first checklist. Its key is the account's id, so that there being none
 * is proven as well (docs/spec/deciding-row.md [DR-9]): a row that somebody hid refuses, it does not open what the account is too young for.
 */
@Entity({ schema: "accounts", name: "account_life", synchronize: false })
export class AccountLife extends DecidingRow {
  @PrimaryColumn({ type: "text" }) id!: Id<"account">;
  @Column({ type: "text" }) takeover!: Takeover;
  /** The checklist that is being worked through, one at a time. */
  @Column({ name: "checklist_id", type: "text", nullable: true }) checklistId!: Id<"checklist"> | null;
  /** When the closure at AWS was seen, by the database's clock. */
  @Column({ name: "closed_at", type: "timestamptz", precision: 3, nullable: true }) closedAt!: Date | null;
  /** From when on AWS reopens it no more. */
  @Column({ name: "final_at", type: "timestamptz", precision: 3, nullable: true }) finalAt!: Date | null;
}
