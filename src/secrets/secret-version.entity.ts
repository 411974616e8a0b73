import { Column, Entity, PrimaryColumn } from "typeorm";
import { DecidingRow } from "../database/deciding-row.entity.js";
import type { Id } from "../kernel/ids.js";

export type VersionState = "STAGED" | "APPLYING" | "ACTIVE" | "SUPERSEDED" | "DESTROYED" | "AMBIGUOUS" | "ABANDONED" | "COMPROMISED";

/** CLEAN: made here, seen by nobody. EXPOSED: came from outside. BURNT: a person saw it here, or may have. */
export type Exposure = "CLEAN" | "EXPOSED" | "BURNT";

/** One value of a secret. The sealed bytes never change; they stand in `secrets.sealed_value`, and their SHA-256 here. */
@Entity({ schema: "secrets", name: "secret_version", synchronize: false })
export class SecretVersion extends DecidingRow {
  @PrimaryColumn({ type: "text" }) id!: Id<"version">;
  @Column({ name: "secret_id", type: "text" }) secretId!: Id<"secret">;
  @Column({ type: "int" }) number!: number;
  @Column({ type: "text" }) state!: VersionState;
  @Column({ type: "text" }) exposure!: Exposure;
  @Column({ name: "data_key_id", type: "text" }) dataKeyId!: Id<"dataKey">;
  @Column({ name: "sealed_sha256", type: "bytea" }) sealedSha256!: Buffer;
  /** The code ledger of an MFA seed: the newest time step given out, to anybody. bigint as text. */
  @Column({ name: "last_step", type: "bigint", nullable: true }) lastStep!: string | null;
  @Column({ name: "created_at", type: "timestamptz", precision: 3 }) createdAt!: Date;
}
