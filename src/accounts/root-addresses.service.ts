import { In } from "typeorm";
import { draftEntry, SYSTEM_ACTOR } from "../audit/draft.js";
import type { Transactions } from "../audit/transactions.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { encodeFields } from "../kernel/encoding.js";
import { isRootkeepError, RootkeepError } from "../kernel/errors.js";
import { type Id, idOf } from "../kernel/ids.js";
import type { RecordsKey } from "../keys/records.js";
import { AccountRow } from "./account.entity.js";
import { type AddressOrigin, RootAddress } from "./root-address.entity.js";
import { addressKey, newRootAddress, type RootMailForm } from "./root-mail.js";

/** Rows of one entry, which lists each of them. */
const BATCH = 100;
/** Tries of one batch: another replica may be at the same accounts. */
const TRIES_MAX = 3;

/**
 * Every root address that was ever allocated here or registered. One address is of one account, without regard to case, for ever. Two who want
 * the same one at once want the same primary key, and the second is told that it exists already.
 */
export class RootAddresses {
  #isComplete = false;

  /** @param form how addresses are made here, or null where none are. */
  constructor(
    private readonly transactions: Transactions,
    private readonly records: Pick<RecordsKey, "mac">,
    private readonly form: RootMailForm | null,
  ) {}

  /** Whether this deployment makes addresses. */
  get isAllocating(): boolean {
    return this.form !== null;
  }

  /** A new address, which is nobody's until it is noted. @throws Error where none are made here: see {@link isAllocating}. */
  allocate(): string {
    if (this.form === null) throw new Error("no root addresses are made here");
    return newRootAddress(this.form);
  }

  /**
   * Notes in `tx`, after the account, that `address` is that of `accountId`.
   * @throws RootkeepError `ALREADY_EXISTS` for one that is, or ever was, any account's.
   */
  async note(tx: WorkTransaction, address: string, accountId: Id<"account">, origin: AddressOrigin, now: Date): Promise<RootAddress> {
    const id = this.#idOf(address);
    // A row that somebody deleted is one that the log knows, and the work is refused for it.
    if ((await tx.read(RootAddress, id)) !== null || (await this.#isOfAccount(tx, address))) {
      throw new RootkeepError("ALREADY_EXISTS", { facts: { rule: "the root e-mail address is, or was, another account's" } });
    }
    return tx.insert(RootAddress, { id, address: addressKey(address), accountId, origin, createdAt: now });
  }

  /** Of `addresses`, in lower case, those that are some account's already. For an early answer: what decides is {@link note}. */
  async known(tx: WorkTransaction, addresses: readonly string[]): Promise<ReadonlySet<string>> {
    const keys = addresses.map(addressKey);
    const rows: { address: string }[] = await tx.manager.query(
      `SELECT address FROM accounts.root_address WHERE address = ANY($1)
       UNION SELECT lower(root_email COLLATE "C") FROM accounts.account WHERE lower(root_email COLLATE "C") = ANY($1)`,
      [keys],
    );
    return new Set(rows.map(({ address }) => address));
  }

  /**
   * Notes the addresses of accounts that were registered before there was this table. Once there are none left it looks no more: whoever registers
   * an account notes its address.
   * @param batches how many entries at most.
   * @returns how many addresses.
   */
  async registerMissing(batches: number): Promise<number> {
    let noted = 0;
    try {
      for (let batch = 0; batch < batches && !this.#isComplete; batch++) {
        const count = await this.#registerBatch(TRIES_MAX);
        this.#isComplete = count === 0;
        noted += count;
      }
    } catch (error) {
      // A row that somebody took away is told of now, and again by the watch over all rows: not every few seconds by this.
      if (isRootkeepError(error, "ROW_REFUSED")) this.#isComplete = true;
      throw error;
    }
    return noted;
  }

  async #registerBatch(tries: number): Promise<number> {
    try {
      const { result } = await this.transactions.run(async (tx) => {
        const rows: { id: string }[] = await tx.manager.query(
          `SELECT a.id FROM accounts.account a WHERE NOT EXISTS
             (SELECT FROM accounts.root_address r WHERE r.address = lower(a.root_email COLLATE "C")) ORDER BY a.id LIMIT $1`,
          [BATCH],
        );
        const now = await tx.clock();
        const accounts = rows.length === 0 ? [] : await tx.readAll(AccountRow, { id: In(rows.map(({ id }) => id)) });
        const seen = new Set<string>();
        const noted: RootAddress[] = [];
        for (const account of accounts) {
          // Of two accounts of before with one address the first keeps it: that no third gets it is what matters.
          if (seen.has(addressKey(account.rootEmail))) continue;
          seen.add(addressKey(account.rootEmail));
          const id = this.#idOf(account.rootEmail);
          if ((await tx.read(RootAddress, id)) !== null) continue;
          const origin = "REGISTERED";
          const accountId = account.id as Id<"account">;
          noted.push(tx.insert(RootAddress, { id, address: addressKey(account.rootEmail), accountId, origin, createdAt: now }));
        }
        if (noted.length === 0) return { result: 0, entries: [] };
        const details = { addresses: noted.length };
        const draft = draftEntry({ action: "address.registered", outcome: "committed", actor: SYSTEM_ACTOR, details });
        return { result: noted.length, entries: [{ draft, rows: noted }] };
      });
      return result;
    } catch (error) {
      // Another replica was faster.
      if (tries > 1 && isRootkeepError(error, "ALREADY_EXISTS")) return await this.#registerBatch(tries - 1);
      throw error;
    }
  }

  /** True if an account of before the table has the address. */
  async #isOfAccount(tx: WorkTransaction, address: string): Promise<boolean> {
    const rows: unknown[] = await tx.manager.query(`SELECT FROM accounts.account WHERE lower(root_email COLLATE "C") = $1 LIMIT 1`, [
      addressKey(address),
    ]);
    return rows.length > 0;
  }

  #idOf(address: string): Id<"address"> {
    return idOf("address", this.records.mac(encodeFields(["rk-root-address-1", addressKey(address)])));
  }
}
