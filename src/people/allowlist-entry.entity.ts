import { Column, Entity, PrimaryColumn } from "typeorm";
import { DecidingRow } from "../database/deciding-row.entity.js";
import type { Id } from "../kernel/ids.js";
import type { Role } from "../kernel/operations.js";

/** Who may do what, where and until when. Being known is not being allowed (design §2). */
@Entity({ schema: "people", name: "allowlist_entry", synchronize: false })
export class AllowlistEntry extends DecidingRow {
  @PrimaryColumn({ type: "text" }) id!: Id<"allowlist">;
  @Column({ name: "person_id", type: "text" }) personId!: Id<"person">;
  @Column({ type: "text" }) role!: Role;
  /** Canonical JSON of a `Scope`. */
  @Column({ type: "text" }) scope!: string;
  @Column({ name: "valid_from", type: "timestamptz", precision: 3 }) validFrom!: Date;
  @Column({ name: "valid_to", type: "timestamptz", precision: 3 }) validTo!: Date;
  @Column({ name: "ended_at", type: "timestamptz", precision: 3, nullable: true }) endedAt!: Date | null;
}
