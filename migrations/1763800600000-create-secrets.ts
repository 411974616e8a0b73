import type { MigrationInterface, QueryRunner } from "typeorm";

/**
 * Creates secrets, their versions (deciding rows) and the sealed bytes, which stand in append-only rows of their own. The invariants I1,
 * I2 and I4 of credential versions (docs/spec/secret-versions.md) are constraints here: the service may insert a STAGED version, and
 * every other state is reached through one function that knows the allowed steps.
 *
 * Code without it: does not start. With it and old code: there is no older code. With it and new code: the import fills it.
 */
export class CreateSecrets1763800600000 implements MigrationInterface {
  readonly name = "CreateSecrets1763800600000";

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE secrets.secret (
        id text CONSTRAINT secret_pk PRIMARY KEY,
        account_id text NOT NULL CONSTRAINT secret_account_fk REFERENCES accounts.account,
        kind text NOT NULL CONSTRAINT secret_kind_ok CHECK (kind IN ('root-password', 'mfa-seed', 'mfa-recovery', 'mail-body', 'mail-code', 'note')),
        created_at timestamptz(3) NOT NULL,
        seq bigint NOT NULL, mac bytea NOT NULL CONSTRAINT secret_mac_ok CHECK (octet_length(mac) = 32)
      );
      CREATE INDEX secret_account_ix ON secrets.secret (account_id, kind);

      CREATE TABLE secrets.secret_version (
        id text CONSTRAINT secret_version_pk PRIMARY KEY,
        secret_id text NOT NULL CONSTRAINT secret_version_secret_fk REFERENCES secrets.secret,
        number int NOT NULL CONSTRAINT secret_version_number_ok CHECK (number > 0),
        state text NOT NULL DEFAULT 'STAGED' CONSTRAINT secret_version_state_ok CHECK (state IN
          ('STAGED', 'APPLYING', 'ACTIVE', 'SUPERSEDED', 'DESTROYED', 'AMBIGUOUS', 'ABANDONED', 'COMPROMISED')),
        exposure text NOT NULL CONSTRAINT secret_version_exposure_ok CHECK (exposure IN ('CLEAN', 'EXPOSED', 'BURNT')),
        data_key_id text NOT NULL, sealed_sha256 bytea NOT NULL CONSTRAINT secret_version_sha_ok CHECK (octet_length(sealed_sha256) = 32),
        last_step bigint, created_at timestamptz(3) NOT NULL,
        seq bigint NOT NULL, mac bytea NOT NULL CONSTRAINT secret_version_mac_ok CHECK (octet_length(mac) = 32),
        CONSTRAINT secret_version_number_uq UNIQUE (secret_id, number)
      );
      CREATE UNIQUE INDEX secret_version_one_active ON secrets.secret_version (secret_id) WHERE state = 'ACTIVE';
      CREATE UNIQUE INDEX secret_version_one_candidate ON secrets.secret_version (secret_id)
        WHERE state IN ('STAGED', 'APPLYING', 'AMBIGUOUS');

      CREATE TABLE secrets.sealed_value (
        version_id text CONSTRAINT sealed_value_pk PRIMARY KEY,
        sealed bytea NOT NULL CONSTRAINT sealed_value_size_ok CHECK (octet_length(sealed) BETWEEN 100 AND 1048576)
      );

      CREATE FUNCTION secrets.deny() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
      BEGIN
        RAISE EXCEPTION 'secrets.% is append-only (%)', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
      END $$;
      CREATE TRIGGER no_mutation BEFORE UPDATE OR DELETE ON secrets.sealed_value FOR EACH ROW EXECUTE FUNCTION secrets.deny();
      CREATE TRIGGER no_truncate BEFORE TRUNCATE ON secrets.sealed_value FOR EACH STATEMENT EXECUTE FUNCTION secrets.deny();
      CREATE TRIGGER no_removal BEFORE DELETE ON secrets.secret_version FOR EACH ROW EXECUTE FUNCTION secrets.deny();
      ALTER TABLE secrets.sealed_value ENABLE ALWAYS TRIGGER no_mutation;
      ALTER TABLE secrets.sealed_value ENABLE ALWAYS TRIGGER no_truncate;
      CREATE TRIGGER no_truncate BEFORE TRUNCATE ON secrets.secret_version FOR EACH STATEMENT EXECUTE FUNCTION secrets.deny();
      ALTER TABLE secrets.secret_version ENABLE ALWAYS TRIGGER no_removal;
      ALTER TABLE secrets.secret_version ENABLE ALWAYS TRIGGER no_truncate;

      -- A version is born STAGED, whatever the INSERT says.
      CREATE FUNCTION secrets.born_staged() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
      BEGIN
        IF NEW.state <> 'STAGED' THEN RAISE EXCEPTION 'a version is born STAGED' USING ERRCODE = 'check_violation'; END IF;
        RETURN NEW;
      END $$;
      CREATE TRIGGER born_staged BEFORE INSERT ON secrets.secret_version FOR EACH ROW EXECUTE FUNCTION secrets.born_staged();
      ALTER TABLE secrets.secret_version ENABLE ALWAYS TRIGGER born_staged;

      -- I4: the predecessor is superseded in the same statement that makes the successor ACTIVE, and a successor needs evidence.
      CREATE FUNCTION secrets.activate(p_version text, p_evidence text) RETURNS text
      LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
      DECLARE v record; old text;
      BEGIN
        SELECT * INTO v FROM secrets.secret_version WHERE id = p_version FOR UPDATE;
        IF NOT FOUND OR v.state NOT IN ('STAGED', 'APPLYING', 'AMBIGUOUS') THEN
          RAISE EXCEPTION 'version cannot become ACTIVE' USING ERRCODE = 'check_violation';
        END IF;
        SELECT id INTO old FROM secrets.secret_version WHERE secret_id = v.secret_id AND state = 'ACTIVE' FOR UPDATE;
        IF old IS NOT NULL AND coalesce(p_evidence, '') = '' THEN
          RAISE EXCEPTION 'a successor needs evidence' USING ERRCODE = 'check_violation';
        END IF;
        UPDATE secrets.secret_version SET state = 'SUPERSEDED' WHERE id = old;
        UPDATE secrets.secret_version SET state = 'ACTIVE' WHERE id = p_version;
        RETURN old;
      END $$;
      REVOKE ALL ON ALL FUNCTIONS IN SCHEMA secrets FROM PUBLIC;
      GRANT EXECUTE ON FUNCTION secrets.activate(text, text) TO rootkeep_service;

      GRANT SELECT, INSERT ON secrets.secret, secrets.secret_version, secrets.sealed_value TO rootkeep_service;
      GRANT UPDATE (seq, mac) ON secrets.secret TO rootkeep_service;
      GRANT UPDATE (exposure, last_step, seq, mac) ON secrets.secret_version TO rootkeep_service;
    `);
  }

  down(): Promise<void> {
    throw new Error("sealed values are never taken down");
  }
}
