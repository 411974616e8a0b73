import type { MigrationInterface, QueryRunner } from "typeorm";

/**
 * Creates the registry of AWS accounts. Its rows decide whose rights reach an account, so each carries the seq of the entry that made it
 * and an HMAC that the database cannot compute; id, AWS id and partition never change, and no row is deleted: a released account stays.
 *
 * Code without it: does not start (no table to import into). With it and old code: there is no older code. With it and new code: the
 * registry is empty until the first import.
 */
export class CreateAccounts1763800300000 implements MigrationInterface {
  readonly name = "CreateAccounts1763800300000";

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE accounts.account (
        id text CONSTRAINT account_pk PRIMARY KEY CONSTRAINT account_id_ok CHECK (id ~ '^acc_[0-9a-z]{26}$'),
        aws_id text NOT NULL CONSTRAINT account_aws_id_ok CHECK (aws_id ~ '^[0-9]{12}$' AND aws_id <> '000000000000'),
        partition text NOT NULL CONSTRAINT account_partition_ok CHECK (partition IN ('aws', 'aws-us-gov', 'aws-cn')),
        kind text NOT NULL CONSTRAINT account_kind_ok CHECK (kind IN ('standalone', 'management', 'member')),
        customer text NOT NULL CONSTRAINT account_customer_ok CHECK (length(customer) BETWEEN 1 AND 120),
        tags text NOT NULL CONSTRAINT account_tags_ok CHECK (octet_length(tags) BETWEEN 2 AND 8192),
        root_email text NOT NULL CONSTRAINT account_root_email_ok CHECK (length(root_email) BETWEEN 3 AND 254),
        state text NOT NULL CONSTRAINT account_state_ok CHECK (state IN ('invited', 'assuming', 'secured', 'active', 'rotating',
          'closing', 'closed', 'sealed_final', 'reopening', 'releasing', 'released', 'quarantined', 'abandoned')),
        checkout_grant_id text,
        created_at timestamptz(3) NOT NULL,
        seq bigint NOT NULL CONSTRAINT account_seq_ok CHECK (seq >= 0),
        mac bytea NOT NULL CONSTRAINT account_mac_ok CHECK (octet_length(mac) = 32),
        CONSTRAINT account_aws_id_uq UNIQUE (partition, aws_id)
      );
      CREATE INDEX account_customer_ix ON accounts.account (customer, id);

      GRANT SELECT, INSERT ON accounts.account TO rootkeep_service;
      GRANT UPDATE (kind, customer, tags, root_email, state, checkout_grant_id, seq, mac) ON accounts.account TO rootkeep_service;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query("DROP TABLE accounts.account");
  }
}
