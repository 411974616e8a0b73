import { openCheckpoint, type SignedCheckpoint } from "./checkpoint.js";
import { decodeText } from "./text-fields.js";
import { TlogError } from "./tlog-error.js";
import { parseVerifierKey, SIGNATURE_TYPE, type VerifierKey } from "./verifier-key.js";

/** Bytes of the largest policy that is read. */
const POLICY_BYTES_MAX = 65_536;
/** The predefined quorum that asks for no cosignature. */
const NO_QUORUM = "none";

/** Which logs are believed, and how many witnesses must have cosigned (C2SP tlog-policy). */
export interface Policy {
  readonly logs: readonly { readonly key: VerifierKey; readonly url: string | null }[];
  readonly witnesses: readonly PolicyWitness[];
  /** A group names only witnesses and groups before it. */
  readonly groups: readonly PolicyGroup[];
  /** Name of the witness or group that must have cosigned; null when none must. */
  readonly quorum: string | null;
}

/** A witness by the name that the policy has for it, which is not that of its key. */
export interface PolicyWitness {
  readonly name: string;
  readonly key: VerifierKey;
  readonly url: string | null;
}

/** A group has cosigned when `threshold` of its members have. */
export interface PolicyGroup {
  readonly name: string;
  readonly threshold: number;
  readonly members: readonly string[];
}

/**
 * The policy that a file is: lines `log <vkey> [<url>]`, `witness <name> <vkey> [<url>]`, `group <name> <any|all|k> <name>...` and one
 * `quorum <name>`. A log's key is plain Ed25519 (0x01), a witness's is for cosignatures (0x04). Unlike the specification, which takes any
 * octets, this takes UTF-8 only.
 * @throws TlogError naming the line, when it is malformed.
 */
export function parsePolicy(bytes: Uint8Array): Policy {
  // decodeText() refuses every control character but the line feed; a tab may stand here.
  const text = decodeText(
    Buffer.from(bytes).map((byte) => (byte === 0x09 ? 0x20 : byte)),
    POLICY_BYTES_MAX,
    "a policy",
  );
  if (text.includes("\u007f")) throw new TlogError("a policy holds a control character");
  if (!text.endsWith("\n")) throw new TlogError("a policy does not end in a line feed");
  const reader = new PolicyReader();
  for (const [index, line] of text.slice(0, -1).split("\n").entries()) {
    const words = line.split(" ").filter((word) => word !== "");
    if (words[0] === undefined || words[0].startsWith("#")) continue;
    const fault = reader.take(words);
    if (fault !== null) throw new TlogError(`line ${index + 1} of the policy: ${fault}`);
  }
  return reader.finish();
}

/** Reads lines one by one; each method says what is wrong, or null. */
class PolicyReader {
  readonly #logs: { readonly key: VerifierKey; readonly url: string | null }[] = [];
  readonly #witnesses: PolicyWitness[] = [];
  readonly #groups: PolicyGroup[] = [];
  /** Names that are defined, and whether each is a member of a group already. */
  readonly #isMember = new Map<string, boolean>();
  #quorum: string | undefined;

  take([keyword, ...words]: readonly string[]): string | null {
    switch (keyword) {
      case "log":
        return this.#takeLog(words);
      case "witness":
        return this.#takeWitness(words);
      case "group":
        return this.#takeGroup(words);
      case "quorum":
        return this.#takeQuorum(words);
      default:
        return "unknown keyword";
    }
  }

