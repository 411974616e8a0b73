import type { MigrationInterface, QueryRunner } from "typeorm";

/**
 * Lets the erasing of a request take the subject of an account's change, too: contacts stand in it, before and after. Nothing else changes.
 *
 * Code without it: cannot erase a request for a change of an account. With it and old code: knows no such request. With it and new code: erases
 * them like the others.
 */
export class EraseAccountChanges1764700100000 implements MigrationInterface {
  readonly name = "EraseAccountChanges1764700100000";

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE OR REPLACE FUNCTION approvals.erase_request(p_id text, p_body text) RETURNS void
      LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
      BEGIN
        UPDATE approvals.request AS r SET body = p_body
        WHERE r.id = p_id AND r.state IN ('RETURNED', 'CLOSED', 'DENIED', 'EXPIRED', 'REVOKED', 'WITHDRAWN')
          AND p_body::jsonb = r.body::jsonb || '{"format": "rk-request-erased-1", "nonce": "", "reason": ""}'::jsonb
              || CASE WHEN r.operation IN ('person.enrol', 'account.change') THEN '{"subject": {}}'::jsonb ELSE '{}'::jsonb END;
        IF NOT FOUND THEN RAISE EXCEPTION 'approvals: a request is erased when it is over' USING ERRCODE = 'insufficient_privilege'; END IF;
        UPDATE approvals.approval SET reason = '' WHERE request_id = p_id;
      END $$;
    `);
  }

  down(): Promise<void> {
    throw new Error("what was erased does not come back");
  }
}
