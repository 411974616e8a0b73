import type { DataSource } from "typeorm";
import { readAccount } from "../accounts/account-registry.service.js";
import { draftEntry, SYSTEM_ACTOR } from "../audit/draft.js";
import type { Transactions } from "../audit/transactions.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { isRootkeepError, RootkeepError } from "../kernel/errors.js";
import type { Id } from "../kernel/ids.js";
import type { DataKeys } from "../keys/data-keys.service.js";
import type { KeyService } from "../keys/keys.service.js";
import { exposureOf, type ReopeningsOfLog } from "./exposure.js";
import { sealedFactsOf } from "./sealed-facts.js";
import { SealedValues } from "./sealed-values.repository.js";
import { SecretRow } from "./secret.entity.js";
import { SecretVersion } from "./secret-version.entity.js";

/** Law L5: what was committed is read back and opened (the answer is yes or no) before it becomes the account's working credential. */
export class ReadBack {
  constructor(
    private readonly dataSource: DataSource,
    private readonly transactions: Transactions,
    private readonly keys: KeyService,
    private readonly dataKeys: DataKeys,
    private readonly log: ReopeningsOfLog,
  ) {}

  /**
   * True if what the table holds of the version opens: its sealed bytes are those of its row, and its data key opens them.
   * @throws RootkeepError `NOT_FOUND`, and as the root key does: that is no answer about the value.
   */
  async confirm(
    accountId: Id<"account">,
    version: SecretVersion,
  ): Promise<{ readonly isIntact: boolean; readonly requestId: string | null }> {
    const { manager } = this.dataSource;
    const facts = await this.transactions.peek(async (tx) => {
      const [account, secret] = [await readAccount(tx, accountId), await tx.read(SecretRow, version.secretId)];
      if (account === null || secret?.accountId !== account.id) throw new RootkeepError("NOT_FOUND");
      return sealedFactsOf(account, secret, version);
    });
    try {
      const sealed = await SealedValues.read(manager, version.id, version.sealedSha256);
      return await this.keys.confirm({ ...facts, sealed }, await this.dataKeys.byId(manager, version.dataKeyId));
    } catch (error) {
      if (!isRootkeepError(error, "SEAL_BROKEN")) throw error;
      return { isIntact: false, requestId: null };
    }
  }

  /**
   * Makes every STAGED version ACTIVE that an import has brought; none is left out, and it does nothing where there is none. A candidate is
   * none of them: nobody knows yet whether it works.
   * @throws RootkeepError `SEAL_BROKEN` when a value does not open, `NOT_FOUND` without the account, and as the root key does.
   */
  async activate(accountId: Id<"account">): Promise<void> {
    const staged = await this.transactions.peek((tx) => stagedOf(tx, accountId));
    for (const { version } of staged) {
      const { isIntact } = await this.confirm(accountId, version);
      if (!isIntact) throw new RootkeepError("SEAL_BROKEN", { reason: "read-back failed" });
    }
    if (staged.length === 0) return;
    await this.transactions.run(async (tx) => {
      const rows = [];
      for (const { version: read, secret } of staged) {
        const version = await tx.lock(SecretVersion, read.id);
        if (version?.state !== "STAGED") continue;
        // Its new place in the log is behind a reopening; what the lost part may have shown stays seen (design §7).
        const exposure = exposureOf(secret.kind, version, this.log);
        if (exposure !== version.exposure) tx.change(SecretVersion, version, { exposure });
        // The swap itself is the database's (I4): the service cannot set a state.
        await tx.manager.query("SELECT secrets.activate($1, $2)", [version.id, ""]);
        tx.adopt(SecretVersion, version, { state: "ACTIVE" });
        rows.push(version);
      }
      if (rows.length === 0) return { result: undefined, entries: [] };
      const draft = draftEntry({
        action: "secret.activated",
        outcome: "committed",
        actor: SYSTEM_ACTOR,
        target: { type: "account", id: accountId },
        details: { versions: rows.map(({ id }) => id), readBack: true },
        stream: accountId,
      });
      return { result: undefined, entries: [{ draft }] };
    });
  }
}

async function stagedOf(tx: WorkTransaction, accountId: Id<"account">) {
  const account = await readAccount(tx, accountId);
  if (account === null) throw new RootkeepError("NOT_FOUND");
  const staged = [];
  for (const secret of await tx.readAll(SecretRow, { accountId })) {
    for (const version of await tx.readAll(SecretVersion, { secretId: secret.id, state: "STAGED" }))
      if (version.ready === null) staged.push({ secret, version });
  }
  return staged;
}
