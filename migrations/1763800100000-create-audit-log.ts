import type { MigrationInterface, QueryRunner } from "typeorm";

/**
 * Creates the audit log: entries, head, the heads of the per-account chains and the erasable openings of commitments (disclosures).
 * Nobody may write a table here: the service calls two functions that run as the schema's owner and check seq, prev, leaf hash, origin,
 * time and stream counters again.
 *
 * Code without it: does not start (no log). With it and old code: there is no older code. With it and new code: genesis is appended at
 * the first start.
 */
export class CreateAuditLog1763800100000 implements MigrationInterface {
  readonly name = "CreateAuditLog1763800100000";

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE audit.head (
        id smallint CONSTRAINT head_pk PRIMARY KEY CONSTRAINT head_one_row CHECK (id = 1),
        origin text NOT NULL,
        size bigint NOT NULL CONSTRAINT head_size_ok CHECK (size >= 0),
        last_leaf bytea NOT NULL CONSTRAINT head_leaf_ok CHECK (octet_length(last_leaf) = 32),
        last_time text NOT NULL
      ) WITH (fillfactor = 10);
      INSERT INTO audit.head VALUES (1, '', 0, decode(repeat('00', 32), 'hex'), '');

      CREATE TABLE audit.entry (
        seq bigint CONSTRAINT entry_pk PRIMARY KEY CONSTRAINT entry_seq_ok CHECK (seq >= 0),
        event_id uuid NOT NULL CONSTRAINT entry_event_id_uq UNIQUE,
        entry bytea NOT NULL CONSTRAINT entry_size_ok CHECK (octet_length(entry) BETWEEN 2 AND 16384),
        leaf_hash bytea NOT NULL CONSTRAINT entry_leaf_size_ok CHECK (octet_length(leaf_hash) = 32),
        action text NOT NULL, outcome text NOT NULL, actor_id text, target_id text, time text NOT NULL,
        CONSTRAINT entry_leaf_ok CHECK (leaf_hash = sha256('\\x00'::bytea || entry))
      );
      COMMENT ON COLUMN audit.entry.action IS 'search copies from here on: untrusted, rootkeep doctor compares them with the bytes';
      ALTER TABLE audit.entry ALTER COLUMN entry SET STORAGE EXTERNAL;
      CREATE INDEX entry_actor_ix ON audit.entry (actor_id, seq);
      CREATE INDEX entry_target_ix ON audit.entry (target_id, seq);
      CREATE INDEX entry_action_ix ON audit.entry (action, seq);

      CREATE TABLE audit.stream_head (
        stream text CONSTRAINT stream_head_pk PRIMARY KEY,
        size bigint NOT NULL CONSTRAINT stream_head_size_ok CHECK (size > 0),
        last_leaf bytea NOT NULL CONSTRAINT stream_head_leaf_ok CHECK (octet_length(last_leaf) = 32)
      ) WITH (fillfactor = 50);

      CREATE TABLE audit.disclosure (
        seq bigint NOT NULL, field text NOT NULL,
        salt bytea NOT NULL CONSTRAINT disclosure_salt_ok CHECK (octet_length(salt) = 16),
        value text NOT NULL,
        CONSTRAINT disclosure_pk PRIMARY KEY (seq, field)
      );
    `);
    await runner.query(`
      CREATE FUNCTION audit.deny() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
      BEGIN
        RAISE EXCEPTION 'audit.% is append-only (%)', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
      END $$;
      CREATE TRIGGER no_mutation BEFORE UPDATE OR DELETE ON audit.entry FOR EACH ROW EXECUTE FUNCTION audit.deny();
      CREATE TRIGGER no_truncate BEFORE TRUNCATE ON audit.entry FOR EACH STATEMENT EXECUTE FUNCTION audit.deny();
      CREATE TRIGGER no_truncate BEFORE TRUNCATE ON audit.head FOR EACH STATEMENT EXECUTE FUNCTION audit.deny();
      CREATE TRIGGER no_removal BEFORE DELETE ON audit.head FOR EACH ROW EXECUTE FUNCTION audit.deny();
      CREATE TRIGGER no_truncate BEFORE TRUNCATE ON audit.stream_head FOR EACH STATEMENT EXECUTE FUNCTION audit.deny();
      CREATE TRIGGER no_removal BEFORE DELETE ON audit.stream_head FOR EACH ROW EXECUTE FUNCTION audit.deny();
      ALTER TABLE audit.entry ENABLE ALWAYS TRIGGER no_mutation;
      ALTER TABLE audit.entry ENABLE ALWAYS TRIGGER no_truncate;
      ALTER TABLE audit.head ENABLE ALWAYS TRIGGER no_truncate;
      ALTER TABLE audit.head ENABLE ALWAYS TRIGGER no_removal;
      ALTER TABLE audit.stream_head ENABLE ALWAYS TRIGGER no_truncate;
      ALTER TABLE audit.stream_head ENABLE ALWAYS TRIGGER no_removal;

      CREATE FUNCTION audit.time_now() RETURNS text LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
        SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
      $$;

