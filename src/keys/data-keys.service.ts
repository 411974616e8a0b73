import { type EntityManager, IsNull } from "typeorm";
import { RootkeepError } from "../kernel/errors.js";
import { DataKeyEntity } from "./data-key.entity.js";
import { DATA_KEY_STATES, DATA_KEY_USES, type DataKeyRow, type DataKeyUse, DOMAINS, type Domain } from "./domain.js";

/**
 * Data keys in the table. Every method takes the caller's EntityManager, so that a key and what it seals are committed together. Rows are
 * append-only; a row that is edited all the same fails at the root key, which is asked with the context of the row.
 */
export class DataKeys {
  async insert(entities: EntityManager, row: DataKeyRow): Promise<void> {
    await entities.insert(DataKeyEntity, { ...row });
  }

  /** @throws RootkeepError `SEAL_BROKEN` when there is none: what it sealed cannot be opened. */
  async byId(entities: EntityManager, id: string): Promise<DataKeyRow> {
    const found = await entities.findOneBy(DataKeyEntity, { id });
    if (found === null) throw new RootkeepError("SEAL_BROKEN", { reason: "data_key_missing" });
    return toRow(found);
  }

  /** The newest active key of an account (null: of the deployment), or null. */
  async activeOf(entities: EntityManager, accountId: string | null, domain: Domain, use: DataKeyUse = "seal"): Promise<DataKeyRow | null> {
    const found = await entities.findOne(DataKeyEntity, {
      where: { accountId: accountId ?? IsNull(), domain, use, state: "ACTIVE" },
      order: { version: "DESC" },
    });
    return found === null ? null : toRow(found);
  }

  /** Every key of the people domain, for the start. */
  async ofPeople(entities: EntityManager): Promise<DataKeyRow[]> {
    const found = await entities.find(DataKeyEntity, { where: { domain: "people" }, order: { use: "ASC", version: "ASC" } });
    return found.map(toRow);
  }
}

/** @throws RootkeepError `ROW_REFUSED` for a word that the table's own constraints forbid: then they are gone. */
function toRow(entity: DataKeyEntity): DataKeyRow {
  const domain = DOMAINS.find((known) => known === entity.domain);
  const use = DATA_KEY_USES.find((known) => known === entity.use);
  const state = DATA_KEY_STATES.find((known) => known === entity.state);
  if (domain === undefined || use === undefined || state === undefined) throw new RootkeepError("ROW_REFUSED", { reason: "data_key" });
  const { id, accountId, awsAccountId, version, rootKeyUri, wrapped } = entity;
  return Object.freeze({ id, accountId, awsAccountId, domain, use, version, state, rootKeyUri, wrapped });
}
