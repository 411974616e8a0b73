import type { MigrationInterface, QueryRunner } from "typeorm";

/**
 * Creates dual control: requests, approvals and grants; all deciding rows. What a request asks for never changes (law L3): the service
 * may update its state and nothing else.
 *
 * Code without it: does not start. With it and old code: there is no older code. With it and new code: requests fill it.
 */
export class CreateApprovals1763800500000 implements MigrationInterface {
  readonly name = "CreateApprovals1763800500000";

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE approvals.request (
        id text CONSTRAINT request_pk PRIMARY KEY,
        operation text NOT NULL, requester_id text NOT NULL,
        account_id text, person_id text,
        body text NOT NULL, hash bytea NOT NULL CONSTRAINT request_hash_ok CHECK (octet_length(hash) = 32),
        state text NOT NULL CONSTRAINT request_state_ok CHECK (state IN
          ('SUBMITTED', 'APPROVED', 'OPENED', 'RETURNED', 'CLOSED', 'DENIED', 'EXPIRED', 'REVOKED', 'WITHDRAWN')),
        submitted_at timestamptz(3) NOT NULL, expires_at timestamptz(3) NOT NULL,
        seq bigint NOT NULL, mac bytea NOT NULL CONSTRAINT request_mac_ok CHECK (octet_length(mac) = 32)
      );
      CREATE INDEX request_state_ix ON approvals.request (state, id);
      CREATE INDEX request_requester_ix ON approvals.request (requester_id, id);
      CREATE INDEX request_account_ix ON approvals.request (account_id, id);

      CREATE TABLE approvals.approval (
        id text CONSTRAINT approval_pk PRIMARY KEY,
        request_id text NOT NULL CONSTRAINT approval_request_fk REFERENCES approvals.request,
        person_id text NOT NULL,
        verdict text NOT NULL CONSTRAINT approval_verdict_ok CHECK (verdict IN ('approve', 'deny')),
        statement text NOT NULL, authenticator_id text, reason text NOT NULL, decided_at timestamptz(3) NOT NULL,
        seq bigint NOT NULL, mac bytea NOT NULL CONSTRAINT approval_mac_ok CHECK (octet_length(mac) = 32),
        CONSTRAINT approval_person_uq UNIQUE (request_id, person_id)
      );

      CREATE TABLE approvals.access_grant (
        id text CONSTRAINT access_grant_pk PRIMARY KEY,
        request_id text NOT NULL CONSTRAINT access_grant_request_uq UNIQUE REFERENCES approvals.request,
        holder_id text NOT NULL, account_id text NOT NULL,
        versions text NOT NULL, codes_max int NOT NULL, openings text NOT NULL,
        state text NOT NULL CONSTRAINT access_grant_state_ok CHECK (state IN ('OPEN', 'RETURNED', 'EXPIRED', 'REVOKED')),
        granted_at timestamptz(3) NOT NULL, expires_at timestamptz(3) NOT NULL,
        seq bigint NOT NULL, mac bytea NOT NULL CONSTRAINT access_grant_mac_ok CHECK (octet_length(mac) = 32)
      );
      CREATE UNIQUE INDEX access_grant_one_check_out ON approvals.access_grant (account_id) WHERE state = 'OPEN';
      CREATE INDEX access_grant_holder_ix ON approvals.access_grant (holder_id, id);

      GRANT SELECT, INSERT ON approvals.request, approvals.approval, approvals.access_grant TO rootkeep_service;
      GRANT UPDATE (state, seq, mac) ON approvals.request TO rootkeep_service;
      -- A row lock needs the right to change something; of an approval that is the runner's stamp alone.
      GRANT UPDATE (seq, mac) ON approvals.approval TO rootkeep_service;
      GRANT UPDATE (state, openings, seq, mac) ON approvals.access_grant TO rootkeep_service;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE approvals.access_grant, approvals.approval, approvals.request`);
  }
}
