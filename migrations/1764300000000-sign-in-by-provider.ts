import type { MigrationInterface, QueryRunner } from "typeorm";

/**
 * Signing in at an OpenID Connect provider: identities (deciding), sign-ins that were begun, what a session may ask the provider with, and
 * logout tokens that were used. A session learns by which identity and from where it was opened; an invitation may be one to link an identity.
 *
 * Code without it: does not start. With it and old code: signs in with passwords as before; the new columns stay null. With it and new code:
 * nothing changes for sessions and invitations that are there, whose HMACs leave a null column out [DR-16].
 */
export class SignInByProvider1764300000000 implements MigrationInterface {
  readonly name = "SignInByProvider1764300000000";

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE people.identity (
        id text CONSTRAINT identity_pk PRIMARY KEY,
        person_id text NOT NULL CONSTRAINT identity_person_fk REFERENCES people.person,
        issuer text NOT NULL, subject text NOT NULL,
        state text NOT NULL CONSTRAINT identity_state_ok CHECK (state IN ('ACTIVE', 'ENDED')),
        usable_from timestamptz(3) NOT NULL, created_at timestamptz(3) NOT NULL,
        seq bigint NOT NULL, mac bytea NOT NULL CONSTRAINT identity_mac_ok CHECK (octet_length(mac) = 32),
        CONSTRAINT identity_subject_uq UNIQUE (issuer, subject)
      );
      CREATE INDEX identity_person_ix ON people.identity (person_id);

      ALTER TABLE people.session ADD COLUMN identity_id text CONSTRAINT session_identity_fk REFERENCES people.identity, ADD COLUMN place text;
      CREATE INDEX session_identity_ix ON people.session (identity_id) WHERE identity_id IS NOT NULL;

      ALTER TABLE people.invitation DROP CONSTRAINT invitation_state_ok;
      ALTER TABLE people.invitation
        ADD CONSTRAINT invitation_state_ok CHECK (state IN ('OPEN', 'LINK', 'ACCEPTED', 'CONFIRMED', 'VOID'));

      CREATE TABLE people.oidc_login (
        token_hash bytea CONSTRAINT oidc_login_pk PRIMARY KEY,
        purpose text NOT NULL CONSTRAINT oidc_login_purpose_ok CHECK (purpose IN ('sign-in', 'link')),
        expires_at timestamptz(3) NOT NULL, used_at timestamptz(3), mac bytea NOT NULL
      );
      CREATE INDEX oidc_login_expires_ix ON people.oidc_login (expires_at);

      CREATE TABLE people.provider_session (
        session_id text CONSTRAINT provider_session_pk PRIMARY KEY,
        sid_hash bytea, data_key_id text NOT NULL, sealed bytea NOT NULL,
        checked_at timestamptz(3) NOT NULL, leased_until timestamptz(3), mac bytea NOT NULL
      );

      CREATE INDEX provider_session_sid_ix ON people.provider_session (sid_hash);

      CREATE TABLE people.logout_token (
        token_hash bytea CONSTRAINT logout_token_pk PRIMARY KEY, expires_at timestamptz(3) NOT NULL
      );

      GRANT SELECT, INSERT ON people.identity TO rootkeep_service;
      GRANT UPDATE (state, usable_from, seq, mac) ON people.identity TO rootkeep_service;
      GRANT SELECT, INSERT, DELETE ON people.oidc_login, people.logout_token TO rootkeep_service;
      GRANT UPDATE (used_at) ON people.oidc_login TO rootkeep_service;
      GRANT SELECT, INSERT, DELETE ON people.provider_session TO rootkeep_service;
      GRANT UPDATE (data_key_id, sealed, checked_at, leased_until, mac) ON people.provider_session TO rootkeep_service;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE people.logout_token, people.provider_session, people.oidc_login;
      ALTER TABLE people.session DROP COLUMN identity_id, DROP COLUMN place;
      DROP TABLE people.identity;
      ALTER TABLE people.invitation DROP CONSTRAINT invitation_state_ok;
      ALTER TABLE people.invitation ADD CONSTRAINT invitation_state_ok CHECK (state IN ('OPEN', 'ACCEPTED', 'CONFIRMED', 'VOID'));
    `);
  }
}
