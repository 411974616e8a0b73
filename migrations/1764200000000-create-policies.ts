import type { MigrationInterface, QueryRunner } from "typeorm";

/**
 * Creates policies and teams: deciding rows. A policy book is never changed or deleted; a person's team changes in its row, and the log has
 * the history.
 *
 * Code without it: does not start. With it and old code: the tables stay empty. With it and new code: custodians fill them; until then the
 * catalogue's terms hold alone.
 */
export class CreatePolicies1764200000000 implements MigrationInterface {
  readonly name = "CreatePolicies1764200000000";

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE approvals.policy_book (
        id text CONSTRAINT policy_book_pk PRIMARY KEY CONSTRAINT policy_book_id_ok CHECK (id ~ '^pol_[0-9]{26}$'),
        text text NOT NULL,
        request_id text NOT NULL CONSTRAINT policy_book_request_fk REFERENCES approvals.request,
        changed_at timestamptz(3) NOT NULL,
        seq bigint NOT NULL, mac bytea NOT NULL CONSTRAINT policy_book_mac_ok CHECK (octet_length(mac) = 32)
      );

      CREATE TABLE people.person_team (
        id text CONSTRAINT person_team_pk PRIMARY KEY CONSTRAINT person_team_person_fk REFERENCES people.person,
        team text,
        seq bigint NOT NULL, mac bytea NOT NULL CONSTRAINT person_team_mac_ok CHECK (octet_length(mac) = 32)
      );

      GRANT SELECT, INSERT ON approvals.policy_book, people.person_team TO rootkeep_service;
      -- A row lock needs the right to change something; of a book that is the runner's stamp alone.
      GRANT UPDATE (seq, mac) ON approvals.policy_book TO rootkeep_service;
      GRANT UPDATE (team, seq, mac) ON people.person_team TO rootkeep_service;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE people.person_team, approvals.policy_book`);
  }
}
