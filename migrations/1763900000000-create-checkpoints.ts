import type { MigrationInterface, QueryRunner } from "typeorm";

/**
 * Creates what the log's signer writes: full tiles of the tree, signed checkpoints, and what others countersigned of them. The signer
 * inserts here and nowhere else; the service reads. Rows belong to one origin: a reopened log begins a new tree.
 *
 * Code without it: signs nothing. With it and old code: the tables stay empty. With it and new code: the first checkpoint is signed over
 * the whole log that there is.
 */
export class CreateCheckpoints1763900000000 implements MigrationInterface {
  readonly name = "CreateCheckpoints1763900000000";

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE audit.tile (
        origin text NOT NULL,
        level smallint NOT NULL CONSTRAINT tile_level_ok CHECK (level BETWEEN 0 AND 63),
        idx bigint NOT NULL CONSTRAINT tile_idx_ok CHECK (idx >= 0),
        hashes bytea NOT NULL CONSTRAINT tile_hashes_ok CHECK (octet_length(hashes) = 8192),
        root bytea NOT NULL CONSTRAINT tile_root_ok CHECK (octet_length(root) = 32),
        CONSTRAINT tile_pk PRIMARY KEY (origin, level, idx)
      );
      COMMENT ON TABLE audit.tile IS 'full tiles of C2SP tlog-tiles; narrower ones are cut from audit.entry and from these when asked for';
      COMMENT ON COLUMN audit.tile.root IS 'hash over the tile, which the level above holds: a proof need not read 255 tiles to know their roots';
      ALTER TABLE audit.tile ALTER COLUMN hashes SET STORAGE EXTERNAL;

      CREATE TABLE audit.checkpoint (
        origin text NOT NULL,
        size bigint NOT NULL CONSTRAINT checkpoint_size_ok CHECK (size > 0),
        root bytea NOT NULL CONSTRAINT checkpoint_root_ok CHECK (octet_length(root) = 32),
        note text NOT NULL CONSTRAINT checkpoint_note_ok CHECK (octet_length(note) BETWEEN 1 AND 65536),
        frontier bytea NOT NULL CONSTRAINT checkpoint_frontier_ok CHECK (octet_length(frontier) BETWEEN 32 AND 2016),
        signed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT checkpoint_pk PRIMARY KEY (origin, size)
      );

      CREATE TABLE audit.cosignature (
        origin text NOT NULL,
        size bigint NOT NULL,
        line text NOT NULL CONSTRAINT cosignature_line_ok CHECK (octet_length(line) BETWEEN 1 AND 8192),
        CONSTRAINT cosignature_pk PRIMARY KEY (origin, size, line),
        CONSTRAINT cosignature_checkpoint_fk FOREIGN KEY (origin, size) REFERENCES audit.checkpoint
      );
    `);
    for (const table of ["tile", "checkpoint", "cosignature"]) {
      await runner.query(`
        CREATE TRIGGER no_mutation BEFORE UPDATE OR DELETE ON audit.${table} FOR EACH ROW EXECUTE FUNCTION audit.deny();
        CREATE TRIGGER no_truncate BEFORE TRUNCATE ON audit.${table} FOR EACH STATEMENT EXECUTE FUNCTION audit.deny();
        ALTER TABLE audit.${table} ENABLE ALWAYS TRIGGER no_mutation;
        ALTER TABLE audit.${table} ENABLE ALWAYS TRIGGER no_truncate;
        GRANT SELECT ON audit.${table} TO rootkeep_service, rootkeep_auditor, rootkeep_signer;
        GRANT INSERT ON audit.${table} TO rootkeep_signer;
      `);
    }
  }

  down(): Promise<void> {
    throw new Error("the audit log is never taken down");
  }
}
