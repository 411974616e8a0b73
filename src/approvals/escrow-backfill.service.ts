import type { BeforeApplicationShutdown, OnApplicationBootstrap } from "@nestjs/common";
import type { DataSource } from "typeorm";
import { draftEntry, SYSTEM_ACTOR } from "../audit/draft.js";
import type { EntryDraft } from "../audit/entry.js";
import type { Leadership } from "../audit/leadership.service.js";
import type { Transactions } from "../audit/transactions.service.js";
import { isRootkeepError, RootkeepError } from "../kernel/errors.js";
import { SteadyTimer } from "../kernel/steady-timer.js";
import type { DataKeyPage, DataKeys } from "../keys/data-keys.service.js";
import type { DataKeyRow } from "../keys/domain.js";
import { type EscrowWrap, escrowDetails } from "../keys/escrow-wrap.js";
import type { KeyService } from "../keys/keys.service.js";
import { EscrowFailures } from "./escrow-failures.js";
import { ForeignWraps } from "./foreign-wraps.service.js";
import type { TrustedConfiguration } from "./trusted-configuration.service.js";

const PERIOD_MS = 60_000;
/** Keys that are looked up at once; those of one account lie together, as their ids go by time. */
const PAGE = 50;

/** How far it is. */
export interface EscrowLook {
  /** Wrapped by this run so far. */
  readonly wrapped: number;
  /** Keys without a wrap of ours to the recipient; all of them where there is none. */
  readonly missing: number;
}

export interface EscrowBackfillOptions {
  readonly dataSource: DataSource;
  readonly transactions: Transactions;
  readonly keys: Pick<KeyService, "escrow" | "isOwnEscrow">;
  readonly dataKeys: DataKeys;
  readonly trust: Pick<TrustedConfiguration, "isApproved" | "assertApproved">;
  readonly recipient: string | null;
  /** Of the lock `escrow_turn`. */
  readonly leadership: Pick<Leadership, "take" | "release" | "isHeld">;
  readonly looked: (look: EscrowLook) => void;
  readonly failed: (error: unknown) => void;
  /** Milliseconds of a clock that only goes forward; for tests. */
  readonly elapsedMs?: () => number;
}

/** What one account's turn came to. */
interface Asked {
  readonly wraps: EscrowWrap[];
  readonly failed: { readonly dataKey: string; readonly code: string }[];
  /** Of every call that the root key answered, whatever it answered. */
  readonly requestIds: string[];
}

/**
 * Wraps to the escrow quorum what is not yet: data keys that are older than the recipient, those of the deployment, which were made before
 * there were custodians, and all of them anew after a change of the recipient. While people are served; broken off, the next run goes on
 * with what is missing. Nothing is wrapped to a recipient that custodians have not approved [ES-8] [ES-9].
 *
 * Every call of the root key is told in the log, so that its own count and ours add up: one replica runs at a time, an entry says that a run
 * begins before the first key is unwrapped (while the log takes none, none is), and what a key's turn came to is written, good or bad.
 */
