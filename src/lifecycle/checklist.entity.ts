import { Column, Entity, PrimaryColumn } from "typeorm";
import type { AccountKind } from "../accounts/account.js";
import { DecidingRow } from "../database/deciding-row.entity.js";
import type { Id } from "../kernel/ids.js";
import type { ChecklistKind, Custody, Target } from "./checklist.js";

/** OPEN: worked through. DONE: every step stands. ENDED: something else began, or the customer took the order back. */
export type ChecklistState = "OPEN" | "DONE" | "ENDED";

/** One run of a checklist over one account. Which is the account's open one says its life row, whose absence is proven. */
@Entity({ schema: "lifecycle", name: "checklist", synchronize: false })
export class ChecklistRow extends DecidingRow {
  @PrimaryColumn({ type: "text" }) id!: Id<"checklist">;
  @Column({ name: "account_id", type: "text" }) accountId!: Id<"account">;
  @Column({ type: "text" }) kind!: ChecklistKind;
  @Column({ type: "text" }) state!: ChecklistState;
  /** Kind and custody of the account when it began: which steps apply does not change under way. */
  @Column({ name: "account_kind", type: "text" }) accountKind!: AccountKind;
  @Column({ type: "text" }) custody!: Custody;
  @Column({ type: "text", nullable: true }) target!: Target | null;
  /** SHA-256, in hex, of the paper that the customer signed. */
  @Column({ type: "text", nullable: true }) document!: string | null;
  /** Version of the step lists that it was begun under. */
  @Column({ type: "text" }) steps!: string;
  @Column({ name: "begun_by", type: "text" }) begunBy!: Id<"person">;
  @Column({ name: "begun_at", type: "timestamptz", precision: 3 }) begunAt!: Date;
  @Column({ name: "ended_at", type: "timestamptz", precision: 3, nullable: true }) endedAt!: Date | null;
}
