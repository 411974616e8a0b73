import type { MigrationInterface, QueryRunner } from "typeorm";

/**
 * Replaces `audit.append`: it takes only entries whose members have the form that service, signer and verifiers ask for (docs/spec/audit-entry.md).
 * An entry that the database took and no reader does ends the log; so whoever has the service's role should not be able to write one by a
 * version, a type or a null that is not allowed. That the bytes are canonical SQL cannot say; the readers can.
 *
 * Code without it: appends as before. With it and old code: the same; what it writes has these forms. With it and new code: the same.
 */
export class CheckFormsOfEntries1764510000000 implements MigrationInterface {
  readonly name = "CheckFormsOfEntries1764510000000";

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- Each entry is parsed once, and everything that it says of its place is compared with what the database knows. Members whose type
      -- counts are compared as JSON: "1" is not 1. Without enable_seqscan a plan made while few accounts had chains would go on reading
      -- all of their heads.
      CREATE OR REPLACE FUNCTION audit.append(p_first bigint, p_ids uuid[], p_entries bytea[], p_leaves bytea[]) RETURNS void
      LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
      DECLARE
        h record; n int := cardinality(p_entries); ok int; lt text; latest text := audit.time_now();
      BEGIN
        -- An array may count from elsewhere than 1, and then its element n would not be its last: the head would name another leaf.
        IF n IS NULL OR n < 1 OR n > 1024 OR cardinality(p_ids) <> n OR cardinality(p_leaves) <> n
           OR array_ndims(p_leaves) <> 1 OR array_lower(p_leaves, 1) <> 1 THEN
          RAISE EXCEPTION 'audit: bad batch';
        END IF;
        SELECT * INTO h FROM audit.head WHERE id = 1 FOR UPDATE;      -- backstop for a caller that skipped lock_head()
        IF h.size <> p_first THEN RAISE EXCEPTION 'audit: head moved' USING ERRCODE = '40001'; END IF;
        IF h.origin = '' THEN RAISE EXCEPTION 'audit: the log has not begun'; END IF;
        WITH x AS (
          SELECT i, u.id AS eid, e, l, prevl, lag(r."time", 1, h.last_time) OVER (ORDER BY i) AS prevt, j, r.*
          FROM unnest(p_ids, p_entries, p_leaves, (h.last_leaf || p_leaves)[1:n]) WITH ORDINALITY AS u(id, e, l, prevl, i),
               LATERAL (SELECT convert_from(e, 'UTF8')::jsonb AS j OFFSET 0) AS p,
               LATERAL jsonb_to_record(j) AS r(v jsonb, seq jsonb, log text, prev text, id text, "time" text,
                 action text, outcome text, actor jsonb, target jsonb, stream text, sseq jsonb, sprev text)
        ), y AS (
          SELECT x.*, coalesce(s.size, 0) + row_number() OVER w - 1 AS want_sseq,
                 lag(x.l, 1, coalesce(s.last_leaf, decode(repeat('00', 32), 'hex'))) OVER w AS want_sprev,
                 lead(x.i) OVER w IS NULL AS is_last
          FROM x LEFT JOIN audit.stream_head s ON s.stream = x.stream
          WINDOW w AS (PARTITION BY x.stream ORDER BY x.i)
        ), ins AS (
          INSERT INTO audit.entry (seq, event_id, entry, leaf_hash, action, outcome, actor_id, target_id, time)
          SELECT p_first + i - 1, eid, e, l, action, outcome, actor->>'id', target->>'id', "time" FROM y
          WHERE v = '1' AND seq = to_jsonb(p_first + i - 1) AND log = h.origin AND prev = encode(prevl, 'hex') AND y.id = eid::text
            -- UUIDs of version 4, 7 and 8.
            AND substr(y.id, 15, 1) IN ('4', '7', '8') AND substr(y.id, 20, 1) IN ('8', '9', 'a', 'b')
            -- The time before it was checked in its turn; that of the empty log is too short for a time. The cast refuses a 30 February.
            AND length("time") = 27 AND ("time" = prevt
                 OR "time" ~ '^\\d{4}-\\d\\d-\\d\\dT([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d\\.\\d{6}Z$' AND "time"::timestamptz IS NOT NULL)
            AND "time" COLLATE "C" >= prevt COLLATE "C"
            AND ("time" COLLATE "C" <= latest COLLATE "C" OR "time" = h.last_time)
            AND length(action) BETWEEN 3 AND 64 AND action COLLATE "C" ~ '^[a-z][a-z0-9_]*([.][a-z][a-z0-9_]*)+$'
            AND outcome IN ('intent', 'allowed', 'denied', 'error', 'committed', 'unknown')
            AND CASE actor->>'type'
                  WHEN 'anonymous' THEN NOT actor ? 'id'
                  WHEN 'system' THEN NOT actor ? 'id' OR jsonb_typeof(actor->'id') = 'string' AND length(actor->>'id') BETWEEN 1 AND 200
                  WHEN 'person' THEN jsonb_typeof(actor->'id') = 'string' AND length(actor->>'id') BETWEEN 1 AND 200
                  WHEN 'service' THEN jsonb_typeof(actor->'id') = 'string' AND length(actor->>'id') BETWEEN 1 AND 200
                  ELSE false
                END
            AND (NOT j ? 'target' OR jsonb_typeof(target->'type') = 'string' AND jsonb_typeof(target->'id') = 'string')
            AND (NOT j ? 'details' OR jsonb_typeof(j->'details') = 'object')
            AND (NOT j ? 'request' OR jsonb_typeof(j->'request') = 'object')
            AND (NOT j ? 'rows' OR jsonb_typeof(j->'rows') = 'array')
            AND (NOT j ?| ARRAY['stream', 'sseq', 'sprev']
                 OR length(stream) BETWEEN 29 AND 35 AND stream COLLATE "C" ~ '^[a-z][a-z0-9]+_[0-9a-z]{26}$'
                    AND sseq = to_jsonb(want_sseq) AND sprev = encode(want_sprev, 'hex'))
          RETURNING time
        ), heads AS (
          INSERT INTO audit.stream_head (stream, size, last_leaf)
          SELECT stream, want_sseq + 1, l FROM y WHERE is_last AND stream IS NOT NULL AND sseq IS NOT NULL
          ON CONFLICT (stream) DO UPDATE SET size = excluded.size, last_leaf = excluded.last_leaf
        )
        SELECT count(*), max(time COLLATE "C") INTO ok, lt FROM ins;
        -- What was refused above leaves no trace: this takes back the whole statement, the accounts' heads too.
        IF ok <> n THEN RAISE EXCEPTION 'audit: chain violation'; END IF;
        UPDATE audit.head SET size = size + n, last_leaf = p_leaves[n], last_time = lt WHERE id = 1;
      END $$;
    `);
  }

  down(): Promise<void> {
    throw new Error("the audit log is never taken down");
  }
}
