import type { MigrationInterface, QueryRunner } from "typeorm";

/**
 * Lets openings of commitments be erased, and what requests and approvals repeat of them, each by one function that can do nothing else: an
 * opening goes only where an entry of the log names it, a request's text only when the request is over.
 *
 * Code without it: does not start (the log's functions are missing). With it and old code: does not start (one function more than it knows).
 * With it and new code: nothing happens until two custodians erase something.
 */
export class EraseDisclosures1764100100000 implements MigrationInterface {
  readonly name = "EraseDisclosures1764100100000";

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- Deletes exactly the openings that entry p_seq says were erased. Called again it finds nothing; without such an entry it does nothing.
      CREATE FUNCTION audit.erase(p_seq bigint) RETURNS bigint
      LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
      DECLARE e jsonb; n bigint;
      BEGIN
        SELECT convert_from(entry, 'UTF8')::jsonb INTO e FROM audit.entry WHERE seq = p_seq;
        IF e IS NULL OR e->>'action' <> 'disclosure.erase' OR e->>'outcome' <> 'committed'
           OR e #>> '{actor,id}' IS NULL OR e #>> '{details,approvedBy}' IS NULL
           OR e #>> '{actor,id}' = e #>> '{details,approvedBy}' THEN
          RAISE EXCEPTION 'audit: no entry says what two people erased' USING ERRCODE = 'insufficient_privilege';
        END IF;
        -- What was disclosed later is another matter than what was decided then.
        DELETE FROM audit.disclosure AS d
        USING jsonb_to_recordset(e #> '{details,erased}') AS x(seq bigint, fields jsonb), jsonb_array_elements_text(x.fields) AS f(field)
        WHERE x.seq < p_seq AND d.seq = x.seq AND d.field = f.field;
        GET DIAGNOSTICS n = ROW_COUNT;
        RETURN n;
      END $$;
      REVOKE ALL ON FUNCTION audit.erase(bigint) FROM PUBLIC;
      GRANT EXECUTE ON FUNCTION audit.erase(bigint) TO rootkeep_service;
    `);
    await runner.query(`
      -- The text of a request that is over, without what people wrote into it: nothing else of it may become another. Its nonce goes, too: with
      -- that, the hash that stays in the log would tell whoever guesses a reason that they guessed right.
      CREATE FUNCTION approvals.erase_request(p_id text, p_body text) RETURNS void
      LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
      BEGIN
        UPDATE approvals.request AS r SET body = p_body
        WHERE r.id = p_id AND r.state IN ('RETURNED', 'CLOSED', 'DENIED', 'EXPIRED', 'REVOKED', 'WITHDRAWN')
          AND p_body::jsonb = r.body::jsonb || '{"format": "rk-request-erased-1", "nonce": "", "reason": ""}'::jsonb
              || CASE WHEN r.operation = 'person.enrol' THEN '{"subject": {}}'::jsonb ELSE '{}'::jsonb END;
        IF NOT FOUND THEN RAISE EXCEPTION 'approvals: a request is erased when it is over' USING ERRCODE = 'insufficient_privilege'; END IF;
        UPDATE approvals.approval SET reason = '' WHERE request_id = p_id;
      END $$;
      REVOKE ALL ON FUNCTION approvals.erase_request(text, text) FROM PUBLIC;
      GRANT EXECUTE ON FUNCTION approvals.erase_request(text, text) TO rootkeep_service;
    `);
  }

  down(): Promise<void> {
    throw new Error("what was erased does not come back");
  }
}
