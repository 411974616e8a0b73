import type { BeforeApplicationShutdown, OnApplicationBootstrap } from "@nestjs/common";
import type { DataSource } from "typeorm";
import { draftEntry, SYSTEM_ACTOR } from "../audit/draft.js";
import type { Transactions } from "../audit/transactions.service.js";
import { isRootkeepError } from "../kernel/errors.js";
import { SteadyTimer } from "../kernel/steady-timer.js";
import type { DataKeys } from "../keys/data-keys.service.js";
import type { DataKeyRow } from "../keys/domain.js";
import { escrowDetails } from "../keys/escrow-wrap.js";
import type { EscrowWrap, KeyService } from "../keys/keys.service.js";
import type { TrustedConfiguration } from "./trusted-configuration.service.js";

const PERIOD_MS = 60_000;
/** Keys that are looked up at once; those of one account lie together, as their ids go by time. */
const PAGE = 50;

/** How far it is. */
export interface EscrowLook {
  /** Wrapped by this run so far. */
  readonly wrapped: number;
  /** Keys that are not wrapped to the recipient; all of them where there is none. */
  readonly missing: number;
}

/**
 * Wraps to the escrow quorum what is not yet: data keys that are older than the recipient, those of the deployment, which were made before
 * there were custodians, and all of them anew after a change of the recipient. While people are served; broken off, the next run goes on
 * with what is missing. Nothing is wrapped to a recipient that custodians have not approved [ES-8] [ES-9].
 */
export class EscrowBackfill implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #timer: SteadyTimer;
  #isEnding = false;

  constructor(
    private readonly dataSource: DataSource,
    private readonly transactions: Transactions,
    private readonly keys: Pick<KeyService, "escrow">,
    private readonly dataKeys: DataKeys,
    private readonly trust: Pick<TrustedConfiguration, "isApproved">,
    private readonly recipient: string | null,
    private readonly looked: (look: EscrowLook) => void,
    private readonly failed: (error: unknown) => void,
  ) {
    this.#timer = new SteadyTimer(PERIOD_MS, () => this.run(), failed);
  }

  onApplicationBootstrap(): void {
    this.#timer.startNow();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#isEnding = true;
    await this.#timer.stop();
  }

  /**
   * Wraps what is missing. A key that does not unwrap stays missing and keeps no other from being wrapped.
   * @throws RootkeepError when the root key cannot be reached; what was done until then stands.
   */
  async run(): Promise<EscrowLook> {
    let look: EscrowLook = { wrapped: 0, missing: await this.#missing() };
    this.looked(look);
    const { recipient } = this;
    if (recipient === null) return look;
    for (let after = "", rows: DataKeyRow[] = []; ; after = rows.at(-1)?.id ?? after) {
      rows = look.missing === 0 ? [] : await this.dataKeys.listUnescrowed(this.dataSource.manager, recipient, after, PAGE);
      if (rows.length === 0) return look;
      for (const ofOne of byAccount(rows)) {
        if (this.#isEnding || !this.trust.isApproved) return look;
        look = { ...look, wrapped: look.wrapped + (await this.#wrap(ofOne)) };
      }
      look = { ...look, missing: await this.#missing() };
      this.looked(look);
    }
  }

  async #missing(): Promise<number> {
    return await this.dataKeys.countUnescrowed(this.dataSource.manager, this.recipient);
  }

  /** Wraps keys of one account, or of the deployment, with one entry in the account's own chain. @returns how many. */
  async #wrap(rows: readonly DataKeyRow[]): Promise<number> {
    const made: { readonly wrap: EscrowWrap; readonly requestId: string | null }[] = [];
    for (const row of rows) {
      try {
        // Before the transaction: no root key is asked while rows are locked.
        const one = await this.keys.escrow(row);
        if (one !== null) made.push(one);
      } catch (error) {
        if (!isRootkeepError(error, "SEAL_BROKEN")) throw error;
        this.failed(error);
      }
    }
    const accountId = rows[0]?.accountId ?? null;
    const { result } = await this.transactions.run(async (tx) => {
      const added: typeof made = [];
      for (const one of made) if (await this.dataKeys.insertEscrow(tx.manager, one.wrap)) added.push(one);
      if (added.length === 0) return { result: 0, entries: [] };
      const draft = draftEntry({
        action: "key.escrowed",
        outcome: "committed",
        actor: SYSTEM_ACTOR,
        details: { ...escrowDetails(added.map(({ wrap }) => wrap)), requestIds: added.flatMap(({ requestId }) => requestId ?? []) },
        ...(accountId === null ? {} : { target: { type: "account", id: accountId }, stream: accountId }),
      });
      return { result: added.length, entries: [{ draft }] };
    });
    return result;
  }
}

/** `rows` in runs of one account each. */
function byAccount(rows: readonly DataKeyRow[]): DataKeyRow[][] {
  const groups: DataKeyRow[][] = [];
  for (const row of rows) {
    const last = groups.at(-1);
    if (last !== undefined && last[0]?.accountId === row.accountId) last.push(row);
    else groups.push([row]);
  }
  return groups;
}
