import type { MigrationInterface, QueryRunner } from "typeorm";

/**
 * Creates the lives of accounts and the checklists that they go through (deciding rows). A life's key is its account, a step's is checklist and
 * step: of both, absence is proven by the log. One checklist of an account is open at a time. Nothing of these tables is ever deleted.
 *
 * Code without it: does not start. With it and old code: the tables stay empty, and accounts stay in the state that their import gave them. With
 * it and new code: an account gets its life with its first checklist.
 */
export class CreateChecklists1764760000000 implements MigrationInterface {
  readonly name = "CreateChecklists1764760000000";

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE SCHEMA lifecycle AUTHORIZATION rootkeep_migrate;
      GRANT USAGE ON SCHEMA lifecycle TO rootkeep_service;

      CREATE TABLE lifecycle.checklist (
        id text CONSTRAINT checklist_pk PRIMARY KEY,
        account_id text NOT NULL CONSTRAINT checklist_account_fk REFERENCES accounts.account,
        kind text NOT NULL CONSTRAINT checklist_kind_ok CHECK (kind IN ('onboarding', 'closure', 'reopening', 'handback')),
        state text NOT NULL CONSTRAINT checklist_state_ok CHECK (state IN ('OPEN', 'DONE', 'ENDED')),
        account_kind text NOT NULL CONSTRAINT checklist_account_kind_ok CHECK (account_kind IN ('standalone', 'management', 'member')),
        custody text NOT NULL CONSTRAINT checklist_custody_ok CHECK (custody IN
          ('VAULTED', 'CENTRAL', 'SPLIT', 'CO_OWNED', 'CUSTOMER', 'NONE')),
        target text CONSTRAINT checklist_target_ok CHECK (target IN ('organization', 'standalone', 'whole-organization')),
        document text CONSTRAINT checklist_document_ok CHECK (document ~ '^[0-9a-f]{64}$'),
        steps text NOT NULL CONSTRAINT checklist_steps_ok CHECK (length(steps) BETWEEN 1 AND 40),
        begun_by text NOT NULL, begun_at timestamptz(3) NOT NULL, ended_at timestamptz(3),
        seq bigint NOT NULL, mac bytea NOT NULL CONSTRAINT checklist_mac_ok CHECK (octet_length(mac) = 32),
        CONSTRAINT checklist_target_of_handback CHECK ((kind = 'handback') = (target IS NOT NULL)),
        CONSTRAINT checklist_ended_ok CHECK ((state = 'OPEN') = (ended_at IS NULL))
      );
      CREATE UNIQUE INDEX checklist_one_open ON lifecycle.checklist (account_id) WHERE state = 'OPEN';
      CREATE INDEX checklist_account_ix ON lifecycle.checklist (account_id, id);

      CREATE TABLE lifecycle.step (
        id text CONSTRAINT step_pk PRIMARY KEY,
        checklist_id text NOT NULL CONSTRAINT step_checklist_fk REFERENCES lifecycle.checklist,
        step text NOT NULL CONSTRAINT step_step_ok CHECK (step ~ '^[A-Z][0-9]{1,2}[a-z]?$'),
        state text NOT NULL CONSTRAINT step_state_ok CHECK (state IN ('CLAIMED', 'PASSED', 'WAIVED')),
        kind text NOT NULL CONSTRAINT step_kind_ok CHECK (kind IN
          ('entry', 'posture', 'rotation', 'destruction', 'mail', 'attestation', 'aws-event', 'document', 'waiver')),
        reference text NOT NULL CONSTRAINT step_reference_ok CHECK (length(reference) BETWEEN 1 AND 128),
        facts text NOT NULL CONSTRAINT step_facts_ok CHECK (octet_length(facts) BETWEEN 2 AND 4096),
        note text NOT NULL CONSTRAINT step_note_ok CHECK (length(note) <= 2000),
        claimed_by text NOT NULL, claimed_at timestamptz(3) NOT NULL,
        attested_by text, decided_at timestamptz(3),
        seq bigint NOT NULL, mac bytea NOT NULL CONSTRAINT step_mac_ok CHECK (octet_length(mac) = 32),
        CONSTRAINT step_id_ok CHECK (id = checklist_id || ':' || step),
        CONSTRAINT step_two_people CHECK (attested_by IS NULL OR attested_by <> claimed_by),
        CONSTRAINT step_decided_ok CHECK ((state = 'CLAIMED') = (decided_at IS NULL)),
        -- Law L2, for the owner too: what no program has checked stands by two people.
        CONSTRAINT step_by_two CHECK (state = 'CLAIMED' OR kind IN ('entry', 'posture', 'rotation', 'destruction', 'mail') OR attested_by IS NOT NULL)
      );
      CREATE INDEX step_checklist_ix ON lifecycle.step (checklist_id, id);

      CREATE TABLE accounts.account_life (
        id text CONSTRAINT account_life_pk PRIMARY KEY CONSTRAINT account_life_account_fk REFERENCES accounts.account,
        takeover text NOT NULL CONSTRAINT account_life_takeover_ok CHECK (takeover IN ('OPEN', 'DECLARED', 'WITNESSED')),
        checklist_id text,
        closed_at timestamptz(3), final_at timestamptz(3),
        seq bigint NOT NULL, mac bytea NOT NULL CONSTRAINT account_life_mac_ok CHECK (octet_length(mac) = 32),
        CONSTRAINT account_life_closed_ok CHECK ((closed_at IS NULL) = (final_at IS NULL))
      );
      CREATE INDEX account_life_final_ix ON accounts.account_life (final_at) WHERE final_at IS NOT NULL;

      CREATE FUNCTION lifecycle.deny() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
      BEGIN
        RAISE EXCEPTION '%.% is never deleted from', TG_TABLE_SCHEMA, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
      END $$;
      REVOKE ALL ON FUNCTION lifecycle.deny() FROM PUBLIC;
      CREATE TRIGGER no_removal BEFORE DELETE ON lifecycle.checklist FOR EACH ROW EXECUTE FUNCTION lifecycle.deny();
      CREATE TRIGGER no_removal BEFORE DELETE ON lifecycle.step FOR EACH ROW EXECUTE FUNCTION lifecycle.deny();
      CREATE TRIGGER no_removal BEFORE DELETE ON accounts.account_life FOR EACH ROW EXECUTE FUNCTION lifecycle.deny();

      GRANT SELECT, INSERT ON lifecycle.checklist, lifecycle.step, accounts.account_life TO rootkeep_service;
      GRANT UPDATE (state, ended_at, seq, mac) ON lifecycle.checklist TO rootkeep_service;
      GRANT UPDATE (state, kind, reference, facts, note, claimed_by, claimed_at, attested_by, decided_at, seq, mac) ON lifecycle.step
        TO rootkeep_service;
      GRANT UPDATE (takeover, checklist_id, closed_at, final_at, seq, mac) ON accounts.account_life TO rootkeep_service;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      "DROP TABLE accounts.account_life, lifecycle.step, lifecycle.checklist; DROP FUNCTION lifecycle.deny(); DROP SCHEMA lifecycle;",
    );
  }
}
