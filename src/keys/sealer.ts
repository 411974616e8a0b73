import { RootkeepError } from "../kernel/errors.js";
import type { Secret } from "../kernel/secret.js";
import { type DataKeyRow, domainOf, NO_ACCOUNT } from "./domain.js";
import { openValue, type SealedFacts, sealValue } from "./sealed-value.js";

/** A fresh data key in use: it seals and does nothing else. Close it as soon as the values are sealed. */
export interface Sealer {
  /**
   * `plaintext` sealed for `facts`; it stays the caller's to wipe.
   * @throws RootkeepError `KEY_DISABLED` unless the data key is active.
   * @throws Error when `facts` are of another account, domain or data key, or the sealer is closed.
   */
  seal(plaintext: Secret<Buffer>, facts: SealedFacts): Buffer;
  /** Overwrites the key. Sealing afterwards throws. */
  close(): void;
}

/** `key`, which is `dataKey` unwrapped, as something that only seals, in `deployment`. {@link Sealer.close} wipes that very key. */
export function sealerWith(key: Secret<Buffer>, deployment: string, dataKey: DataKeyRow): Sealer {
  return {
    seal: (plaintext, facts) => {
      if (dataKey.state !== "ACTIVE") throw new RootkeepError("KEY_DISABLED", { reason: "data_key_not_active" });
      if (!isKeyFor(dataKey, facts)) throw new Error("data key is for another account, domain or use");
      return sealValue(key, deployment, facts, plaintext);
    },
    close: () => {
      key.wipe();
    },
  };
}

/**
 * The value that `sealed` holds, opened with `key`, which is `dataKey` unwrapped. The caller wipes it.
 * @throws RootkeepError `SEAL_BROKEN`
 */
export function openWith(key: Secret<Buffer>, deployment: string, dataKey: DataKeyRow, facts: SealedFacts, sealed: Buffer): Secret<Buffer> {
  if (!isKeyFor(dataKey, facts) || dataKey.state === "DESTROYED") throw new RootkeepError("SEAL_BROKEN");
  return openValue(key, deployment, facts, sealed);
}

/** A key of one account or domain never seals or opens for another, whatever a row claims. */
function isKeyFor(dataKey: DataKeyRow, facts: SealedFacts): boolean {
  return (
    dataKey.id === facts.dataKeyId &&
    dataKey.use === "seal" &&
    dataKey.domain === domainOf(facts.kind) &&
    (dataKey.accountId ?? NO_ACCOUNT) === facts.accountId &&
    (dataKey.awsAccountId ?? NO_ACCOUNT) === facts.awsAccountId
  );
}
