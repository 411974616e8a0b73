import type { MigrationInterface, QueryRunner } from "typeorm";

/**
 * Creates the built-in board and the outbox of what tickets are to be told. A ticket of the board is a deciding row: whether it is open refuses
 * an opening or does not. Comments and the outbox decide nothing. The service may close a ticket and change nothing else of it.
 *
 * Code without it: does not start. With it and old code: the tables stay empty. With it and new code: the board takes tickets; the outbox fills
 * only where a ticket system is connected.
 */
export class CreateTickets1764620200000 implements MigrationInterface {
  readonly name = "CreateTickets1764620200000";

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE SCHEMA tickets AUTHORIZATION rootkeep_migrate;
      GRANT USAGE ON SCHEMA tickets TO rootkeep_service;

      CREATE TABLE tickets.board_ticket (
        id text CONSTRAINT board_ticket_pk PRIMARY KEY,
        reference text NOT NULL CONSTRAINT board_ticket_reference_uq UNIQUE
          CONSTRAINT board_ticket_reference_ok CHECK (length(reference) BETWEEN 1 AND 64),
        account_id text CONSTRAINT board_ticket_account_fk REFERENCES accounts.account,
        title text NOT NULL CONSTRAINT board_ticket_title_ok CHECK (length(title) BETWEEN 1 AND 200),
        state text NOT NULL CONSTRAINT board_ticket_state_ok CHECK (state IN ('OPEN', 'CLOSED')),
        opened_by text, opened_at timestamptz(3) NOT NULL,
        closed_by text, closed_at timestamptz(3),
        open_key text CONSTRAINT board_ticket_open_key_uq UNIQUE,
        seq bigint NOT NULL, mac bytea NOT NULL CONSTRAINT board_ticket_mac_ok CHECK (octet_length(mac) = 32),
        CONSTRAINT board_ticket_opener_ok CHECK ((opened_by IS NULL) <> (open_key IS NULL)),
        CONSTRAINT board_ticket_closed_ok CHECK ((state = 'CLOSED') = (closed_by IS NOT NULL AND closed_at IS NOT NULL))
      );
      CREATE INDEX board_ticket_state_ix ON tickets.board_ticket (state, id);
      GRANT SELECT, INSERT ON tickets.board_ticket TO rootkeep_service;
      GRANT UPDATE (state, closed_by, closed_at, seq, mac) ON tickets.board_ticket TO rootkeep_service;

      CREATE TABLE tickets.board_series (
        series text CONSTRAINT board_series_pk PRIMARY KEY,
        last bigint NOT NULL
      );
      GRANT SELECT, INSERT, UPDATE ON tickets.board_series TO rootkeep_service;

      CREATE TABLE tickets.board_comment (
        id text CONSTRAINT board_comment_pk PRIMARY KEY,
        ticket_id text NOT NULL CONSTRAINT board_comment_ticket_fk REFERENCES tickets.board_ticket,
        author_id text,
        body text NOT NULL CONSTRAINT board_comment_body_ok CHECK (length(body) BETWEEN 1 AND 4096),
        at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
        position bigint GENERATED ALWAYS AS IDENTITY
      );
      CREATE INDEX board_comment_ticket_ix ON tickets.board_comment (ticket_id, position);
      GRANT SELECT, INSERT ON tickets.board_comment TO rootkeep_service;

      CREATE TABLE tickets.ticket_update (
        id text CONSTRAINT ticket_update_pk PRIMARY KEY,
        position bigint GENERATED ALWAYS AS IDENTITY,
        thread text NOT NULL CONSTRAINT ticket_update_thread_ok CHECK (length(thread) BETWEEN 1 AND 64),
        act text NOT NULL CONSTRAINT ticket_update_act_ok CHECK (act IN ('APPEND', 'OPEN')),
        reference text CONSTRAINT ticket_update_reference_ok CHECK (length(reference) BETWEEN 1 AND 64),
        event text NOT NULL CONSTRAINT ticket_update_event_ok CHECK (length(event) BETWEEN 1 AND 64),
        facts text NOT NULL CONSTRAINT ticket_update_facts_ok CHECK (length(facts) <= 4096),
        entry_id uuid,
        state text NOT NULL DEFAULT 'WAITING' CONSTRAINT ticket_update_state_ok CHECK (state IN ('WAITING', 'SENT', 'DEAD')),
        attempts int NOT NULL DEFAULT 0,
        reason text CONSTRAINT ticket_update_reason_ok CHECK (length(reason) <= 64),
        created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
        next_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
        sent_at timestamptz(3)
      );
      CREATE INDEX ticket_update_thread_ix ON tickets.ticket_update (thread, position);
      CREATE INDEX ticket_update_due_ix ON tickets.ticket_update (next_at, position) WHERE state = 'WAITING';
      CREATE INDEX ticket_update_state_ix ON tickets.ticket_update (state, id) WHERE state <> 'SENT';
      GRANT SELECT, INSERT, UPDATE, DELETE ON tickets.ticket_update TO rootkeep_service;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      "DROP TABLE tickets.ticket_update, tickets.board_comment, tickets.board_series, tickets.board_ticket; DROP SCHEMA tickets;",
    );
  }
}
