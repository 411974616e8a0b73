import { TlogError } from "./tlog/tlog-error.js";
import { formatVerifierKey, parseVerifierKey, SIGNATURE_TYPE, type VerifierKey } from "./tlog/verifier-key.js";

/** A key of the log, and how long it may sign (docs/spec/audit-log.md, "Keys"). */
export interface KeyLine {
  readonly key: VerifierKey;
  /** Size of the largest checkpoint that it may sign, once another key has followed it; null for the key in force. */
  readonly lastSize: number | null;
}

/** The line `<vkey>` or `<vkey> <last size>` of `log.vkey`, without line feed. */
export function formatKeyLine({ key, lastSize }: KeyLine): string {
  return lastSize === null ? formatVerifierKey(key) : `${formatVerifierKey(key)} ${String(lastSize)}`;
}

/**
 * The key that a line of `log.vkey` names [AL-6].
 * @throws TlogError when it is malformed or no plain Ed25519 key.
 */
export function parseKeyLine(line: string): KeyLine {
  const [vkey = "", size, ...rest] = line.split(" ");
  const key = parseVerifierKey(vkey);
  if (key.type !== SIGNATURE_TYPE.ed25519) throw new TlogError("a log's key is no plain Ed25519 key");
  if (rest.length > 0 || (size !== undefined && !/^[1-9]\d{0,14}$/.test(size))) throw new TlogError("a key's last size is no size");
  return { key, lastSize: size === undefined ? null : Number(size) };
}

/**
 * The keys of a file `log.vkey`: one line each, every line ended.
 * @throws TlogError when it is malformed, empty, or names a key twice.
 */
export function parseKeyLines(text: string): readonly KeyLine[] {
  if (!text.endsWith("\n")) throw new TlogError("the keys do not end in a line feed");
  const keys = text.slice(0, -1).split("\n").map(parseKeyLine);
  const names = new Set(keys.map(({ key }) => formatVerifierKey(key)));
  if (names.size !== keys.length) throw new TlogError("a key is named twice");
  return keys;
}

/** The keys that may sign a checkpoint of `size` entries. */
export function keysFor(lines: readonly KeyLine[], size: number): readonly VerifierKey[] {
  return lines.flatMap(({ key, lastSize }) => (lastSize === null || size <= lastSize ? key : []));
}
