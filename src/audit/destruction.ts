import { createHash } from "node:crypto";
import { isId } from "../kernel/ids.js";
import { canonicalBytes, type JsonObject, type JsonValue } from "./canonical-json.js";
import { isHash, isObject, isOrigin } from "./entry-form.js";

/** Format label of what a certificate of destruction says (docs/spec/destruction-certificate.md). */
export const DESTRUCTION_FORMAT = "rootkeep-destruction/1";

const PEOPLE_MAX = 20;
const KEYS_MAX = 500;
const VERSIONS_MAX = 20_000;

/** A data key that was destroyed. */
export interface DestroyedKey extends JsonObject {
  readonly id: string;
  readonly domain: string;
  readonly version: number;
  /** The root key that wrapped it. Its URI may tell where it is kept, so only its hash is told: whoever knows the URI can compare. */
  readonly rootKey: {
    readonly kind: string;
    readonly uriSha256: string;
  };
  /** Whether it was wrapped for an escrow quorum as well: then a backup opens with the quorum's identity, too. */
  readonly isEscrowed: boolean;
}

/** A version that was destroyed, with the state that it had. */
export interface DestroyedVersion extends JsonObject {
  readonly id: string;
  readonly secretId: string;
  readonly kind: string;
  readonly number: number;
  readonly state: string;
  readonly dataKeyId: string;
  readonly sealedSha256: string;
}

/** How long a backup of before may open what was destroyed. */
export interface BackupHorizon extends JsonObject {
  /** How many days backups are kept, by the trusted configuration; null where nobody has said. */
  readonly horizonDays: number | null;
  /** `destroyedAt` and the horizon; null without one. */
  readonly until: string | null;
  /** Whether other accounts, or the deployment itself, have keys under one of the same root keys: those are not deleted for this account. */
  readonly isRootKeyShared: boolean;
}

/** What a certificate says: the body that the log's entry carries the hash of. */
export interface DestructionBody extends JsonObject {
  readonly format: typeof DESTRUCTION_FORMAT;
  /** Origin of the log. */
  readonly log: string;
  readonly deployment: string;
  readonly account: { readonly id: string; readonly awsId: string; readonly partition: string };
  readonly request: { readonly id: string; readonly hash: string };
  readonly askedBy: string;
  readonly approvedBy: readonly string[];
  /** By the database's clock, in the transaction that destroyed the keys. */
  readonly destroyedAt: string;
  readonly keys: readonly DestroyedKey[];
  readonly versions: readonly DestroyedVersion[];
  readonly backups: BackupHorizon;
}

/** SHA-256 of the body's bytes, in lower-case hexadecimal digits: what the entry carries [DC-3]. */
export function destructionHash(body: DestructionBody): string {
  return createHash("sha256").update(canonicalBytes(body)).digest("hex");
}

/** The body that `value` is, by its form. @throws Error naming the rule that is broken. */
export function parseDestruction(value: JsonValue | undefined): DestructionBody {
  if (!isObject(value) || value["format"] !== DESTRUCTION_FORMAT) throw new Error("has a body of an unknown format [DC-2]");
  if (members(value) !== "account,approvedBy,askedBy,backups,deployment,destroyedAt,format,keys,log,request,versions")
    throw new Error("has a body with other members than its format asks for [DC-2]");
  checkSubject(value);
  checkPeople(value);
  const { destroyedAt, deployment, log, backups } = value;
  if (!isOrigin(log) || !isText(deployment) || !isTime(destroyedAt)) throw new Error("says not which log, or when [DC-2]");
  checkKeys(value);
  if (!isBackups(backups, destroyedAt)) throw new Error("says not how long backups are kept [DC-6]");
  return value as unknown as DestructionBody;
}

