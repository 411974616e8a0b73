import { Column } from "typeorm";

/**
 * A row that decides who may do what (design §6). It carries the `seq` of the audit entry that made it what it is, and an HMAC under
 * the `records` key, which the database never sees. Only the transaction runner writes the two columns.
 */
export abstract class DecidingRow {
  /** Position in the log of the newest entry that changed this row. bigint, so text on this side. */
  @Column({ type: "bigint" })
  seq!: string;

  /** HMAC-SHA-256 over table, primary key, seq and every deciding column: {@link decidingBytes}. */
  @Column({ type: "bytea" })
  mac!: Buffer;
}
