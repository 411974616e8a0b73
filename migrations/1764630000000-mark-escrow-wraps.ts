import type { MigrationInterface, QueryRunner } from "typeorm";

/**
 * Gives each escrow wrap the mark of the service that made it, an HMAC: a row that somebody else put there would pass for a wrap, and the
 * alarm of a key without one would be silent. Such a row must not stand in the way of a real one either, so a key may have several. And the
 * run that wraps what is missing gets a lock (decision 0021), so that one replica at a time asks the root key.
 *
 * Code without it: cannot wrap, as it names the column. With it and old code: wraps without a mark. With it and new code: what has no mark
 * is wrapped once more, by and by.
 */
export class MarkEscrowWraps1764630000000 implements MigrationInterface {
  readonly name = "MarkEscrowWraps1764630000000";

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE keys.escrow_wrap ADD COLUMN mac bytea NOT NULL DEFAULT '' CONSTRAINT escrow_wrap_mac_ok CHECK (octet_length(mac) IN (0, 32));
      ALTER TABLE keys.escrow_wrap DROP CONSTRAINT escrow_wrap_pk, ADD CONSTRAINT escrow_wrap_pk PRIMARY KEY (data_key_id, recipient, mac);
      COMMENT ON COLUMN keys.escrow_wrap.mac IS 'HMAC by the records key; empty in rows that are older than this column';
      CREATE TABLE keys.escrow_turn ();
      COMMENT ON TABLE keys.escrow_turn IS 'holds nothing: to be locked by whose turn it is';
      REVOKE ALL ON keys.escrow_turn FROM PUBLIC;
      GRANT UPDATE ON keys.escrow_turn TO rootkeep_service;
    `);
  }

  async down(): Promise<void> {
    throw new Error("escrow wraps are never dropped: after the loss of a root key they are the only way back");
  }
}
