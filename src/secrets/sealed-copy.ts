import { createHash } from "node:crypto";
import { canonicalBytes, type JsonObject, type JsonValue, parseCanonical } from "../audit/canonical-json.js";
import { encodeFields } from "../kernel/encoding.js";
import { isId } from "../kernel/ids.js";
import { DOMAINS, type Domain, KIND_DOMAINS, type SealedKind } from "../keys/domain.js";
import type { RecordsKey } from "../keys/records.js";

/** Label of a copy in the second store (docs/spec/second-store.md). */
const FORMAT = "rootkeep-sealed-copy/1";
const MARK_FORMAT = "rootkeep-sealed-copy-mark/1";
/** Where all copies lie. */
export const COPIES_PREFIX = "copies/";

/** Kinds whose loss would lose an account: what is copied [SC-1]. */
export const COPIED_KINDS = ["root-password", "mfa-seed", "mfa-recovery"] as const satisfies readonly SealedKind[];

/** One version as the second store holds it: sealed bytes, wraps, and the facts that they are bound to. Nothing of it is in the clear. */
export interface SealedCopy {
  readonly deployment: string;
  readonly account: { readonly id: string; readonly awsId: string; readonly partition: string };
  readonly secret: { readonly id: string; readonly kind: string };
  readonly version: { readonly id: string; readonly number: number };
  readonly dataKey: {
    readonly id: string;
    readonly domain: Domain;
    readonly version: number;
    /** `aws-kms:<ARN>`; of a local keystore `file:` alone, as its path says nothing and may hold a name. */
    readonly rootKey: string;
    readonly wrapped: Buffer;
  };
  /** Null where there is no escrow quorum, or none yet for this key. */
  readonly escrow: { readonly recipient: string; readonly wrapped: Buffer } | null;
  readonly sealed: Buffer;
}

/** Makes and checks the marks of copies. */
export type CopyMarks = Pick<RecordsKey, "mac" | "verify">;

/** `copy` as it lies in the store, with its mark [SC-2] [SC-3]. Equal facts give equal bytes. */
export function sealedCopyBytes(copy: SealedCopy, marks: CopyMarks): Buffer {
  const body = bodyOf(copy);
  return canonicalBytes({ ...body, mac: marks.mac(markBytes(body)).toString("hex") });
}

/** Where `bytes` lie: below their account and version, under their own hash, so that no name ever changes what it holds [SC-4]. */
export function sealedCopyName({ account, version }: Pick<SealedCopy, "account" | "version">, bytes: Buffer): string {
  return `${versionPrefix(account.id, version.id)}${createHash("sha256").update(bytes).digest("hex")}.json`;
}

/** Where all copies of an account lie. */
export function accountPrefix(accountId: string): string {
  return `${COPIES_PREFIX}${accountId}/`;
}

/** Where all copies of a version lie. */
export function versionPrefix(accountId: string, versionId: string): string {
  return `${accountPrefix(accountId)}${versionId}/`;
}

/** The version that a name says to be of, or null for a name that is none of a copy's [SC-4]. */
export function versionOfName(name: string): string | null {
  const [, accountId, versionId] = /^copies\/([a-z0-9_]+)\/([a-z0-9_]+)\/[0-9a-f]{64}\.json$/.exec(name) ?? [];
  return isId("account", accountId) && isId("version", versionId) ? versionId : null;
}

/**
 * The copy that `bytes` are, if this deployment made them: canonical, of this form, with a mark that holds [SC-5]. Null otherwise: what lies in
 * the store may be anybody's.
 */
export function readSealedCopy(bytes: Buffer, marks: CopyMarks): SealedCopy | null {
  try {
    const { mac, ...body } = parseCanonical(bytes);
    const copy = copyOf(body);
    if (copy === null || typeof mac !== "string" || !/^[0-9a-f]{64}$/.test(mac)) return null;
    // Made again from what was read: a member that this reader does not know would else be under the mark and go unseen.
    const own = bodyOf(copy);
    return canonicalBytes(own).equals(canonicalBytes(body)) && marks.verify(markBytes(own), Buffer.from(mac, "hex")) ? copy : null;
  } catch {
    // Not JSON, or not canonical: the same answer as for a forged one.
    return null;
  }
}

function bodyOf({ deployment, account, secret, version, dataKey, escrow, sealed }: SealedCopy): JsonObject {
  return {
    account: { awsId: account.awsId, id: account.id, partition: account.partition },
    dataKey: {
      domain: dataKey.domain,
      id: dataKey.id,
      rootKey: dataKey.rootKey,
      version: dataKey.version,
      wrapped: dataKey.wrapped.toString("base64"),
    },
    deployment,
    ...(escrow === null ? {} : { escrow: { recipient: escrow.recipient, wrapped: escrow.wrapped.toString("base64") } }),
    format: FORMAT,
    sealed: sealed.toString("base64"),
    secret: { id: secret.id, kind: secret.kind },
    version: { id: version.id, number: version.number },
  };
}

function markBytes(body: JsonObject): Buffer {
  return encodeFields([MARK_FORMAT, canonicalBytes(body)]);
}

function copyOf(body: JsonObject): SealedCopy | null {
  const { deployment, format, escrow, sealed } = body;
  const [account, secret, version, dataKey] = [body["account"], body["secret"], body["version"], body["dataKey"]].map(membersOf);
  if (account === undefined || secret === undefined || version === undefined || dataKey === undefined) return null;
  const wrap = escrow === undefined ? null : membersOf(escrow);
  if (format !== FORMAT || wrap === undefined) return null;
  const domain = DOMAINS.find((known) => known === dataKey["domain"]);
  const kind = textOf(secret["kind"]);
  if (domain === undefined || !(kind in KIND_DOMAINS)) return null;
  return {
    deployment: textOf(deployment),
    account: { id: textOf(account["id"]), awsId: textOf(account["awsId"]), partition: textOf(account["partition"]) },
    secret: { id: textOf(secret["id"]), kind },
    version: { id: textOf(version["id"]), number: numberOf(version["number"]) },
    dataKey: {
      id: textOf(dataKey["id"]),
      domain,
      version: numberOf(dataKey["version"]),
      rootKey: textOf(dataKey["rootKey"]),
      wrapped: bytesOf(dataKey["wrapped"]),
    },
    escrow: wrap === null ? null : { recipient: textOf(wrap["recipient"]), wrapped: bytesOf(wrap["wrapped"]) },
    sealed: bytesOf(sealed),
  };
}

function membersOf(value: JsonValue | undefined): JsonObject | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
}

function textOf(value: JsonValue | undefined): string {
  if (typeof value !== "string") throw new Error("is no text");
  return value;
}

function numberOf(value: JsonValue | undefined): number {
  if (typeof value !== "number") throw new Error("is no number");
  return value;
}

function bytesOf(value: JsonValue | undefined): Buffer {
  return Buffer.from(textOf(value), "base64");
}
