import type { MigrationInterface, QueryRunner } from "typeorm";

/**
 * Creates what is known of the root of customers' accounts: the newest snapshot of each, a deciding row, because whether an account counts as
 * secured, and whether a key has appeared, rest on it; when each is due, which decides nothing; and the lock of whose turn it is to ask
 * (decision 0021). The external id is made here and can be changed by nobody but the owner: customers write it into their roles.
 *
 * Code without it: does not start. With it and old code: the tables stay empty. With it and new code: rows come where posture is on.
 */
export class CreatePosture1764730000000 implements MigrationInterface {
  readonly name = "CreatePosture1764730000000";

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE SCHEMA aws AUTHORIZATION rootkeep_migrate;
      GRANT USAGE ON SCHEMA aws TO rootkeep_service;

      CREATE TABLE aws.posture (
        id text CONSTRAINT posture_pk PRIMARY KEY CONSTRAINT posture_account_fk REFERENCES accounts.account,
        taken_at timestamptz(3) NOT NULL,
        verdict text NOT NULL CONSTRAINT posture_verdict_ok CHECK (verdict IN ('insecure', 'unknown', 'secured')),
        snapshot text NOT NULL CONSTRAINT posture_snapshot_ok CHECK (length(snapshot) <= 8192),
        snapshot_sha256 bytea NOT NULL CONSTRAINT posture_snapshot_sha256_ok CHECK (octet_length(snapshot_sha256) = 32),
        known text NOT NULL CONSTRAINT posture_known_ok CHECK (length(known) <= 2048),
        contacts text NOT NULL CONSTRAINT posture_contacts_ok CHECK (length(contacts) <= 1024),
        seq bigint NOT NULL, mac bytea NOT NULL CONSTRAINT posture_mac_ok CHECK (octet_length(mac) = 32)
      );
      COMMENT ON COLUMN aws.posture.contacts IS 'HMACs by the records key of alternate contacts, by which a change is noticed';
      CREATE INDEX posture_worst_ix ON aws.posture (verdict, taken_at);
      GRANT SELECT, INSERT ON aws.posture TO rootkeep_service;
      GRANT UPDATE (taken_at, verdict, snapshot, snapshot_sha256, known, contacts, seq, mac) ON aws.posture TO rootkeep_service;

      CREATE TABLE aws.posture_due (
        account_id text CONSTRAINT posture_due_pk PRIMARY KEY CONSTRAINT posture_due_account_fk REFERENCES accounts.account,
        external_id text NOT NULL DEFAULT gen_random_uuid()::text CONSTRAINT posture_due_external_id_uq UNIQUE,
        next_at timestamptz(3) NOT NULL,
        attempts int NOT NULL DEFAULT 0,
        reason text CONSTRAINT posture_due_reason_ok CHECK (length(reason) <= 64),
        failed_at timestamptz(3)
      );
      CREATE INDEX posture_due_next_ix ON aws.posture_due (next_at);
      GRANT SELECT, INSERT ON aws.posture_due TO rootkeep_service;
      GRANT UPDATE (next_at, attempts, reason, failed_at) ON aws.posture_due TO rootkeep_service;

      CREATE TABLE aws.posture_turn ();
      COMMENT ON TABLE aws.posture_turn IS 'holds nothing: to be locked by whose turn it is';
      REVOKE ALL ON aws.posture_turn FROM PUBLIC;
      GRANT UPDATE ON aws.posture_turn TO rootkeep_service;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query("DROP TABLE aws.posture, aws.posture_due, aws.posture_turn; DROP SCHEMA aws;");
  }
}
