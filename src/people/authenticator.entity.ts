import { Column, Entity, PrimaryColumn } from "typeorm";
import { DecidingRow } from "../database/deciding-row.entity.js";
import type { Id } from "../kernel/ids.js";

export type AuthenticatorKind = "password" | "totp";
export type AuthenticatorState = "PENDING" | "ACTIVE" | "ENDED";

/** What a person proves themselves with: a password (argon2id, PHC string) or a TOTP seed, sealed for the person. */
@Entity({ schema: "people", name: "authenticator", synchronize: false })
export class Authenticator extends DecidingRow {
  @PrimaryColumn({ type: "text" }) id!: Id<"authenticator">;
  @Column({ name: "person_id", type: "text" }) personId!: Id<"person">;
  @Column({ type: "text" }) kind!: AuthenticatorKind;
  @Column({ type: "text" }) state!: AuthenticatorState;
  @Column({ name: "password_hash", type: "text", nullable: true }) passwordHash!: string | null;
  @Column({ type: "bytea", nullable: true }) sealed!: Buffer | null;
  @Column({ name: "data_key_id", type: "text", nullable: true }) dataKeyId!: Id<"dataKey"> | null;
  /** Newest TOTP time step that was accepted for anything; only greater ones are. bigint as text. */
  @Column({ name: "last_step", type: "bigint", nullable: true }) lastStep!: string | null;
  /** From then on it counts for approving and opening: 24 hours after it was enrolled, founding excepted. */
  @Column({ name: "usable_from", type: "timestamptz", precision: 3 }) usableFrom!: Date;
  @Column({ name: "created_at", type: "timestamptz", precision: 3 }) createdAt!: Date;
}
