import { Column, Entity, PrimaryColumn } from "typeorm";
import { DecidingRow } from "../database/deciding-row.entity.js";
import type { Id } from "../kernel/ids.js";
import type { SealedKind } from "../keys/domain.js";

/** Something kept secret for an account; its values are versions. */
@Entity({ schema: "secrets", name: "secret", synchronize: false })
export class SecretRow extends DecidingRow {
  @PrimaryColumn({ type: "text" }) id!: Id<"secret">;
  @Column({ name: "account_id", type: "text" }) accountId!: Id<"account">;
  @Column({ type: "text" }) kind!: SealedKind;
  @Column({ name: "created_at", type: "timestamptz", precision: 3 }) createdAt!: Date;
}
