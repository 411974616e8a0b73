import { EscrowBackfill, type EscrowLook } from "../../src/approvals/escrow-backfill.service.js";
import { Leadership } from "../../src/audit/leadership.service.js";
import { connectLog } from "../../src/audit/log-connection.service.js";
import { RootkeepError } from "../../src/kernel/errors.js";
import { DataKeys } from "../../src/keys/data-keys.service.js";
import type { DataKeyRow } from "../../src/keys/domain.js";
import type { KeyService } from "../../src/keys/keys.service.js";
import type { Vault } from "./vault.js";

export interface BackfillOptions {
  readonly recipient: string | null;
  /** Whether custodians approved it: as this process has read the log, and at its head. */
  readonly isApproved?: boolean;
  readonly isApprovedAtHead?: () => boolean;
  /** In place of the vault's: a root key on a bad day. */
  readonly escrow?: KeyService["escrow"];
  readonly looks?: EscrowLook[];
  readonly failures?: unknown[];
  readonly elapsedMs?: () => number;
}

/** The escrow run of `vault`, started by its caller. */
export function backfill(vault: Vault, options: BackfillOptions): EscrowBackfill {
  const { recipient, isApproved = true, isApprovedAtHead = () => isApproved, looks = [], failures = [], elapsedMs } = options;
  const { escrow = (row: DataKeyRow) => vault.keys.escrow(row) } = options;
  const connection = vault.database.connections.rootkeep_service;
  return new EscrowBackfill({
    dataSource: vault.dataSource,
    transactions: vault.transactions,
    keys: { escrow, isOwnEscrow: (wrap) => vault.keys.isOwnEscrow(wrap) },
    dataKeys: new DataKeys(),
    trust: {
      isApproved,
      assertApproved: () => {
        if (!isApprovedAtHead()) throw new RootkeepError("CONFIG_UNAPPROVED");
      },
    },
    recipient,
    leadership: new Leadership({ connect: () => connectLog(connection), turn: "escrow_turn" }),
    looked: (look) => void looks.push(look),
    failed: (error) => void failures.push(error),
    ...(elapsedMs === undefined ? {} : { elapsedMs }),
  });
}

/** An entry, as far as it tells of the escrow. */
export interface EscrowEntry {
  readonly action: string;
  readonly outcome: string;
  readonly details?: {
    readonly escrow?: { readonly recipient: string; readonly wraps: readonly { readonly dataKey: string; readonly sha256: string }[] };
    readonly requestIds?: readonly string[];
    readonly failed?: readonly { readonly dataKey: string; readonly code: string }[];
  };
}

/** Every entry of the log, oldest first. */
export async function entriesOf(vault: Vault): Promise<EscrowEntry[]> {
  const rows: { entry: Buffer }[] = await vault.dataSource.query("SELECT entry FROM audit.entry ORDER BY seq");
  return rows.map(({ entry }) => JSON.parse(entry.toString("utf8")) as EscrowEntry);
}
