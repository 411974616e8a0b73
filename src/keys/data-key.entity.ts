import { Column, Entity, PrimaryColumn } from "typeorm";

/** A row of keys.data_key. The wrapped bytes are worthless without the root key and the context that the other columns give. */
@Entity({ schema: "keys", name: "data_key", synchronize: false })
export class DataKeyEntity {
  @PrimaryColumn({ type: "text" })
  id!: string;

  @Column({ name: "account_id", type: "text", nullable: true })
  accountId!: string | null;

  @Column({ name: "aws_account_id", type: "text", nullable: true })
  awsAccountId!: string | null;

  @Column({ type: "text" })
  domain!: string;

  @Column({ name: "key_use", type: "text" })
  use!: string;

  @Column({ type: "integer" })
  version!: number;

  @Column({ type: "text" })
  state!: string;

  @Column({ name: "root_key_uri", type: "text" })
  rootKeyUri!: string;

  /** Null once the key is destroyed. */
  @Column({ type: "bytea", nullable: true })
  wrapped!: Buffer | null;

  /** Set by the database. */
  @Column({ name: "created_at", type: "timestamptz", precision: 3, insert: false, update: false })
  createdAt!: Date;
}
