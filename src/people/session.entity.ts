import { Column, Entity, PrimaryColumn } from "typeorm";
import { DecidingRow } from "../database/deciding-row.entity.js";
import type { Id } from "../kernel/ids.js";

/** A signed-in person. Only a keyed hash of the token is kept. */
@Entity({ schema: "people", name: "session", synchronize: false })
export class Session extends DecidingRow {
  /** Written at every use; it can end a session early, never prolong it beyond `expiresAt`. */
  static readonly undecided = ["lastSeenAt"];

  @PrimaryColumn({ type: "text" }) id!: Id<"session">;
  @Column({ name: "person_id", type: "text" }) personId!: Id<"person">;
  @Column({ name: "token_hash", type: "bytea" }) tokenHash!: Buffer;
  @Column({ name: "created_at", type: "timestamptz", precision: 3 }) createdAt!: Date;
  @Column({ name: "expires_at", type: "timestamptz", precision: 3 }) expiresAt!: Date;
  @Column({ name: "ended_at", type: "timestamptz", precision: 3, nullable: true }) endedAt!: Date | null;
  @Column({ name: "last_seen_at", type: "timestamptz", precision: 3 }) lastSeenAt!: Date;
}