  finish(): Policy {
    if (this.#quorum === undefined) throw new TlogError("the policy has no quorum");
    const quorum = this.#quorum === NO_QUORUM ? null : this.#quorum;
    return { logs: this.#logs, witnesses: this.#witnesses, groups: this.#groups, quorum };
  }

  #takeLog([vkey, url, ...rest]: readonly string[]): string | null {
    if (vkey === undefined || rest.length > 0) return "a log is a key and perhaps a URL";
    const key = parseKey(vkey, SIGNATURE_TYPE.ed25519);
    if (key === null) return "no plain Ed25519 key";
    if (this.#logs.some((other) => other.key.publicKey.equals(key.publicKey))) return "the same key twice";
    this.#logs.push({ key, url: url ?? null });
    return null;
  }

  #takeWitness([name, vkey, url, ...rest]: readonly string[]): string | null {
    if (name === undefined || vkey === undefined || rest.length > 0) return "a witness is a name, a key and perhaps a URL";
    const key = parseKey(vkey, SIGNATURE_TYPE.cosignature);
    if (key === null) return "no key for cosignatures";
    // One key under two names would be two witnesses to the quorum.
    if (this.#witnesses.some((other) => other.key.publicKey.equals(key.publicKey))) return "the same key twice";
    if (!this.#define(name)) return "the name is taken";
    this.#witnesses.push({ name, key, url: url ?? null });
    return null;
  }

  #takeGroup([name, count, ...members]: readonly string[]): string | null {
    if (name === undefined || count === undefined || members.length === 0) return "a group is a name, a threshold and members";
    const threshold = parseThreshold(count, members.length);
    if (threshold === null) return "the threshold is not any, all or a number of its members";
    for (const member of members) {
      const isMember = this.#isMember.get(member);
      if (isMember === undefined) return "a member is not defined above";
      if (isMember) return "a member is one of a group already";
      this.#isMember.set(member, true);
    }
    if (!this.#define(name)) return "the name is taken";
    this.#groups.push({ name, threshold, members });
    return null;
  }

  #takeQuorum([name, ...rest]: readonly string[]): string | null {
    if (name === undefined || rest.length > 0) return "a quorum is one name";
    if (this.#quorum !== undefined) return "a second quorum";
    if (name !== NO_QUORUM && !this.#isMember.has(name)) return "the quorum is not defined above";
    this.#quorum = name;
    return null;
  }

  #define(name: string): boolean {
    if (name === NO_QUORUM || this.#isMember.has(name)) return false;
    this.#isMember.set(name, false);
    return true;
  }
}

function parseKey(vkey: string, type: number): VerifierKey | null {
  try {
    const key = parseVerifierKey(vkey);
    return key.type === type ? key : null;
  } catch (error) {
    if (error instanceof TlogError) return null;
    throw error;
  }
}

function parseThreshold(text: string, members: number): number | null {
  if (text === "any") return 1;
  if (text === "all") return members;
  const threshold = /^[1-9]\d{0,8}$/.test(text) ? Number(text) : 0;
  return threshold >= 1 && threshold <= members ? threshold : null;
}

/**
 * Whether these witnesses are enough for the policy.
 * @param names names that the policy has for them; others count for nothing, nor do names of groups.
 */
export function isQuorum({ witnesses, groups, quorum }: Policy, names: ReadonlySet<string>): boolean {
  if (quorum === null) return true;
  const cosigned = new Set(witnesses.flatMap(({ name }) => (names.has(name) ? name : [])));
  for (const { name, threshold, members } of groups) {
    if (members.filter((member) => cosigned.has(member)).length >= threshold) cosigned.add(name);
  }
  return cosigned.has(quorum);
}

/** A checkpoint that keeps a policy. */
export interface WitnessedCheckpoint extends SignedCheckpoint {
  /** Names that the policy has for the witnesses that have cosigned. */
  readonly witnesses: ReadonlySet<string>;
}

/**
 * The checkpoint that a note is, if one of the policy's logs has signed it and enough of its witnesses have cosigned it.
 * @throws TlogError when it is malformed, not of a log of the policy, a known key's signature does not verify, or witnesses are missing.
 */
export function openWitnessed(note: Uint8Array, policy: Policy): WitnessedCheckpoint {
  const keys = { logs: policy.logs.map(({ key }) => key), witnesses: policy.witnesses.map(({ key }) => key) };
  const opened = openCheckpoint(note, keys);
  const signers = new Set(opened.cosignatures.map(({ key }) => key));
  const witnesses = new Set(policy.witnesses.flatMap(({ name, key }) => (signers.has(key) ? name : [])));
  if (!isQuorum(policy, witnesses)) throw new TlogError("too few witnesses have cosigned the checkpoint");
  return { ...opened, witnesses };
}
