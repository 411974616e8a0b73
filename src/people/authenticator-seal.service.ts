import { randomBytes } from "node:crypto";
import { Secret } from "../kernel/secret.js";
import { DataKeyRing } from "../keys/data-key-ring.js";
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
  readonly #dataKeys: DataKeyRing;

  /**
   * @param dataKeys of the people domain, oldest first.
   * @throws RootkeepError `KEY_UNAVAILABLE` when none of them is active and for sealing.
   */
  constructor(
    private readonly keys: KeyService,
    dataKeys: readonly DataKeyRow[],
  ) {
    this.#dataKeys = new DataKeyRing(dataKeys);
  }

  /** A fresh random seed. The caller wipes it. */
  newSeed(): Secret<Buffer> {
    return Secret.of(randomBytes(SEED_BYTES));
  }

  async seal(personId: string, authenticatorId: string, seed: Secret<Buffer>): Promise<{ sealed: Buffer; dataKeyId: string }> {
    const { newest } = this.#dataKeys;
    const { sealed } = await this.keys.seal(seed, factsOf(personId, authenticatorId, newest.id), newest);
    return { sealed, dataKeyId: newest.id };
  }

  /** The time step whose code this is, or null. @throws RootkeepError `SEAL_BROKEN` */
  checkCode(attempt: AuthenticatorCode): number | null {
    const dataKey = this.#dataKeys.byId(attempt.dataKeyId);
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