      -- The origin is set once, while the log is empty.
      CREATE FUNCTION audit.begin(p_origin text) RETURNS void
      LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
      BEGIN
        UPDATE audit.head SET origin = p_origin WHERE id = 1 AND size = 0 AND origin IN ('', p_origin);
        IF NOT FOUND THEN RAISE EXCEPTION 'audit: the log has begun under another origin'; END IF;
      END $$;

      -- The lock stands in a statement of its own: a snapshot taken before it was granted would fork the chain.
      CREATE FUNCTION audit.lock_head() RETURNS TABLE (origin text, size bigint, last_leaf bytea, last_time text, now text)
      LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
      BEGIN
        IF current_setting('fsync') <> 'on' OR current_setting('full_page_writes') <> 'on'
           OR current_setting('synchronous_commit') NOT IN ('on', 'remote_apply') THEN
          RAISE EXCEPTION 'audit: durability settings unsafe' USING ERRCODE = 'object_not_in_prerequisite_state';
        END IF;
        PERFORM pg_catalog.pg_advisory_xact_lock(8241996041571201001);
        RETURN QUERY SELECT h.origin, h.size, h.last_leaf, h.last_time, audit.time_now() FROM audit.head h WHERE h.id = 1;
      END $$;
    `);
    await runner.query(`
      -- Each entry is parsed once, and everything that it says of its place is compared with what the database knows. Without
      -- enable_seqscan a plan made while few accounts had chains would go on reading all of their heads.
      CREATE FUNCTION audit.append(p_first bigint, p_ids uuid[], p_entries bytea[], p_leaves bytea[]) RETURNS void
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
          SELECT i, u.id AS eid, e, l, prevl, lag(r."time", 1, h.last_time) OVER (ORDER BY i) AS prevt, r.*
          FROM unnest(p_ids, p_entries, p_leaves, (h.last_leaf || p_leaves)[1:n]) WITH ORDINALITY AS u(id, e, l, prevl, i),
               LATERAL jsonb_to_record(convert_from(e, 'UTF8')::jsonb) AS r(seq bigint, log text, prev text, id text, "time" text,
                 action text, outcome text, actor jsonb, target jsonb, stream text, sseq bigint, sprev text)
        ), y AS (
          SELECT x.*, coalesce(s.size, 0) + row_number() OVER w - 1 AS want_sseq,
                 lag(x.l, 1, coalesce(s.last_leaf, decode(repeat('00', 32), 'hex'))) OVER w AS want_sprev,
                 lead(x.i) OVER w IS NULL AS is_last
          FROM x LEFT JOIN audit.stream_head s ON s.stream = x.stream
          WINDOW w AS (PARTITION BY x.stream ORDER BY x.i)
        ), ins AS (
          INSERT INTO audit.entry (seq, event_id, entry, leaf_hash, action, outcome, actor_id, target_id, time)
          SELECT p_first + i - 1, eid, e, l, action, outcome, actor->>'id', target->>'id', "time" FROM y
          WHERE seq = p_first + i - 1 AND log = h.origin AND prev = encode(prevl, 'hex') AND y.id = eid::text
            -- The time before it was checked in its turn; that of the empty log is too short for a time.
            AND length("time") = 27 AND ("time" = prevt OR "time" ~ '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{6}Z$')
            AND "time" COLLATE "C" >= prevt COLLATE "C"
            AND ("time" COLLATE "C" <= latest COLLATE "C" OR "time" = h.last_time)
            AND action IS NOT NULL AND outcome IS NOT NULL
            AND (stream IS NULL AND sseq IS NULL AND sprev IS NULL
                 OR sseq = want_sseq AND sprev = encode(want_sprev, 'hex'))
          RETURNING time
        ), heads AS (
          INSERT INTO audit.stream_head (stream, size, last_leaf)
          SELECT stream, sseq + 1, l FROM y WHERE is_last AND stream IS NOT NULL AND sseq IS NOT NULL
          ON CONFLICT (stream) DO UPDATE SET size = excluded.size, last_leaf = excluded.last_leaf
        )
        SELECT count(*), max(time COLLATE "C") INTO ok, lt FROM ins;
        -- What was refused above leaves no trace: this takes back the whole statement, the accounts' heads too.
        IF ok <> n THEN RAISE EXCEPTION 'audit: chain violation'; END IF;
        UPDATE audit.head SET size = size + n, last_leaf = p_leaves[n], last_time = lt WHERE id = 1;
      END $$;

      CREATE FUNCTION audit.disclose(p_seqs bigint[], p_fields text[], p_salts bytea[], p_values text[]) RETURNS void
      LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        INSERT INTO audit.disclosure (seq, field, salt, value) SELECT * FROM unnest(p_seqs, p_fields, p_salts, p_values)
      $$;

      REVOKE ALL ON ALL FUNCTIONS IN SCHEMA audit FROM PUBLIC;
      GRANT EXECUTE ON FUNCTION audit.begin(text), audit.lock_head(), audit.append(bigint, uuid[], bytea[], bytea[]),
        audit.disclose(bigint[], text[], bytea[], text[]) TO rootkeep_service;
      GRANT SELECT ON ALL TABLES IN SCHEMA audit TO rootkeep_service, rootkeep_auditor;
      GRANT SELECT ON audit.head, audit.entry, audit.stream_head TO rootkeep_signer;
    `);
  }

  down(): Promise<void> {
    throw new Error("the audit log is never taken down");
  }
}
