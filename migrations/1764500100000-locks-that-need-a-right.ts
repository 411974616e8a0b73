import type { MigrationInterface, QueryRunner } from "typeorm";

const TURNS = ["append_turn", "signer_turn", "stream_file_turn", "stream_syslog_turn", "stream_webhook_turn"];

/**
 * Locks of tables instead of advisory locks: whoever may connect could take an advisory lock, so that the role that only reads stopped every
 * append and every signature with one statement. Locking a table in this way needs a right to write it, and the tables have no column and no
 * row to write. Waiters are served in their order, as before; SHARE UPDATE EXCLUSIVE conflicts with itself, and with nothing that a reader, a
 * dump or an INSERT takes. (Docs: decision 0021.)
 *
 * Code without it: does not start (the log's functions are others). With it and old code: a service that runs appends through the new
 * function, and is in its turn, as everybody else; an old signer is elected by the old lock, and the guard lets one of two sign. With it and
 * new code: every lock needs a right.
 */
export class LocksThatNeedARight1764500100000 implements MigrationInterface {
  readonly name = "LocksThatNeedARight1764500100000";

  async up(runner: QueryRunner): Promise<void> {
    for (const turn of TURNS) {
      await runner.query(`
        CREATE TABLE audit.${turn} ();
        COMMENT ON TABLE audit.${turn} IS 'holds nothing: to be locked by whose turn it is';
      `);
    }
    await runner.query(`
      GRANT UPDATE ON audit.signer_turn TO rootkeep_signer;
      GRANT UPDATE ON audit.stream_file_turn, audit.stream_syslog_turn, audit.stream_webhook_turn TO rootkeep_service;

      -- The lock stands in a statement of its own: a snapshot taken before it was granted would fork the chain.
      CREATE OR REPLACE FUNCTION audit.lock_head() RETURNS TABLE (origin text, size bigint, last_leaf bytea, last_time text, now text)
      LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
      BEGIN
        IF current_setting('fsync') <> 'on' OR current_setting('full_page_writes') <> 'on'
           OR current_setting('synchronous_commit') NOT IN ('on', 'remote_apply') THEN
          RAISE EXCEPTION 'audit: durability settings unsafe' USING ERRCODE = 'object_not_in_prerequisite_state';
        END IF;
        LOCK TABLE audit.append_turn IN SHARE UPDATE EXCLUSIVE MODE;
        RETURN QUERY SELECT h.origin, h.size, h.last_leaf, h.last_time, audit.time_now() FROM audit.head h WHERE h.id = 1;
      END $$;
    `);
  }

  down(): Promise<void> {
    throw new Error("the audit log is never taken down");
  }
}
