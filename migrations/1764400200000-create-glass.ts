import type { MigrationInterface, QueryRunner } from "typeorm";

/**
 * Creates the uses of break-glass and their reviews: deciding rows. The service may close a use and change nothing else of it.
 *
 * Code without it: does not open. With it and old code: the table stays empty. With it and new code: each break-glass fills it.
 */
export class CreateGlass1764400200000 implements MigrationInterface {
  readonly name = "CreateGlass1764400200000";

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE approvals.glass_use (
        id text CONSTRAINT glass_use_pk PRIMARY KEY,
        account_id text NOT NULL,
        request_id text NOT NULL CONSTRAINT glass_use_request_uq UNIQUE REFERENCES approvals.request,
        grant_id text NOT NULL CONSTRAINT glass_use_grant_uq UNIQUE REFERENCES approvals.access_grant,
        participants text NOT NULL,
        state text NOT NULL CONSTRAINT glass_use_state_ok CHECK (state IN ('OPEN', 'CLOSED')),
        due_at timestamptz(3) NOT NULL,
        reviewer_id text, findings text, statement text, closed_at timestamptz(3),
        seq bigint NOT NULL, mac bytea NOT NULL CONSTRAINT glass_use_mac_ok CHECK (octet_length(mac) = 32),
        CONSTRAINT glass_use_closed_ok CHECK ((state = 'CLOSED') =
          (reviewer_id IS NOT NULL AND findings IS NOT NULL AND statement IS NOT NULL AND closed_at IS NOT NULL))
      );
      CREATE UNIQUE INDEX glass_use_one_open ON approvals.glass_use (account_id) WHERE state = 'OPEN';

      GRANT SELECT, INSERT ON approvals.glass_use TO rootkeep_service;
      GRANT UPDATE (state, reviewer_id, findings, statement, closed_at, seq, mac) ON approvals.glass_use TO rootkeep_service;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query("DROP TABLE approvals.glass_use");
  }
}
