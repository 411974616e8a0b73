import type { MigrationInterface, QueryRunner } from "typeorm";

/**
 * Creates the table of data keys that are wrapped to the escrow quorum besides (docs/spec/escrow.md). Append-only like the data keys: a
 * wrap that somebody could change in place would be missed only when it is needed.
 *
 * Code without it: does not wrap. With it and old code: the table stays empty. With it and new code: keys that are there already are
 * wrapped by and by, once custodians have approved a recipient.
 */
export class CreateEscrowWraps1764620000000 implements MigrationInterface {
  readonly name = "CreateEscrowWraps1764620000000";

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE keys.escrow_wrap (
        data_key_id text NOT NULL CONSTRAINT escrow_wrap_data_key_fk REFERENCES keys.data_key (id),
        recipient text NOT NULL CONSTRAINT escrow_wrap_recipient_ok CHECK (recipient ~ '^age1[02-9ac-hj-np-z]{58}$'),
        wrapped bytea NOT NULL CONSTRAINT escrow_wrap_wrapped_ok CHECK (octet_length(wrapped) BETWEEN 1 AND 4096),
        created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT escrow_wrap_pk PRIMARY KEY (data_key_id, recipient)
      );
      COMMENT ON COLUMN keys.escrow_wrap.wrapped IS 'an age file to the recipient; its plaintext names the row that it belongs to';
      CREATE TRIGGER no_mutation BEFORE UPDATE OR DELETE ON keys.escrow_wrap FOR EACH ROW EXECUTE FUNCTION keys.deny();
      CREATE TRIGGER no_truncate BEFORE TRUNCATE ON keys.escrow_wrap FOR EACH STATEMENT EXECUTE FUNCTION keys.deny();
      ALTER TABLE keys.escrow_wrap ENABLE ALWAYS TRIGGER no_mutation;
      ALTER TABLE keys.escrow_wrap ENABLE ALWAYS TRIGGER no_truncate;
      REVOKE ALL ON keys.escrow_wrap FROM PUBLIC;
      GRANT SELECT, INSERT ON keys.escrow_wrap TO rootkeep_service;
    `);
  }

  async down(): Promise<void> {
    throw new Error("escrow wraps are never dropped: after the loss of a root key they are the only way back");
  }
}
