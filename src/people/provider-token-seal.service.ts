import { RootkeepError } from "../kernel/errors.js";
import type { Secret } from "../kernel/secret.js";
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

  /** The tokens stay the caller's to wipe. */
  async seal(owner: TokenOwner, tokens: Secret<Buffer>): Promise<SealedTokens> {
    const { sealed } = await this.keys.seal(tokens, factsOf(owner, this.#newest.id), this.#newest);
    return { sealed, dataKeyId: this.#newest.id };
  }

  /** Lends the tokens for one call. @throws RootkeepError `SEAL_BROKEN` */
  async lend<T>(owner: TokenOwner, kept: SealedTokens, use: (tokens: Secret<Buffer>) => Promise<T>): Promise<T> {
    const dataKey = this.#byId.get(kept.dataKeyId);
    if (dataKey === undefined) throw new RootkeepError("SEAL_BROKEN", { reason: "people data key is not loaded" });
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
