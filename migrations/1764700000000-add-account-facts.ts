import type { MigrationInterface, QueryRunner } from "typeorm";

/**
 * Custody, organization and contacts of an account. They stand under the row's HMAC from the moment they are not null; rows that are there keep
 * theirs, which leave a null column out [DR-16]. A row without a custody is of an account that was imported with its credentials: `VAULTED`.
 *
 * Code without it: cannot read accounts, as it names the columns. With it and old code: does not know the columns, so a row that newer code
 * wrote is refused there; stop the old replicas first. With it and new code: nothing changes for the accounts that are there.
 */
export class AddAccountFacts1764700000000 implements MigrationInterface {
  readonly name = "AddAccountFacts1764700000000";

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE accounts.account
        ADD COLUMN custody text
          CONSTRAINT account_custody_ok CHECK (custody IN ('VAULTED', 'CENTRAL', 'SPLIT', 'CO_OWNED', 'CUSTOMER', 'NONE')),
        ADD COLUMN organization_id text CONSTRAINT account_organization_ok CHECK (organization_id ~ '^o-[a-z0-9]{10,32}$'),
        ADD COLUMN contacts text CONSTRAINT account_contacts_ok CHECK (octet_length(contacts) BETWEEN 2 AND 8192);
      GRANT UPDATE (custody, organization_id, contacts) ON accounts.account TO rootkeep_service;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query("ALTER TABLE accounts.account DROP COLUMN custody, DROP COLUMN organization_id, DROP COLUMN contacts");
  }
}
