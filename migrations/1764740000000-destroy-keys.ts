import type { MigrationInterface, QueryRunner } from "typeorm";

/**
 * Lets the keys of an account be destroyed, by one function that can do nothing else: the wraps of those data keys, and the sealed bytes of
 * those versions, that an entry of the log names. The tables stay append-only for everybody else, the owner included: their triggers look for
 * themselves whether an entry names the key.
 *
 * Code without it: does not start (a newer build's function is missing). With it and old code: nothing is destroyed; old code takes a key without a
 * wrap for a broken one. With it and new code: nothing happens until two custodians destroy something.
 */
export class DestroyKeys1764740000000 implements MigrationInterface {
  readonly name = "DestroyKeys1764740000000";

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE keys.data_key ALTER COLUMN wrapped DROP NOT NULL, ADD COLUMN destroyed_seq bigint,
        ADD CONSTRAINT data_key_destroyed_ok CHECK ((wrapped IS NULL) = (state = 'DESTROYED') AND (wrapped IS NULL) = (destroyed_seq IS NOT NULL));
      COMMENT ON COLUMN keys.data_key.destroyed_seq IS 'the entry of the log that names this key as destroyed';

      -- The keys that entry p_seq says two people destroyed; none for any other entry.
      CREATE FUNCTION keys.destroyed_by(p_seq bigint) RETURNS TABLE (account_id text, data_key_id text)
      LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
        SELECT e #>> '{target,id}', k
        FROM (SELECT convert_from(entry, 'UTF8')::jsonb AS e FROM audit.entry WHERE seq = p_seq OFFSET 0) AS x,
             LATERAL jsonb_array_elements_text(CASE jsonb_typeof(e #> '{details,keys}') WHEN 'array' THEN e #> '{details,keys}' END) AS k
        WHERE e->>'action' = 'account.destroyed' AND e->>'outcome' = 'committed' AND e #>> '{actor,type}' = 'person'
          AND e #>> '{actor,id}' <> e #>> '{details,approvedBy}' AND e #>> '{target,type}' = 'account' AND e->>'stream' = e #>> '{target,id}'
      $$;

      CREATE FUNCTION keys.deny_but_destruction() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
      BEGIN
        IF TG_OP = 'UPDATE' AND NEW.wrapped IS NULL AND OLD.wrapped IS NOT NULL
           AND to_jsonb(NEW) - ARRAY['wrapped', 'state', 'destroyed_seq'] = to_jsonb(OLD) - ARRAY['wrapped', 'state', 'destroyed_seq']
           AND EXISTS (SELECT 1 FROM keys.destroyed_by(NEW.destroyed_seq) AS d WHERE d.data_key_id = OLD.id AND d.account_id = OLD.account_id) THEN
          RETURN NEW;
        END IF;
        RAISE EXCEPTION 'keys.% is append-only (%)', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
      END $$;
      DROP TRIGGER no_mutation ON keys.data_key;
      CREATE TRIGGER no_mutation BEFORE UPDATE OR DELETE ON keys.data_key FOR EACH ROW EXECUTE FUNCTION keys.deny_but_destruction();
      ALTER TABLE keys.data_key ENABLE ALWAYS TRIGGER no_mutation;

      CREATE FUNCTION keys.deny_while_wrapped() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
      BEGIN
        IF TG_OP = 'DELETE' AND EXISTS (SELECT 1 FROM keys.data_key AS k WHERE k.id = OLD.data_key_id AND k.state = 'DESTROYED') THEN
          RETURN OLD;
        END IF;
        RAISE EXCEPTION 'keys.% is append-only (%)', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
      END $$;
      DROP TRIGGER no_mutation ON keys.escrow_wrap;
      CREATE TRIGGER no_mutation BEFORE UPDATE OR DELETE ON keys.escrow_wrap FOR EACH ROW EXECUTE FUNCTION keys.deny_while_wrapped();
      ALTER TABLE keys.escrow_wrap ENABLE ALWAYS TRIGGER no_mutation;
      REVOKE ALL ON FUNCTION keys.destroyed_by(bigint), keys.deny_but_destruction(), keys.deny_while_wrapped() FROM PUBLIC;
    `);
    await runner.query(`
      -- What was destroyed for an account, once: the body of its certificate. The entry that made it carries the body's hash.
      CREATE TABLE secrets.destruction (
        id text CONSTRAINT destruction_pk PRIMARY KEY CONSTRAINT destruction_account_fk REFERENCES accounts.account,
        request_id text NOT NULL,
        body text NOT NULL CONSTRAINT destruction_body_ok CHECK (octet_length(body) BETWEEN 2 AND 4194304),
        destroyed_at timestamptz(3) NOT NULL,
        seq bigint NOT NULL, mac bytea NOT NULL CONSTRAINT destruction_mac_ok CHECK (octet_length(mac) = 32)
      );
      CREATE TRIGGER no_mutation BEFORE UPDATE OR DELETE ON secrets.destruction FOR EACH ROW EXECUTE FUNCTION secrets.deny();
      CREATE TRIGGER no_truncate BEFORE TRUNCATE ON secrets.destruction FOR EACH STATEMENT EXECUTE FUNCTION secrets.deny();
      ALTER TABLE secrets.destruction ENABLE ALWAYS TRIGGER no_mutation;
      ALTER TABLE secrets.destruction ENABLE ALWAYS TRIGGER no_truncate;
      GRANT SELECT, INSERT ON secrets.destruction TO rootkeep_service;
      -- A row lock needs the right to change something; the trigger lets nothing be changed.
      GRANT UPDATE (seq, mac) ON secrets.destruction TO rootkeep_service;

      CREATE FUNCTION secrets.deny_but_destroyed() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
      BEGIN
        IF TG_OP = 'DELETE' AND EXISTS (
          SELECT 1 FROM secrets.secret_version AS v JOIN keys.data_key AS k ON k.id = v.data_key_id
          WHERE v.id = OLD.version_id AND v.state = 'DESTROYED' AND k.state = 'DESTROYED'
        ) THEN
          RETURN OLD;
        END IF;
        RAISE EXCEPTION 'secrets.% is append-only (%)', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
      END $$;
      DROP TRIGGER no_mutation ON secrets.sealed_value;
      CREATE TRIGGER no_mutation BEFORE UPDATE OR DELETE ON secrets.sealed_value FOR EACH ROW EXECUTE FUNCTION secrets.deny_but_destroyed();
      ALTER TABLE secrets.sealed_value ENABLE ALWAYS TRIGGER no_mutation;
    `);
    await runner.query(`
      -- Destroys exactly what entry p_seq says: wraps and escrow wraps of the keys that it names, states and sealed bytes of the versions among
      -- its rows. Called again it does what is left to do, which is nothing unless somebody put something back. Returns how many rows it changed.
      CREATE FUNCTION secrets.destroy(p_seq bigint) RETURNS bigint
      LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
      DECLARE total bigint; n bigint; versions text[];
      BEGIN
        IF NOT EXISTS (SELECT 1 FROM keys.destroyed_by(p_seq)) THEN
          RAISE EXCEPTION 'secrets: no entry says what two people destroyed' USING ERRCODE = 'insufficient_privilege';
        END IF;
        UPDATE keys.data_key AS k SET state = 'DESTROYED', wrapped = NULL, destroyed_seq = p_seq
        FROM keys.destroyed_by(p_seq) AS d WHERE k.id = d.data_key_id AND k.account_id = d.account_id AND k.wrapped IS NOT NULL;
        GET DIAGNOSTICS total = ROW_COUNT;
        DELETE FROM keys.escrow_wrap AS w USING keys.destroyed_by(p_seq) AS d, keys.data_key AS k
        WHERE w.data_key_id = d.data_key_id AND k.id = d.data_key_id AND k.account_id = d.account_id;
        GET DIAGNOSTICS n = ROW_COUNT;
        total := total + n;
        SELECT array_agg(substr(r, length('secret_version/') + 1)) INTO versions
        FROM audit.entry AS a, jsonb_array_elements_text(convert_from(a.entry, 'UTF8')::jsonb->'rows') AS r
        WHERE a.seq = p_seq AND r LIKE 'secret\\_version/%';
        UPDATE secrets.secret_version AS v SET state = 'DESTROYED' FROM keys.destroyed_by(p_seq) AS d
        WHERE v.id = ANY (versions) AND v.data_key_id = d.data_key_id AND v.state <> 'DESTROYED';
        GET DIAGNOSTICS n = ROW_COUNT;
        total := total + n;
        DELETE FROM secrets.sealed_value AS s USING secrets.secret_version AS v, keys.destroyed_by(p_seq) AS d
        WHERE s.version_id = ANY (versions) AND v.id = s.version_id AND v.data_key_id = d.data_key_id;
        GET DIAGNOSTICS n = ROW_COUNT;
        RETURN total + n;
      END $$;
      REVOKE ALL ON FUNCTION secrets.destroy(bigint), secrets.deny_but_destroyed() FROM PUBLIC;
      GRANT EXECUTE ON FUNCTION secrets.destroy(bigint) TO rootkeep_service;
    `);
  }

  down(): Promise<void> {
    throw new Error("what was destroyed does not come back");
  }
}
