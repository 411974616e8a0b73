import type { JsonObject } from "../audit/canonical-json.js";
import { isHash, isObject, isOrigin } from "../audit/entry-form.js";
import { isEarlierEpoch } from "../audit/epoch.js";
import { type KeyLine, parseKeyLine } from "../audit/key-lines.js";
import { type Policy, parsePolicy } from "../audit/tlog/policy.js";
import { TlogError } from "../audit/tlog/tlog-error.js";
import { parseTlogProof, type TlogProof } from "../audit/tlog/tlog-proof.js";

/** What a verifier knows from elsewhere than the export (design §7). Every member but the origin is optional. */
export interface Trust {
  readonly origin: string;
  /** Leaf hash (hex) of entry 0. */
  readonly genesis?: string;
  /** Heads that were seen before: in a receipt, another copy, a checkpoint. `leaf` is the hash of entry `size − 1`. */
  readonly head?: readonly TrustedHead[];
  /** Fingerprints of the founding custodians' keys, as they were told outside. */
  readonly foundingFingerprints?: readonly string[];
  /** Keys that may sign for the log; without them the export's own word is all there is. */
  readonly keys?: readonly KeyLine[];
  /** Which witnesses must have cosigned. */
  readonly policy?: Policy;
  /** Checkpoints that were seen elsewhere: receipts of openings, notes out of an anchor. */
  readonly receipts?: readonly Receipt[];
}

/** A signed checkpoint that its holder got from elsewhere. */
export interface Receipt {
  /** As the trust file names it. */
  readonly name: string;
  readonly note: Buffer;
  /** Null for a note by itself. */
  readonly proof: TlogProof | null;
}

/** Reads a file that the trust file names. @throws Error when it cannot be read. */
export type ReadTrusted = (name: string) => Promise<Buffer>;

export interface TrustedHead {
  readonly size: number;
  readonly leaf: string;
}

/** Bytes beyond which a trust file is not read. */
export const TRUST_BYTES_MAX = 1_048_576;

/** True if the file holds more than the log's name, which anybody can write. */
export function knowsMore(trust: Trust): boolean {
  const { genesis, head = [], foundingFingerprints, receipts = [] } = trust;
  const isKnown = genesis !== undefined || foundingFingerprints !== undefined;
  return isKnown || head.length > 0 || receipts.length > 0 || knowsSigners(trust);
}

/** True if the file says who must have signed or cosigned. */
export function knowsSigners({ keys, policy }: Trust): boolean {
  return keys !== undefined || (policy !== undefined && policy.quorum !== null);
}

/** What to say of an export whose `origin` is not the trust file's. */
export function otherLog(trusted: string, origin: string): string {
  if (!isEarlierEpoch(trusted, origin)) return "the export is of another log than the trust file";
  return "the log was reopened since the trust file was written: see its entry log.reopened, and take origin and key of the new epoch into the file";
}

const MEMBERS = new Set(["origin", "genesis", "head", "foundingFingerprints", "keys", "policy", "receipts"]);

/**
 * A trust file, JSON in any layout: people write it by hand. An unknown member is refused, because a misspelt one would silently trust less.
 * @param read gives the files that it names, policy and receipts.
 * @throws Error naming the rule that is broken, and what `read` throws.
 */
export async function parseTrust(text: string, read: ReadTrusted): Promise<Trust> {
  const value = parseJson(text);
  if (!isObject(value)) throw new Error("is not a JSON object");
  if (Object.keys(value).some((key) => !MEMBERS.has(key))) throw new Error("has a member that this version does not know");
  const { origin, genesis, head, foundingFingerprints } = value;
  if (!isOrigin(origin)) throw new Error("has no origin");
  if (genesis !== undefined && !isHash(genesis)) throw new Error("genesis is not a hash");
  return {
    origin,
    ...(genesis === undefined ? {} : { genesis }),
    ...(head === undefined ? {} : { head: heads(head) }),
    ...(foundingFingerprints === undefined ? {} : { foundingFingerprints: texts("foundingFingerprints", foundingFingerprints) }),
    ...(await parseSigners(value, origin, read)),
    ...(value["receipts"] === undefined ? {} : { receipts: await readReceipts(texts("receipts", value["receipts"]), read) }),
  };
}

/** Who must have signed, and who cosigned. */
async function parseSigners({ keys, policy }: JsonObject, origin: string, read: ReadTrusted): Promise<Pick<Trust, "keys" | "policy">> {
  if (policy !== undefined && typeof policy !== "string") throw new Error("policy is not the name of a file");
  const parsed = policy === undefined ? undefined : named(`policy ${policy}`, parsePolicy, await read(policy));
  const known = keys === undefined ? keysOf(parsed, origin) : keyLines(keys, origin);
  return { ...(known === undefined ? {} : { keys: known }), ...(parsed === undefined ? {} : { policy: parsed }) };
}

/** The log keys of a policy, for a trust file that names none itself. */
function keysOf(policy: Policy | undefined, origin: string): readonly KeyLine[] | undefined {
  const isOfLog = (name: string): boolean => name === origin || isEarlierEpoch(name, origin);
  const keys = (policy?.logs ?? []).filter(({ key }) => isOfLog(key.name)).map(({ key }) => ({ key, lastSize: null }));
  return keys.length === 0 ? undefined : keys;
}

function keyLines(value: unknown, origin: string): readonly KeyLine[] {
  return texts("keys", value).map((line) => {
    const parsed = named("a key", parseKeyLine, line);
    if (parsed.key.name !== origin && !isEarlierEpoch(parsed.key.name, origin)) throw new Error("a key is of another log than origin");
    return parsed;
  });
}

async function readReceipts(names: readonly string[], read: ReadTrusted): Promise<readonly Receipt[]> {
  const receipts: Receipt[] = [];
  for (const name of names) {
    const bytes = await read(name);
    const isProof = bytes.subarray(0, PROOF_START.length).equals(PROOF_START);
    const proof = isProof ? named(`receipt ${name}`, parseTlogProof, bytes) : null;
    receipts.push({ name, note: proof?.note ?? bytes, proof });
  }
  return receipts;
}

const PROOF_START = Buffer.from("c2sp.org/tlog-proof@");

function named<A, B>(what: string, parse: (value: A) => B, value: A): B {
  try {
    return parse(value);
  } catch (error) {
    if (error instanceof TlogError) throw new Error(`${what}: ${error.message}`, { cause: error });
    throw error;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("is not JSON");
  }
}

function heads(value: unknown): readonly TrustedHead[] {
  if (!Array.isArray(value)) throw new Error("head is not a list");
  return (value as readonly unknown[]).map((item) => {
    if (!isObject(item) || Object.keys(item).sort().join() !== "leaf,size") throw new Error("a head is not {size, leaf}");
    const { size, leaf } = item;
    if (!Number.isSafeInteger(size) || (size as number) < 1 || !isHash(leaf)) throw new Error("a head is not {size, leaf}");
    return { size: size as number, leaf };
  });
}

function texts(member: string, value: unknown): readonly string[] {
  if (!Array.isArray(value) || value.length === 0 || !value.every((item) => typeof item === "string" && item !== "")) {
    throw new Error(`${member} is not a list of texts`);
  }
  return value as readonly string[];
}
