import { readAccount } from "../accounts/account-registry.service.js";
import type { GuardedAct } from "../approvals/guarded-act.port.js";
import { CUSTODIAN_ACT, custodianForm, partiesOf } from "../approvals/people-acts.service.js";
import { draftEntry, personActor } from "../audit/draft.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { RootkeepError } from "../kernel/errors.js";
import { type Id, isId } from "../kernel/ids.js";
import { exposureOf, type ReopeningsOfLog } from "./exposure.js";
import { SecretRow } from "./secret.entity.js";
import { SecretVersion } from "./secret-version.entity.js";

/**
 * The guarded act `secret.waive`: two custodians let a burnt value be opened again before it is rotated (design §6, check-in). It stays
 * exposed, and it is burnt again by the next opening.
 */
export function waiveAct(log: ReopeningsOfLog): GuardedAct {
  return {
    ...CUSTODIAN_ACT,
    operation: "secret.waive",
    async check(tx, form) {
      const { version, secret } = await burnt(tx, form.subject["versionId"], log);
      const account = await readAccount(tx, secret.accountId);
      if (account === null) throw new RootkeepError("NOT_FOUND");
      const { id, awsId, partition } = account;
      return custodianForm({ versionId: version.id }, { account: { id: id as Id<"account">, awsId, partition } });
    },
    async apply(tx, decided) {
      const parties = partiesOf(decided);
      const { version, secret } = await burnt(tx, decided.body.subject["versionId"], log);
      tx.change(SecretVersion, version, { exposure: "EXPOSED" });
      const draft = draftEntry({
        action: "secret.waive",
        outcome: "committed",
        actor: personActor(parties.askedBy),
        target: { type: "secret-version", id: version.id },
        request: { id: parties.requestId },
        details: { approvedBy: parties.approvedBy },
        stream: secret.accountId,
      });
      return [{ draft, rows: [version] }];
    },
  };
}

async function burnt(
  tx: WorkTransaction,
  versionId: unknown,
  log: ReopeningsOfLog,
): Promise<{ version: SecretVersion; secret: SecretRow }> {
  if (!isId("version", versionId)) {
    throw new RootkeepError("MALFORMED", { fields: [{ field: "subject.versionId", rule: "is the id of a version" }] });
  }
  const version = await tx.lock(SecretVersion, versionId);
  const secret = version === null ? null : await tx.read(SecretRow, version.secretId);
  if (version === null || secret === null) throw new RootkeepError("NOT_FOUND");
  if (version.state !== "ACTIVE" || exposureOf(secret.kind, version, log) !== "BURNT") throw new RootkeepError("STATE_CONFLICT");
  return { version, secret };
}
