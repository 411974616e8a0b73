import { Column, Entity, PrimaryColumn } from "typeorm";
import { DecidingRow } from "../database/deciding-row.entity.js";
import type { Id } from "../kernel/ids.js";

/** How a root address came to be known: made here, or stated by whoever registered or imported its account. */
export type AddressOrigin = "ALLOCATED" | "REGISTERED";

/**
 * Row of `accounts.root_address`: one root e-mail address that any account has, or ever had. No row is changed or deleted, so none is given out
 * again: mail for the account of before would reach the next one (law L6). It is a deciding row: one that somebody deletes is missed.
 */
@Entity({ schema: "accounts", name: "root_address", synchronize: false })
export class RootAddress extends DecidingRow {
  /** Made of the address under the records key: entries list it, and tell nobody the address. */
  @PrimaryColumn({ type: "text" })
  id!: Id<"address">;

  /** In lower case. */
  @Column({ type: "text", update: false })
  address!: string;

  @Column({ name: "account_id", type: "text", update: false })
  accountId!: Id<"account">;

  @Column({ type: "text", update: false })
  origin!: AddressOrigin;

  @Column({ name: "created_at", type: "timestamptz", precision: 3, update: false })
  createdAt!: Date;
}