export class EscrowBackfill implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #timer: SteadyTimer;
  readonly #failures: EscrowFailures;
  readonly #foreign: ForeignWraps;
  #isEnding = false;

  constructor(private readonly options: EscrowBackfillOptions) {
    const { dataSource, keys, dataKeys, failed, elapsedMs = () => performance.now() } = options;
    this.#timer = new SteadyTimer(PERIOD_MS, () => this.run(), failed);
    this.#failures = new EscrowFailures(elapsedMs);
    this.#foreign = new ForeignWraps(dataSource, keys, dataKeys, elapsedMs);
  }

  onApplicationBootstrap(): void {
    this.#timer.startNow();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#isEnding = true;
    await this.#timer.stop();
  }

  /**
   * Wraps what is missing, unless another replica does. A key that does not unwrap stays missing and keeps no other from being wrapped.
   * @throws RootkeepError when the log takes no entry, and Error when the database cannot be asked; what was done until then stands.
   */
  async run(): Promise<EscrowLook> {
    const { recipient, leadership, looked, trust } = this.options;
    if (recipient !== null) await this.#foreign.look(recipient);
    const look: EscrowLook = { wrapped: 0, missing: await this.#missing() };
    looked(look);
    // The lock is asked for only where there is something to do: it costs a connection.
    if (recipient === null || look.missing === 0 || !trust.isApproved) return look;
    try {
      return (await leadership.take()) ? await this.#wrapAll(recipient, look) : look;
    } finally {
      await leadership.release();
    }
  }

  async #wrapAll(recipient: string, first: EscrowLook): Promise<EscrowLook> {
    const { leadership, looked, failed, trust } = this.options;
    let look = first;
    let isBegun = false;
    this.#failures.startRun();
    for await (const { rows, broken } of this.#pages(recipient)) {
      if (broken > 0 && this.#failures.isNews(`broken ${recipient}`)) failed(new RootkeepError("SEAL_BROKEN", { reason: "data_key" }));
      for (const ofOne of byAccount(rows.filter((row) => this.#failures.mayAsk(row)))) {
        if (this.#isEnding || !trust.isApproved || !leadership.isHeld) return look;
        if (!isBegun) await this.#tell({ action: "key.unwrapped", outcome: "allowed", details: { for: "escrow", recipient, ...look } });
        isBegun = true;
        look = { ...look, wrapped: look.wrapped + (await this.#wrap(recipient, ofOne)) };
      }
      look = { ...look, missing: await this.#missing() };
      looked(look);
    }
    return look;
  }

  /** What is missing: keys without any wrap, then those whose wraps are none of ours. */
  async *#pages(recipient: string): AsyncGenerator<DataKeyPage> {
    const { manager } = this.options.dataSource;
    for (let after: string | null = ""; after !== null; ) {
      const page: DataKeyPage = await this.options.dataKeys.listUnescrowed(manager, recipient, after, PAGE);
      yield page;
      after = page.last;
    }
    const ids = [...this.#foreign.ids];
    for (let at = 0; at < ids.length; at += PAGE) yield await this.options.dataKeys.listLive(manager, ids.slice(at, at + PAGE));
  }

  async #missing(): Promise<number> {
    const { dataKeys, dataSource, recipient } = this.options;
    return (await dataKeys.countUnescrowed(dataSource.manager, recipient)) + this.#foreign.ids.size;
  }

  /** Wraps keys of one account, or of the deployment, with one entry in the account's own chain. @returns how many. */
  async #wrap(recipient: string, listed: readonly DataKeyRow[]): Promise<number> {
    const { dataKeys, dataSource, keys, transactions, trust } = this.options;
    // Once more, and now: whoever had the turn before may have wrapped them since they were listed.
    const wraps = await dataKeys.wrapsOf(
      dataSource.manager,
      recipient,
      listed.map(({ id }) => id),
    );
    const done = new Set(wraps.filter((wrap) => keys.isOwnEscrow(wrap)).map(({ dataKeyId }) => dataKeyId));
    // Before the transaction: no root key is asked while rows are locked.
    const asked = await this.#ask(listed.filter(({ id }) => !done.has(id)));
    const accountId = listed[0]?.accountId ?? null;
    if (asked.wraps.length === 0) {
      if (asked.failed.length > 0) await this.#tell({ action: "key.unwrapped", outcome: "error", details: detailsOf(asked) }, accountId);
      return 0;
    }
    try {
      await transactions.run(async (tx) => {
        // Once the log has been read to its end: another replica may have taken over what is trusted since [ES-9].
        tx.atHead(() => trust.assertApproved());
        for (const wrap of asked.wraps) await dataKeys.insertEscrow(tx.manager, wrap);
        const details = { ...escrowDetails(asked.wraps), ...detailsOf(asked) };
        return { result: undefined, entries: [{ draft: draftOf({ action: "key.escrowed", outcome: "committed", details }, accountId) }] };
      });
    } catch (error) {
      // They were unwrapped all the same. A commit in doubt may be told of twice: request ids are counted once each.
      const lost = asked.wraps.map(({ dataKeyId }) => ({ dataKey: dataKeyId, code: codeOf(error) }));
      for (const { dataKeyId } of asked.wraps) this.#failures.note(dataKeyId);
      const details = detailsOf({ ...asked, failed: [...asked.failed, ...lost] });
      await this.#tell({ action: "key.unwrapped", outcome: "error", details }, accountId);
      throw error;
    }
    for (const { dataKeyId } of asked.wraps) this.#foreign.forget(dataKeyId);
    return asked.wraps.length;
  }

  async #ask(rows: readonly DataKeyRow[]): Promise<Asked> {
    const asked: Asked = { wraps: [], failed: [], requestIds: [] };
    for (const row of rows) {
      // Once more: the key before it may have been the one by which its root key turned out to be away.
      if (!this.#failures.mayAsk(row)) continue;
      try {
        const one = await this.options.keys.escrow(row);
        if (one === null) continue;
        asked.wraps.push(one.wrap);
        if (one.requestId !== null) asked.requestIds.push(one.requestId);
        this.#failures.answered(row.domain);
      } catch (error) {
        const requestId = isRootkeepError(error) ? error.facts["rootKeyRequestId"] : undefined;
        if (typeof requestId === "string") asked.requestIds.push(requestId);
        asked.failed.push({ dataKey: row.id, code: codeOf(error) });
        this.#failures.note(row.id);
        this.#failures.judge(row.domain, error);
        this.options.failed(error);
      }
    }
    return asked;
  }

  async #tell(told: Told, accountId: string | null = null): Promise<void> {
    await this.options.transactions.run((tx) => {
      if (told.outcome === "allowed") tx.atHead(() => this.options.trust.assertApproved());
      return Promise.resolve({ result: undefined, entries: [{ draft: draftOf(told, accountId) }] });
    });
  }
}

type Told = Required<Pick<EntryDraft, "action" | "outcome" | "details">>;

function draftOf(told: Told, accountId: string | null): EntryDraft {
  const about = accountId === null ? {} : { target: { type: "account", id: accountId }, stream: accountId };
  return draftEntry({ ...told, actor: SYSTEM_ACTOR, ...about });
}

function detailsOf({ failed, requestIds }: Omit<Asked, "wraps">): Told["details"] {
  return { for: "escrow", requestIds, ...(failed.length === 0 ? {} : { failed }) };
}

function codeOf(error: unknown): string {
  return isRootkeepError(error) ? error.code : "INTERNAL";
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
