import { Column, Entity, PrimaryColumn } from "typeorm";
import { DecidingRow } from "../database/deciding-row.entity.js";
import type { Id } from "../kernel/ids.js";

/** An identity at an OpenID Connect provider: issuer and subject, never an e-mail address. It belongs to one person for ever (design §2). */
@Entity({ schema: "people", name: "identity", synchronize: false })
export class Identity extends DecidingRow {
  @PrimaryColumn({ type: "text" }) id!: Id<"identity">;
  @Column({ name: "person_id", type: "text" }) personId!: Id<"person">;
  @Column({ type: "text" }) issuer!: string;
  @Column({ type: "text" }) subject!: string;
  @Column({ type: "text" }) state!: "ACTIVE" | "ENDED";
  /** From then on a session opened by it counts for approving and opening: 24 hours after it was linked. */
  @Column({ name: "usable_from", type: "timestamptz", precision: 3 }) usableFrom!: Date;
  @Column({ name: "created_at", type: "timestamptz", precision: 3 }) createdAt!: Date;
}
