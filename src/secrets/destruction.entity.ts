import { Column, Entity, PrimaryColumn } from "typeorm";
import { DecidingRow } from "../database/deciding-row.entity.js";
import type { Id } from "../kernel/ids.js";

/** That what was kept for an account has been destroyed, once and for all; written with the entry that destroyed it, and never changed. */
@Entity({ schema: "secrets", name: "destruction", synchronize: false })
export class Destruction extends DecidingRow {
  /** The account's own id: there is one for each. */
  @PrimaryColumn({ type: "text" }) id!: Id<"account">;
  @Column({ name: "request_id", type: "text" }) requestId!: Id<"request">;
  /** Canonical JSON: what the certificate says (docs/spec/destruction-certificate.md). */
  @Column({ type: "text" }) body!: string;
  @Column({ name: "destroyed_at", type: "timestamptz", precision: 3 }) destroyedAt!: Date;
}
