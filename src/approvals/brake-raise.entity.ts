import { Column, Entity, PrimaryColumn } from "typeorm";
import { DecidingRow } from "../database/deciding-row.entity.js";
import type { Id } from "../kernel/ids.js";

/** That more openings than usual are let through for a time: of one person, or of the deployment. One that is missing lets nothing through. */
@Entity({ schema: "approvals", name: "brake_raise", synchronize: false })
export class BrakeRaise extends DecidingRow {
  @PrimaryColumn({ type: "text" }) id!: Id<"raise">;
  /** Null for the deployment. */
  @Column({ name: "person_id", type: "text", nullable: true }) personId!: Id<"person"> | null;
  /** Openings in a window. */
  @Column({ type: "int" }) openings!: number;
  @Column({ name: "valid_from", type: "timestamptz", precision: 3 }) validFrom!: Date;
  @Column({ name: "valid_to", type: "timestamptz", precision: 3 }) validTo!: Date;
}
