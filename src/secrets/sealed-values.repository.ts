import { createHash } from "node:crypto";
import type { EntityManager } from "typeorm";
import { RootkeepError } from "../kernel/errors.js";

/** The sealed bytes: append-only rows of their own, one for each version. */
export const SealedValues = {
  async insert(entities: EntityManager, versionId: string, sealed: Buffer): Promise<void> {
    await entities.query("INSERT INTO secrets.sealed_value (version_id, sealed) VALUES ($1, $2)", [versionId, sealed]);
  },

  /**
   * The sealed bytes of a version, which must be the ones whose SHA-256 stands under the version row's HMAC.
   * @throws RootkeepError `SEAL_BROKEN`
   */
  async read(entities: EntityManager, versionId: string, sha256: Buffer): Promise<Buffer> {
    const rows: { sealed: Buffer }[] = await entities.query("SELECT sealed FROM secrets.sealed_value WHERE version_id = $1", [versionId]);
    const sealed = rows[0]?.sealed;
    if (sealed === undefined || !createHash("sha256").update(sealed).digest().equals(sha256)) {
      throw new RootkeepError("SEAL_BROKEN", { reason: "sealed bytes are not the version's" });
    }
    return sealed;
  },
} as const;
