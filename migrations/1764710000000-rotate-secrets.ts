import type { MigrationInterface, QueryRunner } from "typeorm";

/**
 * Lets a candidate succeed a working value in two phases (docs/spec/secret-versions.md): columns that say whether it may be shown, to whom it
 * was shown and what they said, and one function for each allowed step. The columns are the service's to write and stand under the row's HMAC;
 * the state is not.
 *
 * Code without it: knows no candidates. With it and old code: no row has a value in the new columns, and imports go on as before. With it and
 * new code: rotations fill them; rows of before keep their HMACs, which leave out what is null.
 */
export class RotateSecrets1764710000000 implements MigrationInterface {
  readonly name = "RotateSecrets1764710000000";

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE secrets.secret_version
        ADD COLUMN ready boolean,
        ADD COLUMN grant_id text,
        ADD COLUMN deadline timestamptz(3),
        ADD COLUMN appliers text,
        ADD COLUMN report text CONSTRAINT secret_version_report_ok CHECK (report IN ('applied', 'not-applied', 'unknown')),
        ADD COLUMN settled_at timestamptz(3),
        ADD COLUMN suspected_at timestamptz(3);
      GRANT UPDATE (ready, grant_id, deadline, appliers, report, settled_at, suspected_at) ON secrets.secret_version TO rootkeep_service;
      CREATE INDEX secret_version_applying_ix ON secrets.secret_version (id) WHERE state = 'APPLYING';

      -- A candidate is about to be shown to whoever sets it: not before it was read back.
      CREATE FUNCTION secrets.apply(p_version text) RETURNS void
      LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
      BEGIN
        UPDATE secrets.secret_version SET state = 'APPLYING' WHERE id = p_version AND state = 'STAGED' AND ready IS TRUE;
        IF NOT FOUND THEN RAISE EXCEPTION 'version cannot be applied' USING ERRCODE = 'check_violation'; END IF;
      END $$;

      -- Nobody knows which one works. Also the way back of what was given up, while nothing newer has taken its place; that nothing else is a
      -- candidate the index says.
      CREATE FUNCTION secrets.doubt(p_version text) RETURNS void
      LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
      BEGIN
        UPDATE secrets.secret_version v SET state = 'AMBIGUOUS' WHERE id = p_version AND ready IS TRUE AND (state IN ('STAGED', 'APPLYING')
          OR state = 'ABANDONED' AND NOT EXISTS (SELECT 1 FROM secrets.secret_version n
            WHERE n.secret_id = v.secret_id AND n.number > v.number AND n.state <> 'ABANDONED'));
        IF NOT FOUND THEN RAISE EXCEPTION 'version cannot be in doubt' USING ERRCODE = 'check_violation'; END IF;
      END $$;

      -- Given up: what nobody was shown, or what was found not to work. Its bytes stay.
      CREATE FUNCTION secrets.abandon(p_version text) RETURNS void
      LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
      BEGIN
        UPDATE secrets.secret_version SET state = 'ABANDONED' WHERE id = p_version AND state IN ('STAGED', 'AMBIGUOUS');
        IF NOT FOUND THEN RAISE EXCEPTION 'version cannot be given up' USING ERRCODE = 'check_violation'; END IF;
      END $$;

      -- I4 as before; and a candidate becomes ACTIVE only after somebody was shown it, never straight from the staging.
      CREATE OR REPLACE FUNCTION secrets.activate(p_version text, p_evidence text) RETURNS text
      LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
      DECLARE v record; old text; first boolean;
      BEGIN
        SELECT * INTO v FROM secrets.secret_version WHERE id = p_version FOR UPDATE;
        IF NOT FOUND OR v.state NOT IN ('STAGED', 'AMBIGUOUS') THEN
          RAISE EXCEPTION 'version cannot become ACTIVE' USING ERRCODE = 'check_violation';
        END IF;
        SELECT id INTO old FROM secrets.secret_version WHERE secret_id = v.secret_id AND state = 'ACTIVE' FOR UPDATE;
        first := old IS NULL AND v.ready IS NULL;
        IF NOT first AND coalesce(p_evidence, '') = '' THEN
          RAISE EXCEPTION 'a successor needs evidence' USING ERRCODE = 'check_violation';
        END IF;
        IF NOT first AND v.state <> 'AMBIGUOUS' THEN
          RAISE EXCEPTION 'a successor was shown first' USING ERRCODE = 'check_violation';
        END IF;
        UPDATE secrets.secret_version SET state = 'SUPERSEDED' WHERE id = old;
        UPDATE secrets.secret_version SET state = 'ACTIVE' WHERE id = p_version;
        RETURN old;
      END $$;
      REVOKE ALL ON FUNCTION secrets.apply(text), secrets.doubt(text), secrets.abandon(text) FROM PUBLIC;
      GRANT EXECUTE ON FUNCTION secrets.apply(text), secrets.doubt(text), secrets.abandon(text) TO rootkeep_service;
    `);
  }

  down(): Promise<void> {
    throw new Error("states of versions are never taken down");
  }
}
