import { Column, Entity, PrimaryColumn } from "typeorm";
import { DecidingRow } from "../database/deciding-row.entity.js";

/**
 * Row of `accounts.account`: the registered facts of one AWS account. It is a deciding row (design §6): customer, tags, AWS id and root
 * e-mail say whose rights reach it, so every column stands under the HMAC.
 */
@Entity({ schema: "accounts", name: "account", synchronize: false })
export class AccountRow extends DecidingRow {
  /** Columns that accounts of before do not have [DR-16]. */
  static readonly later = ["custody", "organizationId", "contacts"] as const;

  @PrimaryColumn({ type: "text" })
  id!: string;

  @Column({ name: "aws_id", type: "text", update: false })
  awsId!: string;

  @Column({ type: "text", update: false })
  partition!: string;

  @Column({ type: "text" })
  kind!: string;

  @Column({ type: "text" })
  customer!: string;

  /** Canonical JSON of the tags: one text for one set of tags, so the HMAC over it is stable. */
  @Column({ type: "text" })
  tags!: string;

  @Column({ name: "root_email", type: "text" })
  rootEmail!: string;

  @Column({ type: "text" })
  state!: string;

  /** Who keeps the root credentials; null, for rows of before, is `VAULTED`: ask `custodyOf`. */
  @Column({ type: "text", nullable: true })
  custody!: string | null;

  @Column({ name: "organization_id", type: "text", nullable: true })
  organizationId!: string | null;

  /** Canonical JSON of the contacts, or null where there are none. */
  @Column({ type: "text", nullable: true })
  contacts!: string | null;

  /** The grant that has the account checked out, or null: one check-out at a time. */
  @Column({ name: "checkout_grant_id", type: "text", nullable: true })
  checkoutGrantId!: string | null;

  /** Set by the service from the database's clock, to the millisecond: a default of the table would escape the HMAC. */
  @Column({ name: "created_at", type: "timestamptz", precision: 3, update: false })
  createdAt!: Date;
}
