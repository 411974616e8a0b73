import type { SealedFacts } from "../keys/sealed-value.js";
import type { SecretRow } from "./secret.entity.js";
import type { SecretVersion } from "./secret-version.entity.js";

/** What a version's sealed bytes are bound to, taken from the rows that say so and never from the bytes (docs/spec/sealed-value.md). */
export function sealedFactsOf(
  account: { readonly id: string; readonly awsId: string },
  secret: Pick<SecretRow, "id" | "kind">,
  version: Pick<SecretVersion, "id" | "number" | "dataKeyId">,
): SealedFacts {
  return {
    accountId: account.id,
    awsAccountId: account.awsId,
    secretId: secret.id,
    kind: secret.kind,
    version: version.number,
    versionId: version.id,
    dataKeyId: version.dataKeyId,
    personId: "",
  };
}
