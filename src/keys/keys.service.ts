import { createHash } from "node:crypto";
import type { AuditReceipt } from "../audit/receipt.js";
import type { Clock } from "../kernel/clock.js";
import { isRootkeepError, RootkeepError } from "../kernel/errors.js";
import type { Grant } from "../kernel/grant.js";
import { newId } from "../kernel/ids.js";
import { LIMITS } from "../kernel/limits.js";
import type { Operation } from "../kernel/operations.js";
import { Secret } from "../kernel/secret.js";
import type { DataKeyRow, DataKeyUse, Domain, SealedKind } from "./domain.js";
import { type EscrowWrap, escrowMarkBytes, wrapForEscrow } from "./escrow-wrap.js";
import { RecordsKey } from "./records.js";
import { ROOT_KEY_GONE, type RootKey, type UnwrappedDataKey } from "./root-key.port.js";
import type { SealedFacts } from "./sealed-value.js";
import { openWith, type Sealer, sealerWith } from "./sealer.js";
import { AWS_PERIOD_SECONDS, stepOf, totpAt, verifyTotp } from "./totp.js";
import { wrapContextOf } from "./wrap-context.js";

/** A sealed version as its row says it: the facts that it must be bound to, and its bytes. */
export interface SealedRow extends SealedFacts {
  readonly sealed: Buffer;
}

/** A value that was opened for a person. Whoever takes it wipes it. */
export interface Opened {
  readonly value: Secret<Buffer>;
  /** The root key's name for the call; the outcome entry carries it. Null where the root key has no log of its own. */
  readonly requestId: string | null;
}

export interface KeyServiceOptions {
  readonly deployment: string;
  /** The root key that wraps and unwraps data keys, per domain. */
  readonly rootKeys: Readonly<Record<Domain, RootKey>>;
  /**
   * Guarded acts whose grant lets {@link KeyService.reseal} move a value under another data key. Left out, there is none: as long as the
   * closed list has no rotation, nobody is to have that right by another name.
   */
  readonly resealOperations?: readonly Operation[];
  /** Recipient of the escrow quorum, or null: then nothing is wrapped for one. */
  readonly escrowRecipient?: string | null;
  readonly clock: Clock;
}

/** The second factor that a person typed, and what it is judged by. Times are Unix seconds of the database's clock. */
export interface CodeAttempt {
  readonly code: string;
  readonly unixSeconds: number;
  readonly periodSeconds?: number;
  /** The last step that was accepted from this person for anything; only a greater one counts. Null before the first. */
  readonly afterStep: number | null;
}

/** Kinds that never leave as they are: from a seed only codes come out (design §5). */
const NEVER_OPENED: readonly SealedKind[] = ["mfa-seed", "authenticator-totp", "provider-tokens"];

/**
 * Data keys and what is sealed with them. Four verbs, each with a result of its own: {@link open} (and {@link openCode}) give a value to
 * a person and take an audit receipt; {@link checkCode} gives a step; {@link confirm} a yes or no; {@link reseal} sealed bytes. Nothing
 * else returns plaintext. What a session asks its OpenID Connect provider with is nobody's credential at a customer: {@link lendTokens}
 * lends it for the length of a call.
 *
 * Credential keys are not cached: one opening is one call to the root key, so AWS counts our openings without us. Only the keys of the
 * people domain are kept, as they guard sign-in.
 */
export class KeyService {
  readonly #options: KeyServiceOptions;
  readonly #peopleKeys = new Map<string, Secret<Buffer>>();
  #records: RecordsKey | undefined;

  constructor(options: KeyServiceOptions) {
    this.#options = options;
  }

