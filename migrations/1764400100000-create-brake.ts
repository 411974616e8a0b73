import type { MigrationInterface, QueryRunner } from "typeorm";

/**
 * Creates the raises of the exfiltration brake: deciding rows. What was opened is counted in the log and has no table.
 *
 * Code without it: does not open. With it and old code: the table stays empty. With it and new code: guarded acts fill it.
 */
export class CreateBrake1764400100000 implements MigrationInterface {
  readonly name = "CreateBrake1764400100000";

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE approvals.brake_raise (
        id text CONSTRAINT brake_raise_pk PRIMARY KEY,
        person_id text,
        openings int NOT NULL CONSTRAINT brake_raise_openings_ok CHECK (openings > 0),
        valid_from timestamptz(3) NOT NULL, valid_to timestamptz(3) NOT NULL,
        seq bigint NOT NULL, mac bytea NOT NULL CONSTRAINT brake_raise_mac_ok CHECK (octet_length(mac) = 32)
      );
      GRANT SELECT, INSERT ON approvals.brake_raise TO rootkeep_service;
      -- A row lock needs the right to change something: the runner's stamp alone.
      GRANT UPDATE (seq, mac) ON approvals.brake_raise TO rootkeep_service;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query("DROP TABLE approvals.brake_raise");
  }
}
