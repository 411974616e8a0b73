import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SYSTEM_CLOCK } from "../../src/kernel/clock.js";
import { newId } from "../../src/kernel/ids.js";
import { Secret } from "../../src/kernel/secret.js";
import type { DataKeyRow } from "../../src/keys/domain.js";
import { KeyService } from "../../src/keys/keys.service.js";
import type { RootKey } from "../../src/keys/root-key.port.js";
import { createRootKey } from "../../src/keys/root-keys.service.js";
import type { SealedFacts } from "../../src/keys/sealed-value.js";

/** A real local keystore in a directory of its own. */
export async function temporaryRootKey(): Promise<{ rootKey: RootKey; directory: string; remove(): Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), "rootkeep-key-"));
  return {
    rootKey: createRootKey(`file:${join(directory, "root-key.json")}`),
    directory,
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

/** The real key service with one root key for every domain. */
export function keyServiceOver(rootKey: RootKey, deployment = "test"): KeyService {
  const rootKeys = { password: rootKey, mfa: rootKey, mail: rootKey, people: rootKey };
  return new KeyService({ deployment, rootKeys, clock: SYSTEM_CLOCK });
}

/** An account that is nobody's. */
export function someAccount(): { accountId: string; awsAccountId: string } {
  return { accountId: newId("account"), awsAccountId: "111122223333" };
}

/** Facts of a password of the account that owns `dataKey`. */
export function factsFor(dataKey: DataKeyRow, changes: Partial<SealedFacts> = {}): SealedFacts {
  return {
    accountId: dataKey.accountId ?? "-",
    awsAccountId: dataKey.awsAccountId ?? "-",
    secretId: newId("secret"),
    kind: "root-password",
    version: 1,
    versionId: newId("version"),
    dataKeyId: dataKey.id,
    personId: "",
    ...changes,
  };
}

/** A secret of a text. */
export function secretOf(text: string): Secret<Buffer> {
  return Secret.of(Buffer.from(text, "utf8"));
}
