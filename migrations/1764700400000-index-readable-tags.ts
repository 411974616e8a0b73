import type { MigrationInterface, QueryRunner } from "typeorm";

/**
 * The index of access tags passes over a text that is no JSON. Such a text is an edit, whose row is refused when somebody reads it; an index that
 * could not take it would stand in the way of telling so, and a search by a tag would end in an error of ours.
 *
 * Code without it: finds the same, slower. With it and old code: searches by a tag without an index. With it and new code: search by the index.
 */
export class IndexReadableTags1764700400000 implements MigrationInterface {
  readonly name = "IndexReadableTags1764700400000";

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP INDEX accounts.account_tags_ix;
      CREATE INDEX account_tags_ix ON accounts.account USING gin ((CASE WHEN tags IS JSON OBJECT THEN tags::jsonb END) jsonb_path_ops);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP INDEX accounts.account_tags_ix;
      CREATE INDEX account_tags_ix ON accounts.account USING gin ((tags::jsonb) jsonb_path_ops);
    `);
  }
}
