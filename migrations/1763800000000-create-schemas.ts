import type { MigrationInterface, QueryRunner } from "typeorm";

/**
 * Creates the seven schemas, into which the other roles may look; no table, nothing to read or write.
 *
 * Code without it: does not start. With it and old code: there is no older code. With it and new code: each module's migration puts its
 * tables into the schema of its name.
 */
export class CreateSchemas1763800000000 implements MigrationInterface {
  readonly name = "CreateSchemas1763800000000";

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE SCHEMA audit AUTHORIZATION rootkeep_migrate;
      CREATE SCHEMA keys AUTHORIZATION rootkeep_migrate;
      CREATE SCHEMA accounts AUTHORIZATION rootkeep_migrate;
      CREATE SCHEMA people AUTHORIZATION rootkeep_migrate;
      CREATE SCHEMA approvals AUTHORIZATION rootkeep_migrate;
      CREATE SCHEMA secrets AUTHORIZATION rootkeep_migrate;
      CREATE SCHEMA edge AUTHORIZATION rootkeep_migrate;
      GRANT USAGE ON SCHEMA audit, keys, accounts, people, approvals, secrets, edge TO rootkeep_service;
      GRANT USAGE ON SCHEMA audit TO rootkeep_auditor, rootkeep_signer;
    `);
  }

  down(): Promise<void> {
    throw new Error("the schemas, the log's among them, are never taken down");
  }
}