function checkSubject({ account, request }: JsonObject): void {
  const isAccount = isObject(account) && members(account) === "awsId,id,partition" && isId("account", account["id"]);
  if (!isAccount || !isText(account["awsId"]) || !isText(account["partition"])) throw new Error("names no account [DC-2]");
  const isRequest = isObject(request) && members(request) === "hash,id" && isId("request", request["id"]);
  if (!isRequest || !isHash(request["hash"])) throw new Error("names no request [DC-2]");
}

function checkPeople({ askedBy, approvedBy }: JsonObject): void {
  const approvers = listOf(approvedBy, PEOPLE_MAX, "approvers");
  const areOthers = approvers.every((id) => isId("person", id) && id !== askedBy);
  if (!isId("person", askedBy) || approvers.length === 0 || !areOthers)
    throw new Error("names nobody who asked, or nobody else who approved [DC-4]");
}

function checkKeys({ keys, versions }: JsonObject): void {
  const named = listOf(keys, KEYS_MAX, "keys").map(keyOf);
  const known = new Set(named.map(({ id }) => id));
  if (named.length === 0 || known.size !== named.length) throw new Error("names no key, or one twice [DC-5]");
  const sealed = listOf(versions, VERSIONS_MAX, "versions").map(versionOf);
  if (!sealed.every(({ dataKeyId }) => known.has(dataKeyId))) throw new Error("names a version of a key that was not destroyed [DC-5]");
}

/** `horizonDays` after `destroyedAt`; null where nobody has said how long backups are kept. */
export function horizonEnd(destroyedAt: Date, horizonDays: number | null): string | null {
  return horizonDays === null ? null : new Date(destroyedAt.getTime() + horizonDays * 86_400_000).toISOString();
}

function keyOf(value: JsonValue): DestroyedKey {
  if (!isObject(value) || members(value) !== "domain,id,isEscrowed,rootKey,version") throw new Error("names no data key [DC-5]");
  const { id, domain, version, rootKey, isEscrowed } = value;
  const hasRoot = isObject(rootKey) && members(rootKey) === "kind,uriSha256" && isText(rootKey["kind"]) && isHash(rootKey["uriSha256"]);
  if (!isId("dataKey", id) || !isText(domain) || !isCount(version) || !hasRoot || typeof isEscrowed !== "boolean")
    throw new Error("names no data key [DC-5]");
  return value as unknown as DestroyedKey;
}

function versionOf(value: JsonValue): DestroyedVersion {
  if (!isObject(value) || members(value) !== "dataKeyId,id,kind,number,sealedSha256,secretId,state")
    throw new Error("names no version [DC-5]");
  const { id, secretId, kind, number, state, dataKeyId, sealedSha256 } = value;
  const hasIds = isId("version", id) && isId("secret", secretId) && isId("dataKey", dataKeyId);
  if (!hasIds || !isText(kind) || !isCount(number) || !isText(state) || !isHash(sealedSha256)) throw new Error("names no version [DC-5]");
  return value as unknown as DestroyedVersion;
}

function isBackups(value: JsonValue | undefined, destroyedAt: string): value is BackupHorizon {
  if (!isObject(value) || members(value) !== "horizonDays,isRootKeyShared,until" || typeof value["isRootKeyShared"] !== "boolean")
    return false;
  const { horizonDays, until } = value;
  if (horizonDays === null) return until === null;
  return isCount(horizonDays) && horizonDays <= 36_500 && until === horizonEnd(new Date(destroyedAt), horizonDays);
}

function listOf(value: JsonValue | undefined, most: number, what: string): readonly JsonValue[] {
  if (!Array.isArray(value) || value.length > most) throw new Error(`has no list of ${what} [DC-2]`);
  return value as readonly JsonValue[];
}

function members(value: JsonObject): string {
  return Object.keys(value).sort().join();
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length >= 1 && value.length <= 200;
}

function isTime(value: unknown): value is string {
  if (typeof value !== "string" || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value)) return false;
  return !Number.isNaN(Date.parse(value)) && new Date(value).toISOString() === value;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
