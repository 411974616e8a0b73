import type { MigrationInterface, QueryRunner } from "typeorm";

/**
 * One cosignature for each witness key and checkpoint. A witness may sign the same checkpoint anew at every moment, each time with another
 * line, and a note with more than 100 signatures is no note: every restart of the signer, or a witness that wishes so, would in the end have
 * made an honest log malformed for ever. Of lines that are there already the earliest stays: it bounds the time best.
 *
 * Code without it: inserts lines as before; what would be a second one of a key is left out. With it and old code: the same. With it and new
 * code: asks for one line of each witness.
 */
export class OneCosignatureForEachWitness1764500000000 implements MigrationInterface {
  readonly name = "OneCosignatureForEachWitness1764500000000";

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- Made from the line itself: nobody can file a second line of a witness under another key.
      ALTER TABLE audit.cosignature ADD COLUMN key text NOT NULL GENERATED ALWAYS AS (
        split_part(line, ' ', 2) || '+' || encode(substr(decode(split_part(rtrim(line, E'\\n'), ' ', 3), 'base64'), 1, 4), 'hex')
      ) STORED CONSTRAINT cosignature_key_ok CHECK (key ~ '^[^ ]+[+][0-9a-f]{8}$');
      COMMENT ON COLUMN audit.cosignature.key IS 'name and id of the witness''s key, as the line names them';
      ALTER TABLE audit.cosignature DISABLE TRIGGER no_mutation;
      DELETE FROM audit.cosignature WHERE (origin, size, line) IN (
        SELECT origin, size, line FROM (
          SELECT origin, size, line, row_number() OVER (
            PARTITION BY origin, size, key ORDER BY substr(decode(split_part(rtrim(line, E'\\n'), ' ', 3), 'base64'), 5, 8), line
          ) AS n FROM audit.cosignature
        ) AS numbered WHERE n > 1
      );
      ALTER TABLE audit.cosignature ENABLE ALWAYS TRIGGER no_mutation;
      ALTER TABLE audit.cosignature DROP CONSTRAINT cosignature_pk;
      ALTER TABLE audit.cosignature ADD CONSTRAINT cosignature_pk PRIMARY KEY (origin, size, key);
    `);
  }

  down(): Promise<void> {
    throw new Error("the audit log is never taken down");
  }
}
