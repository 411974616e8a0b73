import type { MigrationInterface, QueryRunner } from "typeorm";

/**
 * Creates people: persons, their authenticators and sessions, the allowlist, invitations, and the counters of failed sign-ins. All but
 * the counters are deciding rows.
 *
 * Code without it: does not start. With it and old code: there is no older code. With it and new code: founding fills it.
 */
export class CreatePeople1763800400000 implements MigrationInterface {
  readonly name = "CreatePeople1763800400000";

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE people.person (
        id text CONSTRAINT person_pk PRIMARY KEY,
        name text NOT NULL, email text NOT NULL,
        state text NOT NULL CONSTRAINT person_state_ok CHECK (state IN ('INVITED', 'ACTIVE', 'SUSPENDED', 'LEFT')),
        created_at timestamptz(3) NOT NULL,
        seq bigint NOT NULL, mac bytea NOT NULL CONSTRAINT person_mac_ok CHECK (octet_length(mac) = 32)
      );
      CREATE UNIQUE INDEX person_email_uq ON people.person (lower(email));
      CREATE UNIQUE INDEX person_name_uq ON people.person (lower(name));

      CREATE TABLE people.authenticator (
        id text CONSTRAINT authenticator_pk PRIMARY KEY,
        person_id text NOT NULL CONSTRAINT authenticator_person_fk REFERENCES people.person,
        kind text NOT NULL CONSTRAINT authenticator_kind_ok CHECK (kind IN ('password', 'totp')),
        state text NOT NULL CONSTRAINT authenticator_state_ok CHECK (state IN ('PENDING', 'ACTIVE', 'ENDED')),
        password_hash text, sealed bytea, data_key_id text, last_step bigint,
        usable_from timestamptz(3) NOT NULL, created_at timestamptz(3) NOT NULL,
        seq bigint NOT NULL, mac bytea NOT NULL CONSTRAINT authenticator_mac_ok CHECK (octet_length(mac) = 32),
        CONSTRAINT authenticator_form_ok CHECK (
          kind = 'password' AND password_hash IS NOT NULL AND sealed IS NULL
          OR kind = 'totp' AND password_hash IS NULL AND sealed IS NOT NULL AND data_key_id IS NOT NULL)
      );
      CREATE INDEX authenticator_person_ix ON people.authenticator (person_id);

      CREATE TABLE people.session (
        id text CONSTRAINT session_pk PRIMARY KEY,
        person_id text NOT NULL CONSTRAINT session_person_fk REFERENCES people.person,
        token_hash bytea NOT NULL CONSTRAINT session_token_uq UNIQUE,
        created_at timestamptz(3) NOT NULL, expires_at timestamptz(3) NOT NULL, ended_at timestamptz(3),
        last_seen_at timestamptz(3) NOT NULL,
        seq bigint NOT NULL, mac bytea NOT NULL CONSTRAINT session_mac_ok CHECK (octet_length(mac) = 32)
      );
      CREATE INDEX session_person_ix ON people.session (person_id);

      CREATE TABLE people.allowlist_entry (
        id text CONSTRAINT allowlist_entry_pk PRIMARY KEY,
        person_id text NOT NULL CONSTRAINT allowlist_entry_person_fk REFERENCES people.person,
        role text NOT NULL CONSTRAINT allowlist_entry_role_ok CHECK (role IN ('requester', 'approver', 'custodian', 'auditor')),
        scope text NOT NULL,
        valid_from timestamptz(3) NOT NULL, valid_to timestamptz(3) NOT NULL, ended_at timestamptz(3),
        seq bigint NOT NULL, mac bytea NOT NULL CONSTRAINT allowlist_entry_mac_ok CHECK (octet_length(mac) = 32)
      );
      CREATE INDEX allowlist_entry_person_ix ON people.allowlist_entry (person_id);

      CREATE TABLE people.invitation (
        id text CONSTRAINT invitation_pk PRIMARY KEY,
        person_id text NOT NULL CONSTRAINT invitation_person_fk REFERENCES people.person,
        request_id text NOT NULL CONSTRAINT invitation_request_uq UNIQUE,
        asked_by text NOT NULL, approved_by text NOT NULL,
        state text NOT NULL CONSTRAINT invitation_state_ok CHECK (state IN ('OPEN', 'ACCEPTED', 'CONFIRMED', 'VOID')),
        token_hash bytea CONSTRAINT invitation_token_uq UNIQUE, code_hash bytea,
        expires_at timestamptz(3) NOT NULL, failures int NOT NULL DEFAULT 0,
        seq bigint NOT NULL, mac bytea NOT NULL CONSTRAINT invitation_mac_ok CHECK (octet_length(mac) = 32)
      );

      CREATE TABLE people.signin_failure (
        subject text CONSTRAINT signin_failure_pk PRIMARY KEY,
        failures int NOT NULL, last_at timestamptz(3) NOT NULL
      );

      GRANT SELECT, INSERT ON people.person, people.authenticator, people.session, people.allowlist_entry, people.invitation TO rootkeep_service;
      GRANT UPDATE (state, seq, mac) ON people.person TO rootkeep_service;
      GRANT UPDATE (state, last_step, usable_from, seq, mac) ON people.authenticator TO rootkeep_service;
      GRANT UPDATE (ended_at, last_seen_at, seq, mac) ON people.session TO rootkeep_service;
      GRANT UPDATE (ended_at, seq, mac) ON people.allowlist_entry TO rootkeep_service;
      GRANT UPDATE (state, token_hash, code_hash, failures, seq, mac) ON people.invitation TO rootkeep_service;
      GRANT SELECT, INSERT, UPDATE, DELETE ON people.signin_failure TO rootkeep_service;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE people.signin_failure, people.invitation, people.allowlist_entry, people.session, people.authenticator, people.person
    `);
  }
}
