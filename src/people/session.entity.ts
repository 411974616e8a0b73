import { Column, Entity, PrimaryColumn } from "typeorm";
import { DecidingRow } from "../database/deciding-row.entity.js";
import type { Id } from "../kernel/ids.js";

/** A signed-in person. Only a keyed hash of the token is kept. */
@Entity({ schema: "people", name: "session", synchronize: false })
export class Session extends DecidingRow {
  /**
   * `lastSeenAt` is written at every use; it can end a session early, never prolong it beyond `expiresAt`. `place` is shown, and says whose
   * failures are counted apart; neither opens anything.
   */
  static readonly undecided = ["lastSeenAt", "place"];
  static readonly later = ["identityId"];

  @PrimaryColumn({ type: "text" }) id!: Id<"session">;
  @Column({ name: "person_id", type: "text" }) personId!: Id<"person">;
  @Column({ name: "token_hash", type: "bytea" }) tokenHash!: Buffer;
  @Column({ name: "created_at", type: "timestamptz", precision: 3 }) createdAt!: Date;
  @Column({ name: "expires_at", type: "timestamptz", precision: 3 }) expiresAt!: Date;
  @Column({ name: "ended_at", type: "timestamptz", precision: 3, nullable: true }) endedAt!: Date | null;
  @Column({ name: "last_seen_at", type: "timestamptz", precision: 3 }) lastSeenAt!: Date;
  /** The identity that opened it; null for password and authenticator. */
  @Column({ name: "identity_id", type: "text", nullable: true }) identityId!: Id<"identity"> | null;
  /** Where it was opened from: an IPv4 address, or the /64 of an IPv6 one. */
  @Column({ type: "text", nullable: true }) place!: string | null;
}
