import type { MigrationInterface, QueryRunner } from "typeorm";

/**
 * Creates the records of calls that came with an idempotency key. They decide nothing but whether a repeated call is run again, so they
 * are no deciding rows; the service may delete them, because they expire after a day.
 *
 * Code without it: answers 503 to calls with a key. With it and old code: the table stays empty. With it and new code: nothing to fill.
 */
export class CreateIdempotency1763800700000 implements MigrationInterface {
  readonly name = "CreateIdempotency1763800700000";

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE edge.idempotency (
        caller text NOT NULL,
        operation text NOT NULL,
        key text NOT NULL CONSTRAINT idempotency_key_ok CHECK (length(key) BETWEEN 1 AND 128),
        body_mac bytea NOT NULL CONSTRAINT idempotency_body_mac_ok CHECK (octet_length(body_mac) = 32),
        state text NOT NULL CONSTRAINT idempotency_state_ok CHECK (state IN ('RUNNING', 'DONE', 'DOUBT')),
        status int CONSTRAINT idempotency_status_ok CHECK (status BETWEEN 200 AND 299),
        resource_id text CONSTRAINT idempotency_resource_id_ok CHECK (length(resource_id) <= 64),
        seq bigint,
        created_at timestamptz(3) NOT NULL,
        CONSTRAINT idempotency_pk PRIMARY KEY (caller, operation, key),
        CONSTRAINT idempotency_done_ok CHECK ((state = 'DONE') = (status IS NOT NULL))
      );
      CREATE INDEX idempotency_created_ix ON edge.idempotency (created_at);
      GRANT SELECT, INSERT, UPDATE, DELETE ON edge.idempotency TO rootkeep_service;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query("DROP TABLE edge.idempotency");
  }
}
