import { Column, Entity, PrimaryColumn } from "typeorm";
import { DecidingRow } from "../database/deciding-row.entity.js";
import type { Id } from "../kernel/ids.js";

/** `LINK` is open like `OPEN`, but for an identity and not for authenticators: the HMAC keeps one from standing in for the other. */
export type InvitationState = "OPEN" | "LINK" | "ACCEPTED" | "CONFIRMED" | "VOID";

/** A link for a person and a code that completes it; each goes out once, to another custodian (design §2). */
@Entity({ schema: "people", name: "invitation", synchronize: false })
export class Invitation extends DecidingRow {
  /** Only ever bars: the invitation dies of too many failures. */
  static readonly undecided = ["failures"];

  @PrimaryColumn({ type: "text" }) id!: Id<"invitation">;
  @Column({ name: "person_id", type: "text" }) personId!: Id<"person">;
  @Column({ name: "request_id", type: "text" }) requestId!: Id<"request">;
  @Column({ name: "asked_by", type: "text" }) askedBy!: Id<"person">;
  @Column({ name: "approved_by", type: "text" }) approvedBy!: Id<"person">;
  @Column({ type: "text" }) state!: InvitationState;
  /** Keyed hash of the link's token; null until the asking custodian took the link. */
  @Column({ name: "token_hash", type: "bytea", nullable: true }) tokenHash!: Buffer | null;
  /** Keyed hash of the code; null until the approving custodian took it. */
  @Column({ name: "code_hash", type: "bytea", nullable: true }) codeHash!: Buffer | null;
  @Column({ name: "expires_at", type: "timestamptz", precision: 3 }) expiresAt!: Date;
  @Column({ type: "int" }) failures!: number;
}
