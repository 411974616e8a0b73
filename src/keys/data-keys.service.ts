import { type EntityManager, In, IsNull, Not, type SelectQueryBuilder } from "typeorm";
import { RootkeepError } from "../kernel/errors.js";
import { isId } from "../kernel/ids.js";
import { DataKeyEntity } from "./data-key.entity.js";
import { DATA_KEY_STATES, DATA_KEY_USES, type DataKeyRow, type DataKeyUse, DOMAINS, type Domain } from "./domain.js";
import type { EscrowWrap } from "./escrow-wrap.js";

/** Data keys as they are looked through. */
export interface DataKeyPage {
  readonly rows: readonly DataKeyRow[];
  /** How many are no data keys by their own words; their ids too are anybody's. */
  readonly broken: number;
  /** The last id that was looked at; null where there was none. */
  readonly last: string | null;
}

/** Where a look through the wraps stands; empty at its begin. */
export interface WrapPlace {
  readonly dataKeyId: string;
  readonly mac: Buffer;
}

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

  /** Adds a wrap for the escrow quorum to a key that is there. What there is already stays: it may be somebody else's [ES-10]. */
  async insertEscrow(entities: EntityManager, { dataKeyId, recipient, wrapped, mac }: EscrowWrap): Promise<void> {
    await entities.query("INSERT INTO keys.escrow_wrap (data_key_id, recipient, wrapped, mac) VALUES ($1, $2, $3, $4)", [
      dataKeyId,
      recipient,
      wrapped,
      mac,
    ]);
  }

  /** How many keys have no row of a wrap to `recipient`, whoever made it; without a recipient, how many keys there are. */
  async countUnescrowed(entities: EntityManager, recipient: string | null): Promise<number> {
    return await unescrowed(entities, recipient).getCount();
  }

  /** Up to `take` keys behind `after`, in the order of their ids, of which {@link countUnescrowed} counts. */
  async listUnescrowed(entities: EntityManager, recipient: string, after: string, take: number): Promise<DataKeyPage> {
    return toPage(await unescrowed(entities, recipient).andWhere("key.id > :after", { after }).orderBy("key.id").take(take).getMany());
  }

  /** Those of `ids` that are not destroyed, in the order of their ids. */
  async listLive(entities: EntityManager, ids: readonly string[]): Promise<DataKeyPage> {
    return toPage(await entities.find(DataKeyEntity, { where: { id: In([...ids]), state: Not("DESTROYED") }, order: { id: "ASC" } }));
  }

  /** Up to `take` wraps to `recipient` behind `after`, of keys that are not destroyed, as they lie there. */
  async listWraps(entities: EntityManager, recipient: string, after: WrapPlace | null, take: number): Promise<EscrowWrap[]> {
    return await entities.query(
      `SELECT w.data_key_id AS "dataKeyId", w.recipient, w.wrapped, w.mac
       FROM keys.escrow_wrap w JOIN keys.data_key k ON k.id = w.data_key_id AND k.state <> 'DESTROYED'
       WHERE w.recipient = $1 AND (w.data_key_id, w.mac) > ($2, $3) ORDER BY w.data_key_id, w.mac LIMIT $4`,
      [recipient, after?.dataKeyId ?? "", after?.mac ?? Buffer.alloc(0), take],
    );
  }

  /** The wraps of `ids` to `recipient`, as they lie there. */
  async wrapsOf(entities: EntityManager, recipient: string, ids: readonly string[]): Promise<EscrowWrap[]> {
    return await entities.query(
      `SELECT data_key_id AS "dataKeyId", recipient, wrapped, mac FROM keys.escrow_wrap WHERE recipient = $1 AND data_key_id = ANY($2)`,
      [recipient, ids],
    );
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

  /** Every key that a row gives to this account, destroyed or not, by its id. A row is not believed; {@link DataKeyRow} says what decides. */
  async ofAccount(entities: EntityManager, accountId: string): Promise<DataKeyRow[]> {
    return (await entities.find(DataKeyEntity, { where: { accountId }, order: { id: "ASC" } })).map(toRow);
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

/** One row that is broken keeps no other from being read. */
function toPage(found: readonly DataKeyEntity[]): DataKeyPage {
  const rows = found.map(parseRow).filter((row) => row !== null);
  // Ids of these go into entries: what is none by its form is no key of ours either.
  const named = rows.filter(({ id, accountId }) => isId("dataKey", id) && (accountId === null || isId("account", accountId)));
  return { rows: named, broken: found.length - named.length, last: found.at(-1)?.id ?? null };
}

/** @throws RootkeepError `SEAL_BROKEN` as {@link parseRow} says null. */
function toRow(entity: DataKeyEntity): DataKeyRow {
  const row = parseRow(entity);
  if (row === null) throw new RootkeepError("SEAL_BROKEN", { reason: "data_key" });
  return row;
}

/** Null for a word that the table's own constraints forbid: then they are gone. */
function parseRow(entity: DataKeyEntity): DataKeyRow | null {
  const domain = DOMAINS.find((known) => known === entity.domain);
  const use = DATA_KEY_USES.find((known) => known === entity.use);
  const state = DATA_KEY_STATES.find((known) => known === entity.state);
  if (domain === undefined || use === undefined || state === undefined) return null;
  const { id, accountId, awsAccountId, version, rootKeyUri, wrapped } = entity;
  if ((wrapped === null) !== (state === "DESTROYED")) return null;
  return Object.freeze({ id, accountId, awsAccountId, domain, use, version, state, rootKeyUri, wrapped: wrapped ?? Buffer.alloc(0) });
}
