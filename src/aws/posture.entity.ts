import { Column, Entity, PrimaryColumn } from "typeorm";
import { DecidingRow } from "../database/deciding-row.entity.js";
import type { Id } from "../kernel/ids.js";
import type { PostureVerdict } from "./posture.js";

/** The newest snapshot of an account; its id is the account's. Whether the account counts as secured rests on it: an edited one does not pass. */
@Entity({ schema: "aws", name: "posture", synchronize: false })
export class PostureRow extends DecidingRow {
  @PrimaryColumn({ type: "text" }) id!: Id<"account">;
  /** Before AWS was asked, by the database's clock. */
  @Column({ name: "taken_at", type: "timestamptz", precision: 3 }) takenAt!: Date;
  @Column({ type: "text" }) verdict!: PostureVerdict;
  /** Canonical JSON, as its entry in the log has it. */
  @Column({ type: "text" }) snapshot!: string;
  @Column({ name: "snapshot_sha256", type: "bytea" }) snapshotSha256!: Buffer;
  /** What was known last, for telling a change; canonical JSON. */
  @Column({ type: "text" }) known!: string;
  /** HMACs of alternate contacts; canonical JSON. */
  @Column({ type: "text" }) contacts!: string;
}
