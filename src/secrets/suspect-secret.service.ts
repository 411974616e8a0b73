import { readAccount } from "../accounts/account-registry.service.js";
import { draftEntry, personActor } from "../audit/draft.js";
import type { Transactions } from "../audit/transactions.service.js";
import { RootkeepError } from "../kernel/errors.js";
import type { Id } from "../kernel/ids.js";
import { type ActingPerson, actingStanding } from "../people/acting-person.service.js";
import { scopedAccountOf } from "../people/scoped-account.js";
import { hasRole } from "../people/standing.service.js";
import type { CandidateKind } from "./candidates.service.js";
import { SecretRow } from "./secret.entity.js";
import { SecretVersion } from "./secret-version.entity.js";

/** Somebody says that a value may be known to whoever should not know it. One person is enough: it opens nothing, and takes nothing away. */
export class SuspectSecret {
  constructor(private readonly transactions: Transactions) {}

  /**
   * Makes the rotation of the account's working value due at once.
   * @throws RootkeepError `NOT_FOUND`, also where there is no working value; `NOT_ALLOWLISTED` for whoever has no part in the account.
   */
  async suspect(acting: ActingPerson, accountId: Id<"account">, kind: CandidateKind): Promise<{ seq: number }> {
    const { receipts } = await this.transactions.run(async (tx) => {
      const now = await tx.clock();
      const standing = await actingStanding(tx, acting, now);
      const account = await readAccount(tx, accountId);
      if (account === null) throw new RootkeepError("NOT_FOUND");
      const scoped = scopedAccountOf(account);
      const isAllowed =
        (["requester", "approver"] as const).some((role) => hasRole(standing, role, scoped)) || hasRole(standing, "custodian");
      if (!isAllowed) throw new RootkeepError("NOT_ALLOWLISTED");
      const [secret] = await tx.readAll(SecretRow, { accountId, kind });
      const [version] = secret === undefined ? [] : await tx.readAll(SecretVersion, { secretId: secret.id, state: "ACTIVE" }, "lock");
      if (version === undefined) throw new RootkeepError("NOT_FOUND");
      tx.change(SecretVersion, version, { suspectedAt: now });
      const draft = draftEntry({
        action: "secret.suspect",
        outcome: "committed",
        actor: personActor(acting.personId),
        target: { type: "secret-version", id: version.id },
        stream: accountId,
      });
      return { result: undefined, entries: [{ draft }] };
    });
    return { seq: receipts[0]?.facts.seq ?? -1 };
  }
}
