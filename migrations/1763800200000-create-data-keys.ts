import type { MigrationInterface, QueryRunner } from "typeorm";

/**
 * Creates the table of wrapped data keys. It is append-only: the service inserts and reads, and a trigger refuses the rest even to the
 * owner. A lost or changed row costs every value that the key sealed, so nothing may update one in place.
 *
 * Code without it: starts no earlier than the migrations, never sees it. With it and old code: there is no older code. With it and new
 * code: the people keys are created at the first start.
 */
export class CreateDataKeys1763800200000 implements MigrationInterface {
  readonly name = "CreateDataKeys1763800200000";

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE keys.data_key (
        id text CONSTRAINT data_key_pk PRIMARY KEY CONSTRAINT data_key_id_ok CHECK (id ~ '^dk_[0-7][0-9a-hjkmnp-tv-z]{25}$'),
        account_id text,
        aws_account_id text CONSTRAINT data_key_aws_account_id_ok CHECK (aws_account_id ~ '^[0-9]{12}$'),
        domain text NOT NULL CONSTRAINT data_key_domain_ok CHECK (domain IN ('password', 'mfa', 'mail', 'people')),
        key_use text NOT NULL CONSTRAINT data_key_use_ok CHECK (key_use = 'seal' OR (key_use = 'records' AND domain = 'people')),
        version integer NOT NULL CONSTRAINT data_key_version_ok CHECK (version >= 1),
        state text NOT NULL CONSTRAINT data_key_state_ok CHECK (state IN ('ACTIVE', 'DEACTIVATED', 'DESTROYED')),
        root_key_uri text NOT NULL CONSTRAINT data_key_root_key_uri_ok CHECK (octet_length(root_key_uri) BETWEEN 1 AND 2048),
        wrapped bytea NOT NULL CONSTRAINT data_key_wrapped_ok CHECK (octet_length(wrapped) BETWEEN 1 AND 6144),
        created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT data_key_owner_ok CHECK ((account_id IS NULL) = (domain = 'people') AND (aws_account_id IS NULL) = (account_id IS NULL)),
        CONSTRAINT data_key_version_uq UNIQUE NULLS NOT DISTINCT (account_id, domain, key_use, version)
      );
      COMMENT ON COLUMN keys.data_key.wrapped IS 'wrapped by the root key; bound to the ids of this row';
    `);
    await runner.query(`
      CREATE FUNCTION keys.deny() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
      BEGIN
        RAISE EXCEPTION 'keys.% is append-only (%)', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
      END $$;
      REVOKE ALL ON FUNCTION keys.deny() FROM PUBLIC;
      CREATE TRIGGER no_mutation BEFORE UPDATE OR DELETE ON keys.data_key FOR EACH ROW EXECUTE FUNCTION keys.deny();
      CREATE TRIGGER no_truncate BEFORE TRUNCATE ON keys.data_key FOR EACH STATEMENT EXECUTE FUNCTION keys.deny();
      ALTER TABLE keys.data_key ENABLE ALWAYS TRIGGER no_mutation;
      ALTER TABLE keys.data_key ENABLE ALWAYS TRIGGER no_truncate;
      REVOKE ALL ON keys.data_key FROM PUBLIC;
      GRANT SELECT, INSERT ON keys.data_key TO rootkeep_service;
    `);
  }

  async down(): Promise<void> {
    throw new Error("data keys are never dropped: everything that they sealed would be lost");
  }
}
