import { Column, Entity, PrimaryColumn } from "typeorm";
import { DecidingRow } from "../database/deciding-row.entity.js";
import type { Id } from "../kernel/ids.js";

/**
 * All policies of the deployment, as one change left them. Never changed: the next change inserts the next row, so the rows are the
 * history, and the newest is known by its number: its id is derived from that, and the one after it is proven not to exist.
 */
@Entity({ schema: "approvals", name: "policy_book", synchronize: false })
export class PolicyBookRow extends DecidingRow {
  /** `pol_` and the number in 26 decimal digits. */
  @PrimaryColumn({ type: "text" }) id!: Id<"policies">;
  @Column({ type: "text" }) text!: string;
  /** The request that asked for the change; its body holds the whole new policy. */
  @Column({ name: "request_id", type: "text" }) requestId!: Id<"request">;
  @Column({ name: "changed_at", type: "timestamptz", precision: 3 }) changedAt!: Date;
}
