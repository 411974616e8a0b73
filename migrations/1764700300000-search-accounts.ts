import type { MigrationInterface, QueryRunner } from "typeorm";

/**
 * Indexes for the search of accounts, so that it stays fast with a hundred thousand of them: each is of the very expression that the search asks
 * for (`src/accounts/account-search.ts`).
 *
 * Code without it: finds the same, slower. With it and old code: nothing changes. With it and new code: search by the indexes.
 */
export class SearchAccounts1764700300000 implements MigrationInterface {
  readonly name = "SearchAccounts1764700300000";

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE INDEX account_customer_text_ix ON accounts.account (lower(customer COLLATE "C"), id);
      CREATE INDEX account_aws_id_ix ON accounts.account (aws_id COLLATE "C", id);
      CREATE INDEX account_state_ix ON accounts.account (state, id);
      CREATE INDEX account_custody_ix ON accounts.account (coalesce(custody, 'VAULTED'), id);
      CREATE INDEX account_tags_ix ON accounts.account USING gin ((tags::jsonb) jsonb_path_ops);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP INDEX accounts.account_customer_text_ix, accounts.account_aws_id_ix, accounts.account_state_ix, accounts.account_custody_ix,
        accounts.account_tags_ix;
    `);
  }
}
