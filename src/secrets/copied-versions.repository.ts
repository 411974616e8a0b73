import type { EntityManager } from "typeorm";
import type { DataKeys } from "../keys/data-keys.service.js";
import { DOMAINS } from "../keys/domain.js";
import type { EscrowWrap } from "../keys/escrow-wrap.js";
import { COPIED_KINDS, type SealedCopy } from "./sealed-copy.js";

/** Whose wraps count for escrow: the recipient, and what tells that a wrap is ours. */
export interface EscrowSide {
  readonly recipient: string | null;
  readonly isOwn: (wrap: EscrowWrap) => boolean;
}

/** A version that is to be copied, as its rows lie there: good for counting, and for nothing that is decided. */
export interface ListedVersion {
  readonly id: string;
  readonly createdAt: Date;
  /** Null where a row that it needs is missing. */
  readonly copy: Omit<SealedCopy, "deployment"> | null;
}

interface Row {
  readonly id: string;
  readonly createdAt: Date;
  readonly number: number;
  readonly secretId: string;
  readonly kind: string;
  readonly accountId: string;
  readonly awsId: string;
  readonly partition: string;
  readonly dataKeyId: string | null;
  readonly domain: string;
  readonly dataKeyVersion: number;
  readonly rootKeyUri: string;
  readonly wrapped: Buffer;
  readonly sealed: Buffer | null;
}

/** Every version whose loss would lose an account, page by page. */
export const CopiedVersions = {
  /** Up to `take` of them behind `after`, in the order of their ids; made at `since` or later, where that is given. */
  async list(
    entities: EntityManager,
    dataKeys: DataKeys,
    escrow: EscrowSide,
    { after, take, since }: { readonly after: string; readonly take: number; readonly since: Date | null },
  ): Promise<ListedVersion[]> {
    const rows: Row[] = await entities.query(
      `SELECT v.id, v.created_at AS "createdAt", v.number, s.id AS "secretId", s.kind, a.id AS "accountId", a.aws_id AS "awsId", a.partition, k.id AS "dataKeyId",
              k.domain, k.version AS "dataKeyVersion", k.root_key_uri AS "rootKeyUri", k.wrapped, b.sealed
       FROM secrets.secret_version v JOIN secrets.secret s ON s.id = v.secret_id JOIN accounts.account a ON a.id = s.account_id
         LEFT JOIN keys.data_key k ON k.id = v.data_key_id LEFT JOIN secrets.sealed_value b ON b.version_id = v.id
       WHERE v.id > $1 AND v.state <> 'DESTROYED' AND s.kind = ANY($2) AND ($3::timestamptz IS NULL OR v.created_at >= $3)
       ORDER BY v.id LIMIT $4`,
      [after, COPIED_KINDS, since, take],
    );
    const wraps = await ownWraps(
      entities,
      dataKeys,
      escrow,
      rows.flatMap(({ dataKeyId }) => dataKeyId ?? []),
    );
    return rows.map((row) => ({ id: row.id, createdAt: row.createdAt, copy: copyOf(row, wraps) }));
  },

  /** The state of every version there is, by its id. */
  async states(entities: EntityManager): Promise<ReadonlyMap<string, string>> {
    const rows: { id: string; state: string }[] = await entities.query("SELECT id, state FROM secrets.secret_version");
    return new Map(rows.map(({ id, state }) => [id, state]));
  },
} as const;

/** The wrap of each data key for the escrow quorum: of several of ours the first, so that it is the same one at every look. */
export async function ownWraps(
  entities: EntityManager,
  dataKeys: DataKeys,
  { recipient, isOwn }: EscrowSide,
  ids: readonly string[],
): Promise<ReadonlyMap<string, EscrowWrap>> {
  if (recipient === null || ids.length === 0) return new Map();
  const wraps = (await dataKeys.wrapsOf(entities, recipient, ids)).filter(isOwn).sort((one, other) => Buffer.compare(other.mac, one.mac));
  // The last one set stays: the smallest.
  return new Map(wraps.map((wrap) => [wrap.dataKeyId, wrap]));
}

/** How a copy names a root key [SC-2]. */
export function rootKeyName(uri: string): string {
  return uri.startsWith("file:") ? "file:" : uri;
}

function copyOf(row: Row, wraps: ReadonlyMap<string, EscrowWrap>): ListedVersion["copy"] {
  const domain = DOMAINS.find((known) => known === row.domain);
  if (row.dataKeyId === null || row.sealed === null || domain === undefined) return null;
  const escrow = wraps.get(row.dataKeyId);
  return {
    account: { id: row.accountId, awsId: row.awsId, partition: row.partition },
    secret: { id: row.secretId, kind: row.kind },
    version: { id: row.id, number: row.number },
    dataKey: {
      id: row.dataKeyId,
      domain,
      version: row.dataKeyVersion,
      rootKey: rootKeyName(row.rootKeyUri),
      wrapped: row.wrapped,
    },
    escrow: escrow === undefined ? null : { recipient: escrow.recipient, wrapped: escrow.wrapped },
    sealed: row.sealed,
  };
}
