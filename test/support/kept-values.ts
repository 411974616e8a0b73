// What the vault keeps of an account's password, opened with the root key behind every service: for the question whether the working one is
// among it. A test's way alone; the product has none.

import type { Id } from "../../src/kernel/ids.js";
import { DataKeys } from "../../src/keys/data-keys.service.js";
import { openWith } from "../../src/keys/sealer.js";
import { wrapContextOf } from "../../src/keys/wrap-context.js";
import { sealedFactsOf } from "../../src/secrets/sealed-facts.js";
import { SealedValues } from "../../src/secrets/sealed-values.repository.js";
import { SecretRow } from "../../src/secrets/secret.entity.js";
import { SecretVersion } from "../../src/secrets/secret-version.entity.js";
import type { Vault } from "./vault.js";

const DEPLOYMENT = "test";

/** A version of the password, opened. */
export interface KeptValue {
  readonly id: Id<"version">;
  readonly state: string;
  readonly isReady: boolean;
  readonly text: string;
}

/** Every version of the account's password that opens, oldest first; one that does not open is a fault. */
export async function keptPasswords(vault: Vault, accountId: Id<"account">): Promise<readonly KeptValue[]> {
  const { manager } = vault.dataSource;
  const account = await vault.accounts.byId(accountId);
  const { secret, versions } = await vault.transactions.peek(async (tx) => {
    const [found] = await tx.readAll(SecretRow, { accountId, kind: "root-password" });
    if (found === undefined) throw new Error("the account has no password");
    return { secret: found, versions: await tx.readAll(SecretVersion, { secretId: found.id }) };
  });
  const kept: KeptValue[] = [];
  for (const version of [...versions].sort((one, other) => one.number - other.number)) {
    const dataKey = await new DataKeys().byId(manager, version.dataKeyId);
    const { plaintext } = await vault.rootKey.unwrap(dataKey.wrapped, wrapContextOf(DEPLOYMENT, dataKey));
    const sealed = await SealedValues.read(manager, version.id, version.sealedSha256);
    const value = openWith(plaintext, DEPLOYMENT, dataKey, sealedFactsOf(account, secret, version), sealed);
    const text = value.expose((bytes) => bytes.toString("utf8"));
    kept.push({ id: version.id, state: version.state, isReady: version.ready === true, text });
  }
  return kept;
}

/** States of which one holds the working password, whatever has happened (I5); `STAGED` only for one that was never shown. */
const WORKING = ["ACTIVE", "APPLYING", "AMBIGUOUS"];
const CANDIDATES = ["STAGED", "APPLYING", "AMBIGUOUS"];

/** What is wrong with the versions, in words: I1, I3 and I5. @param working the password that the account has at AWS now. */
export function versionFaults(kept: readonly KeptValue[], working: string): string[] {
  const faults: string[] = [];
  if (kept.filter(({ state }) => state === "ACTIVE").length > 1) faults.push("two versions are ACTIVE (I1)");
  if (kept.filter(({ state }) => CANDIDATES.includes(state)).length > 1) faults.push("there are two candidates (I1)");
  if (kept.some(({ state, isReady }) => ["APPLYING", "AMBIGUOUS"].includes(state) && !isReady))
    faults.push("one was shown before it was read back (I3)");
  if (!kept.some(({ state, text }) => WORKING.includes(state) && text === working))
    faults.push("the working password is not among those kept (I5)");
  return faults;
}
