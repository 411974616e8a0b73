import type { Secret } from "../kernel/secret.js";
import { DataKeyRing } from "../keys/data-key-ring.js";
import { type DataKeyRow, NO_ACCOUNT } from "../keys/domain.js";
import type { KeyService } from "../keys/keys.service.js";
import type { SealedFacts } from "../keys/sealed-value.js";

/** Whose tokens they are. */
export interface TokenOwner {
  readonly sessionId: string;
  readonly personId: string;
}

/** Tokens as they are kept. */
export interface SealedTokens {
  readonly sealed: Buffer;
  readonly dataKeyId: string;
}

/** Seals what a session may ask the provider with, bound to session and person: moved to another row it does not open. */
export class ProviderTokenSeal {
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

  /** The tokens stay the caller's to wipe. */
  async seal(owner: TokenOwner, tokens: Secret<Buffer>): Promise<SealedTokens> {
    const { newest } = this.#dataKeys;
    const { sealed } = await this.keys.seal(tokens, factsOf(owner, newest.id), newest);
    return { sealed, dataKeyId: newest.id };
  }

  /** Lends the tokens for one call. @throws RootkeepError `SEAL_BROKEN` */
  async lend<T>(owner: TokenOwner, kept: SealedTokens, use: (tokens: Secret<Buffer>) => Promise<T>): Promise<T> {
    const dataKey = this.#dataKeys.byId(kept.dataKeyId);
    return await this.keys.lendTokens({ ...factsOf(owner, kept.dataKeyId), sealed: kept.sealed }, dataKey, use);
  }
}

function factsOf({ sessionId, personId }: TokenOwner, dataKeyId: string): SealedFacts {
  return {
    accountId: NO_ACCOUNT,
    awsAccountId: NO_ACCOUNT,
    secretId: sessionId,
    kind: "provider-tokens",
    version: 1,
    versionId: sessionId,
    dataKeyId,
    personId,
  };
}
