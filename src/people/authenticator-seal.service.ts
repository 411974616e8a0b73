import { randomBytes } from "node:crypto";
import { RootkeepError } from "../kernel/errors.js";
import { Secret } from "../kernel/secret.js";
import { type DataKeyRow, NO_ACCOUNT } from "../keys/domain.js";
import type { KeyService, SealedRow } from "../keys/keys.service.js";
import type { SealedFacts } from "../keys/sealed-value.js";

/** 20 bytes, the size of SHA-1's output: what RFC 4226 §4 recommends and every authenticator app takes. */
const SEED_BYTES = 20;

/** A person's TOTP code and the authenticator that it is checked against. */
export interface AuthenticatorCode {
  readonly personId: string;
  readonly authenticatorId: string;
  readonly dataKeyId: string;
  readonly sealed: Buffer;
  readonly code: string;
  readonly unixSeconds: number;
  readonly periodSeconds: number;
  readonly afterStep: number | null;
}

/**
 * Seals employees' TOTP seeds under the people domain's key, each bound to its person and authenticator: a seed moved to another
 * person's row does not open. The keys are unwrapped at start, so signing in needs no root key.
 */
export class AuthenticatorSeal {
  readonly #byId: ReadonlyMap<string, DataKeyRow>;
  readonly #newest: DataKeyRow;

  /** @param dataKeys of the people domain, use `seal`, at least one of them active. */
  constructor(
    private readonly keys: KeyService,
    dataKeys: readonly DataKeyRow[],
  ) {
    this.#byId = new Map(dataKeys.map((row) => [row.id, row]));
    const newest = dataKeys.filter(({ state, use }) => state === "ACTIVE" && use === "seal").at(-1);
    if (newest === undefined) throw new RootkeepError("KEY_UNAVAILABLE", { reason: "no people data key" });
    this.#newest = newest;
  }

  /** A fresh random seed. The caller wipes it. */
  newSeed(): Secret<Buffer> {
    return Secret.of(randomBytes(SEED_BYTES));
  }

  async seal(personId: string, authenticatorId: string, seed: Secret<Buffer>): Promise<{ sealed: Buffer; dataKeyId: string }> {
    const { sealed } = await this.keys.seal(seed, factsOf(personId, authenticatorId, this.#newest.id), this.#newest);
    return { sealed, dataKeyId: this.#newest.id };
  }

  /** The time step whose code this is, or null. @throws RootkeepError `SEAL_BROKEN` */
  checkCode(attempt: AuthenticatorCode): number | null {
    const dataKey = this.#byId.get(attempt.dataKeyId);
    if (dataKey === undefined) throw new RootkeepError("SEAL_BROKEN", { reason: "people data key is not loaded" });
    const row: SealedRow = { ...factsOf(attempt.personId, attempt.authenticatorId, attempt.dataKeyId), sealed: attempt.sealed };
    return this.keys.checkCode(row, dataKey, attempt);
  }
}

function factsOf(personId: string, authenticatorId: string, dataKeyId: string): SealedFacts {
  return {
    accountId: NO_ACCOUNT,
    awsAccountId: NO_ACCOUNT,
    secretId: authenticatorId,
    kind: "authenticator-totp",
    version: 1,
    versionId: authenticatorId,
    dataKeyId,
    personId,
  };
}
