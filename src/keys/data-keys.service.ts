import { type EntityManager, IsNull, type SelectQueryBuilder } from "typeorm";
import { RootkeepError } from "../kernel/errors.js";
import { DataKeyEntity } from "./data-key.entity.js";
import { DATA_KEY_STATES, DATA_KEY_USES, type DataKeyRow, type DataKeyUse, DOMAINS, type Domain } from "./domain.js";
import type { EscrowWrap } from "./keys.service.js";

/**
 * Data keys in the table. Every method takes the caller's EntityManager, so that a key and what it seals are committed together. Rows are
 * append-only; a row that is edited all the same fails at the root key, which is asked with the context of the row.
 */
export class DataKeys {
  /** @param escrow the same key, wrapped for the escrow quorum. */
  async insert(entities: EntityManager, row: DataKeyRow, escrow: EscrowWrap | null = null): Promise<void> {
    await entities.insert(DataKeyEntity, { ...row });
    if (escrow !== null) await this.insertEscrow(entities, escrow);
  }

  /** Adds a wrap for the escrow quorum to a key that is there. @returns false where there was one already. */
  async insertEscrow(entities: EntityManager, { dataKeyId, recipient, wrapped }: EscrowWrap): Promise<boolean> {
    const rows: unknown[] = await entities.query(
      "INSERT INTO keys.escrow_wrap (data_key_id, recipient, wrapped) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING data_key_id",
      [dataKeyId, recipient, wrapped],
    );
    return rows.length > 0;
  }

  /** How many keys are not wrapped to `recipient`; without one, how many there are. */
  async countUnescrowed(entities: EntityManager, recipient: string | null): Promise<number> {
    return await unescrowed(entities, recipient).getCount();
  }

  /** Up to `take` keys behind `after`, in the order of their ids, that are not wrapped to `recipient`. */
  async listUnescrowed(entities: EntityManager, recipient: string, after: string, take: number): Promise<DataKeyRow[]> {
    const found = await unescrowed(entities, recipient).andWhere("key.id > :after", { after }).orderBy("key.id").take(take).getMany();
    return found.map(toRow);
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

function unescrowed(entities: EntityManager, recipient: string | null): SelectQueryBuilder<DataKeyEntity> {
  const missing = "NOT EXISTS (SELECT 1 FROM keys.escrow_wrap w WHERE w.data_key_id = key.id AND w.recipient = :recipient)";
  const live = entities.createQueryBuilder(DataKeyEntity, "key").where("key.state <> 'DESTROYED'");
  return recipient === null ? live : live.andWhere(missing, { recipient });
}

/** @throws RootkeepError `SEAL_BROKEN` for a word that the table's own constraints forbid: then they are gone. */
function toRow(entity: DataKeyEntity): DataKeyRow {
  const domain = DOMAINS.find((known) => known === entity.domain);
  const use = DATA_KEY_USES.find((known) => known === entity.use);
  const state = DATA_KEY_STATES.find((known) => known === entity.state);
  if (domain === undefined || use === undefined || state === undefined) throw new RootkeepError("SEAL_BROKEN", { reason: "data_key" });
  const { id, accountId, awsAccountId, version, rootKeyUri, wrapped } = entity;
  return Object.freeze({ id, accountId, awsAccountId, domain, use, version, state, rootKeyUri, wrapped });
}
