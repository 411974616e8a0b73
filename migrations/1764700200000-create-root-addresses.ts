import type { MigrationInterface, QueryRunner } from "typeorm";

/**
 * Every root e-mail address that an account has or ever had, in lower case, once. A row is never changed nor deleted, by anybody who has not
 * taken the trigger away first; and one that is gone all the same is missed by the log, which lists it.
 *
 * Code without it: does not start. With it and old code: imports accounts without noting their addresses. With it and new code: those of the
 * accounts that are there are noted by and by; until then a new address is compared with the accounts themselves.
 */
export class CreateRootAddresses1764700200000 implements MigrationInterface {
  readonly name = "CreateRootAddresses1764700200000";

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE accounts.root_address (
        id text CONSTRAINT root_address_pk PRIMARY KEY CONSTRAINT root_address_id_ok CHECK (id ~ '^adr_[0-9a-z]{26}$'),
        address text NOT NULL CONSTRAINT root_address_uq UNIQUE
          CONSTRAINT root_address_ok CHECK (length(address) BETWEEN 3 AND 254 AND address = lower(address COLLATE "C")),
        account_id text NOT NULL CONSTRAINT root_address_account_fk REFERENCES accounts.account,
        origin text NOT NULL CONSTRAINT root_address_origin_ok CHECK (origin IN ('ALLOCATED', 'REGISTERED')),
        created_at timestamptz(3) NOT NULL,
        seq bigint NOT NULL, mac bytea NOT NULL CONSTRAINT root_address_mac_ok CHECK (octet_length(mac) = 32),
        -- AWS takes 64 characters at most for an address that is made for it.
        CONSTRAINT root_address_size_ok CHECK (origin <> 'ALLOCATED' OR length(address) BETWEEN 5 AND 64)
      );
      CREATE INDEX root_address_account_ix ON accounts.root_address (account_id);
      CREATE INDEX account_root_email_ix ON accounts.account (lower(root_email COLLATE "C"), id);

      CREATE FUNCTION accounts.keep_root_address() RETURNS trigger
      LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
      BEGIN
        RAISE EXCEPTION 'accounts: a root address is never changed nor given up' USING ERRCODE = 'insufficient_privilege';
      END $$;
      CREATE TRIGGER root_address_kept BEFORE UPDATE OR DELETE ON accounts.root_address
        FOR EACH ROW EXECUTE FUNCTION accounts.keep_root_address();
      CREATE TRIGGER root_address_kept_whole BEFORE TRUNCATE ON accounts.root_address
        FOR EACH STATEMENT EXECUTE FUNCTION accounts.keep_root_address();
      -- Also for a session that says it is a replica.
      ALTER TABLE accounts.root_address ENABLE ALWAYS TRIGGER root_address_kept;
      ALTER TABLE accounts.root_address ENABLE ALWAYS TRIGGER root_address_kept_whole;

      GRANT SELECT, INSERT ON accounts.root_address TO rootkeep_service;
      -- A row lock needs the right to change something; the trigger lets nothing be changed.
      GRANT UPDATE (seq, mac) ON accounts.root_address TO rootkeep_service;
    `);
  }

  down(): Promise<void> {
    throw new Error("root addresses are never given up: one could be given out again");
  }
}
