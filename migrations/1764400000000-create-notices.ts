import type { MigrationInterface, QueryRunner } from "typeorm";

/**
 * Creates the outbox: what people are to be told, and each message to each recipient until it is sent or given up. The rows hold ids and
 * constants and decide nothing, so they are no deciding rows; the service may delete them.
 *
 * Code without it: does not start. With it and old code: the tables stay empty. With it and new code: acts fill them from now on.
 */
export class CreateNotices1764400000000 implements MigrationInterface {
  readonly name = "CreateNotices1764400000000";

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE SCHEMA notices AUTHORIZATION rootkeep_migrate;
      GRANT USAGE ON SCHEMA notices TO rootkeep_service;

      CREATE TABLE notices.notice (
        id text CONSTRAINT notice_pk PRIMARY KEY,
        topic text NOT NULL CONSTRAINT notice_topic_ok CHECK (length(topic) BETWEEN 1 AND 64),
        facts text NOT NULL CONSTRAINT notice_facts_ok CHECK (length(facts) <= 4096),
        audience text NOT NULL CONSTRAINT notice_audience_ok CHECK (length(audience) <= 16384),
        attempts int NOT NULL DEFAULT 0,
        created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
        next_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
        spread_at timestamptz(3)
      );
      CREATE INDEX notice_new_ix ON notices.notice (next_at, id) WHERE spread_at IS NULL;
      CREATE INDEX notice_spread_ix ON notices.notice (spread_at);

      CREATE TABLE notices.delivery (
        id text CONSTRAINT delivery_pk PRIMARY KEY,
        notice_id text NOT NULL CONSTRAINT delivery_notice_fk REFERENCES notices.notice ON DELETE CASCADE,
        channel text NOT NULL CONSTRAINT delivery_channel_ok CHECK (channel IN ('smtp', 'webhook', 'slack', 'file')),
        recipient text NOT NULL,
        state text NOT NULL CONSTRAINT delivery_state_ok CHECK (state IN ('WAITING', 'SENT', 'DEAD')),
        attempts int NOT NULL DEFAULT 0,
        reason text CONSTRAINT delivery_reason_ok CHECK (length(reason) <= 64),
        next_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
        sent_at timestamptz(3),
        CONSTRAINT delivery_recipient_uq UNIQUE (notice_id, channel, recipient)
      );
      CREATE INDEX delivery_due_ix ON notices.delivery (channel, next_at, id) WHERE state = 'WAITING';
      CREATE INDEX delivery_state_ix ON notices.delivery (state, id) WHERE state <> 'SENT';

      GRANT SELECT, INSERT, UPDATE, DELETE ON notices.notice, notices.delivery TO rootkeep_service;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query("DROP TABLE notices.delivery, notices.notice; DROP SCHEMA notices;");
  }
}