  /**
   * A new data key of `owner` (null for the whole deployment): the row to insert, and the key in use. The row is not yet in the table;
   * nothing sealed with the key may be committed without it, nor the key without its escrow wrap. The caller has made sure that custodians
   * approved the recipient; keys of the deployment are made before there are custodians, and are wrapped later ({@link escrow}).
   */
  async newDataKey(
    owner: { readonly accountId: string; readonly awsAccountId: string } | null,
    domain: Domain,
    use: DataKeyUse = "seal",
    version = 1,
  ): Promise<{ readonly row: DataKeyRow; readonly sealer: Sealer; readonly escrow: EscrowWrap | null; readonly requestId: string | null }> {
    if ((owner === null) !== (domain === "people") || (use === "records" && domain !== "people")) throw new Error("no such data key");
    const rootKey = this.#options.rootKeys[domain];
    const facts = { id: newId("dataKey"), accountId: owner?.accountId ?? null, awsAccountId: owner?.awsAccountId ?? null, domain };
    const { plaintext, wrapped, requestId } = await rootKey.generateDataKey(wrapContextOf(this.#options.deployment, facts));
    const row: DataKeyRow = Object.freeze({ ...facts, use, version, state: "ACTIVE", rootKeyUri: rootKey.uri, wrapped });
    try {
      const escrow = owner === null ? null : await this.#escrow(plaintext, row);
      return { row, sealer: sealerWith(plaintext, this.#options.deployment, row), escrow, requestId };
    } catch (error) {
      plaintext.wipe();
      throw error;
    }
  }

  /**
   * `dataKey`, which is in the table already, wrapped for the escrow quorum; null where there is no recipient. The key is unwrapped, wrapped
   * and wiped in here. The caller has made sure that custodians approved the recipient.
   * @throws RootkeepError as the root key does.
   */
  async escrow(dataKey: DataKeyRow): Promise<{ readonly wrap: EscrowWrap; readonly requestId: string | null } | null> {
    return await this.#withKey(dataKey, async (key, requestId) => {
      const wrap = await this.#escrow(key, dataKey);
      return wrap === null ? null : { wrap, requestId };
    });
  }

  /** True if this deployment made the wrap, as it lies there [ES-10]; whether it opens, only the quorum can tell. */
  isOwnEscrow(wrap: EscrowWrap): boolean {
    return this.records.verify(escrowMarkBytes(wrap), wrap.mac);
  }

  /**
   * Unwraps and keeps the keys of the people domain. At start, and after one was added. Keys that are kept already are not asked for
   * again.
   * @throws RootkeepError as the root key does; `SEAL_BROKEN` for a row that is not what it says.
   */
  async loadPeopleKeys(rows: readonly DataKeyRow[]): Promise<void> {
    for (const row of rows) {
      if (row.domain !== "people" || row.state === "DESTROYED" || this.#peopleKeys.has(row.id)) continue;
      this.#peopleKeys.set(row.id, (await this.#unwrap(row)).plaintext);
    }
    const newest = rows.filter((row) => row.use === "records" && row.state === "ACTIVE").sort((a, b) => b.version - a.version)[0];
    const key = newest === undefined ? undefined : this.#peopleKeys.get(newest.id);
    if (key !== undefined) this.#records = RecordsKey.derive(key);
  }

  /**
   * The key that authenticates rows.
   * @throws RootkeepError `KEY_UNAVAILABLE` before {@link loadPeopleKeys} found one.
   */
  get records(): RecordsKey {
    if (this.#records === undefined) throw new RootkeepError("KEY_UNAVAILABLE", { reason: "records_key_not_loaded" });
    return this.#records;
  }

  /**
   * True if the root key of `domain` is the one with this URI (by its SHA-256, in hexadecimal digits), and its own home says that there is no such
   * key any more. One that cannot be reached, is switched off or only marked for deletion is not gone.
   */
  async isRootKeyGone(domain: Domain, uriSha256: string): Promise<boolean> {
    const rootKey = this.#options.rootKeys[domain];
    if (createHash("sha256").update(rootKey.uri, "utf8").digest("hex") !== uriSha256) return false;
    return (await rootKey.check()).reason === ROOT_KEY_GONE;
  }

  /** Overwrites the kept keys. Only at shutdown: the panic seal leaves them, as signing in goes on. */
  close(): void {
    for (const key of this.#peopleKeys.values()) key.wipe();
    this.#peopleKeys.clear();
    this.#records = undefined;
  }

  /**
   * Seals `plaintext` for `facts`. The plaintext stays the caller's to wipe. For several values at once see {@link newDataKey}.
   * @throws RootkeepError `KEY_DISABLED` unless the data key is active; as the root key does.
   */
  async seal(plaintext: Secret<Buffer>, facts: SealedFacts, dataKey: DataKeyRow): Promise<{ sealed: Buffer; requestId: string | null }> {
    return this.#withKey(dataKey, (key, requestId) => {
      const sealer = sealerWith(key, this.#options.deployment, dataKey);
      return { sealed: sealer.seal(plaintext, facts), requestId };
    });
  }

  /**
   * Opens a value for a person. The receipt of the durable intent is spent before anything else happens (law L1): without it neither the
   * root key is asked nor a byte opened.
   * @throws Error when the receipt is forged, spent, stale or of another act, or the kind never leaves as it is.
   * @throws RootkeepError `SEAL_BROKEN`, `KEY_DISABLED`, `KEY_UNAVAILABLE`, `CLOCK_SKEW`.
   */
  async open(row: SealedRow, dataKey: DataKeyRow, receipt: AuditReceipt): Promise<Opened> {
    receipt.spend("secret.reveal", row.versionId);
    if (NEVER_OPENED.includes(row.kind)) throw new Error("this kind is never opened as it is");
    return this.#withKey(dataKey, (key, requestId) => ({ value: this.#openWith(key, row, dataKey), requestId }));
  }

  /**
   * The AWS code of an account's seed for the time step of `unixSeconds` (the database's clock, and the step that the ledger claimed).
   * The seed stays in here.
   * @throws as {@link open}.
   */
  async openCode(
    row: SealedRow,
    dataKey: DataKeyRow,
    receipt: AuditReceipt,
    unixSeconds: number,
  ): Promise<Opened & { readonly step: number }> {
    receipt.spend("secret.code", row.versionId);
    if (row.kind !== "mfa-seed") throw new Error("codes come from a seed");
    return this.#withKey(dataKey, (key, requestId) => {
      const seed = this.#openWith(key, row, dataKey);
      try {
        const code = seed.expose((bytes) => Buffer.alloc(6, totpAt(bytes, unixSeconds, AWS_PERIOD_SECONDS), "ascii"));
        return { value: Secret.of(code), step: stepOf(unixSeconds, AWS_PERIOD_SECONDS), requestId };
      } finally {
        seed.wipe();
      }
    });
  }

  /**
   * The time step whose code a person typed, or null when it is wrong, too old or used. Nothing else leaves. It needs no call to the
   * root key, so it can run inside the deciding transaction.
   * @throws RootkeepError `KEY_UNAVAILABLE` when the people keys are not loaded; `SEAL_BROKEN`.
   */
  checkCode(row: SealedRow, dataKey: DataKeyRow, attempt: CodeAttempt): number | null {
    if (row.kind !== "authenticator-totp") throw new Error("codes are checked against a person's authenticator");
    const key = this.#peopleKeys.get(dataKey.id);
    if (key === undefined) throw new RootkeepError("KEY_UNAVAILABLE", { reason: "people_key_not_loaded" });
    const seed = this.#openWith(key, row, dataKey);
    try {
      return seed.expose((bytes) => verifyTotp(bytes, attempt.code, attempt.unixSeconds, attempt.periodSeconds, 1, attempt.afterStep));
    } finally {
      seed.wipe();
    }
  }

  /**
   * Lends `use` the tokens of a person's session at the provider, and wipes them afterwards. They open nothing of a customer's, so no
   * receipt is spent; another kind is refused.
   * @throws RootkeepError `KEY_UNAVAILABLE` when the people keys are not loaded; `SEAL_BROKEN`.
   */
  async lendTokens<T>(row: SealedRow, dataKey: DataKeyRow, use: (tokens: Secret<Buffer>) => Promise<T>): Promise<T> {
    if (row.kind !== "provider-tokens") throw new Error("only tokens of a provider are lent");
    const key = this.#peopleKeys.get(dataKey.id);
    if (key === undefined) throw new RootkeepError("KEY_UNAVAILABLE", { reason: "people_key_not_loaded" });
    const tokens = this.#openWith(key, row, dataKey);
    try {
      return await use(tokens);
    } finally {
      tokens.wipe();
    }
  }

  /**
   * True if the value opens: the read-back after a commit (law L5) and the drill. A root key that cannot be asked throws, as that is not
   * an answer about the value.
   */
  async confirm(row: SealedRow, dataKey: DataKeyRow): Promise<{ readonly isIntact: boolean; readonly requestId: string | null }> {
    try {
      return await this.#withKey(dataKey, (key, requestId) => {
        this.#openWith(key, row, dataKey).wipe();
        return { isIntact: true, requestId };
      });
    } catch (error) {
      if (!isRootkeepError(error, "SEAL_BROKEN")) throw error;
      const requestId = error.facts["rootKeyRequestId"];
      return { isIntact: false, requestId: typeof requestId === "string" ? requestId : null };
    }
  }

