import type { MigrationInterface, QueryRunner } from "typeorm";

/**
 * Creates the list of what people were told once and are not to be told again, whichever replica looks and however often it restarts. It
 * decides nothing, so its rows are no deciding rows; the service may delete them.
 *
 * Code without it: reminds nobody. With it and old code: the table stays empty. With it and new code: reminders fill it.
 */
export class RememberReminders1764620100000 implements MigrationInterface {
  readonly name = "RememberReminders1764620100000";

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE notices.told (
        subject text CONSTRAINT told_pk PRIMARY KEY CONSTRAINT told_subject_ok CHECK (length(subject) BETWEEN 1 AND 200),
        told_at timestamptz(3) NOT NULL DEFAULT clock_timestamp()
      );
      CREATE INDEX told_at_ix ON notices.told (told_at);

      GRANT SELECT, INSERT, DELETE ON notices.told TO rootkeep_service;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query("DROP TABLE notices.told");
  }
}
