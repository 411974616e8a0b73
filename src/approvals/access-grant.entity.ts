import { Column, Entity, PrimaryColumn } from "typeorm";
import { DecidingRow } from "../database/deciding-row.entity.js";
import type { Id } from "../kernel/ids.js";

export type AccessGrantState = "OPEN" | "RETURNED" | "EXPIRED" | "REVOKED";

/** What an approved request lets its holder open, and until when. Exclusive per account while it is OPEN. */
@Entity({ schema: "approvals", name: "access_grant", synchronize: false })
export class AccessGrant extends DecidingRow {
  @PrimaryColumn({ type: "text" }) id!: Id<"grant">;
  @Column({ name: "request_id", type: "text" }) requestId!: Id<"request">;
  @Column({ name: "holder_id", type: "text" }) holderId!: Id<"person">;
  @Column({ name: "account_id", type: "text" }) accountId!: Id<"account">;
  /** Canonical JSON of `GrantedVersion[]`. */
  @Column({ type: "text" }) versions!: string;
  @Column({ name: "codes_max", type: "int" }) codesMax!: number;
  /** Canonical JSON: how often each version was opened. */
  @Column({ type: "text" }) openings!: string;
  @Column({ type: "text" }) state!: AccessGrantState;
  @Column({ name: "granted_at", type: "timestamptz", precision: 3 }) grantedAt!: Date;
  @Column({ name: "expires_at", type: "timestamptz", precision: 3 }) expiresAt!: Date;
}