  /**
   * The same value under another data key of the same account and domain, for a new append-only row: everything else that it is bound to
   * stays. The plaintext does not leave.
   * @throws Error when the grant is for no act of `resealOperations` on `dataKey`, or is forged or spent.
   * @throws RootkeepError as {@link seal} and {@link confirm} do, and `SEAL_BROKEN` for a value that does not open.
   */
  async reseal(
    row: SealedRow,
    dataKey: DataKeyRow,
    targetKey: DataKeyRow,
    grant: Grant,
  ): Promise<{ readonly row: SealedRow; readonly requestIds: readonly string[] }> {
    if (this.#options.resealOperations?.includes(grant.operation) !== true) throw new Error("grant is for another act");
    grant.spend(grant.operation, dataKey.id);
    const target: SealedFacts = { ...factsOf(row), dataKeyId: targetKey.id };
    return this.#withKey(dataKey, async (key, openRequestId) => {
      const value = this.#openWith(key, row, dataKey);
      try {
        const { sealed, requestId } = await this.seal(value, target, targetKey);
        const requestIds = [openRequestId, requestId].filter((id) => id !== null);
        return { row: Object.freeze({ ...target, sealed }), requestIds };
      } finally {
        value.wipe();
      }
    });
  }

  /** Every opening passes here. The data key is wiped on every way out, unless it is one of the people's, which are kept. */
  async #withKey<T>(dataKey: DataKeyRow, use: (key: Secret<Buffer>, requestId: string | null) => T | Promise<T>): Promise<T> {
    const kept = this.#peopleKeys.get(dataKey.id);
    if (kept !== undefined) return use(kept, null);
    const { plaintext, requestId } = await this.#unwrap(dataKey);
    try {
      return await use(plaintext, requestId);
    } catch (error) {
      // A seal that breaks after the root key answered has a request id too, and the two counts must add up.
      if (isRootkeepError(error, "SEAL_BROKEN") && requestId !== null) {
        throw new RootkeepError("SEAL_BROKEN", { facts: { rootKeyRequestId: requestId } });
      }
      throw error;
    } finally {
      plaintext.wipe();
    }
  }

  async #escrow(key: Secret<Buffer>, row: DataKeyRow): Promise<EscrowWrap | null> {
    const { escrowRecipient: recipient = null, deployment } = this.#options;
    if (recipient === null) return null;
    const wrap = { dataKeyId: row.id, recipient, wrapped: await wrapForEscrow(recipient, deployment, row, key) };
    return { ...wrap, mac: this.records.mac(escrowMarkBytes(wrap)) };
  }

  async #unwrap(row: DataKeyRow): Promise<UnwrappedDataKey> {
    if (row.state === "DESTROYED") throw new RootkeepError("KEY_DISABLED", { reason: "data_key_destroyed" });
    const unwrapped = await this.#rootKeyOf(row).unwrap(row.wrapped, wrapContextOf(this.#options.deployment, row));
    const skewMs = unwrapped.replyTime === null ? 0 : Math.abs(unwrapped.replyTime.getTime() - this.#options.clock.now().getTime());
    // Expiry, time steps and the order of the log rest on the clock; a root key that disagrees by a minute means that one of us is wrong.
    if (skewMs > LIMITS.rootKeySkewMsMax) {
      unwrapped.plaintext.wipe();
      const { requestId: rootKeyRequestId } = unwrapped;
      throw new RootkeepError("CLOCK_SKEW", {
        reason: "root_key_clock",
        ...(rootKeyRequestId === null ? {} : { facts: { rootKeyRequestId } }),
      });
    }
    return unwrapped;
  }

  /**
   * The configured root key that `row` names. A row never brings a root key of its own: whoever edits it could otherwise make us ask a
   * key that they hold. Local keystores are the same key wherever the file is mounted, so their paths need not be equal.
   */
  #rootKeyOf(row: DataKeyRow): RootKey {
    const rootKey = this.#options.rootKeys[row.domain];
    const isFile = (uri: string) => uri.startsWith("file:");
    if (rootKey.uri !== row.rootKeyUri && !(isFile(rootKey.uri) && isFile(row.rootKeyUri))) {
      throw new RootkeepError("KEY_UNAVAILABLE", { reason: "root_key_not_configured" });
    }
    return rootKey;
  }

  #openWith(key: Secret<Buffer>, row: SealedRow, dataKey: DataKeyRow): Secret<Buffer> {
    return openWith(key, this.#options.deployment, dataKey, factsOf(row), row.sealed);
  }
}

/** The facts alone, in case the caller's row has more members. */
function factsOf(row: SealedFacts): SealedFacts {
  const { accountId, awsAccountId, secretId, kind, version, versionId, dataKeyId, personId } = row;
  return { accountId, awsAccountId, secretId, kind, version, versionId, dataKeyId, personId };
}
