/**
 * An entry as one line of JSON, without a line break: `{"seq":…,"leaf":"…","entry":{…}}`. The entry stands there in its own bytes, last,
 * so that a reader can cut it out and hash it: its hash is `leaf` [LS-2]. Canonical JSON has no raw line break.
 * @param leaf hash of the entry, 64 hex digits.
 */
export function plainLine(seq: number, leaf: string, bytes: Buffer): string {
  return `{"seq":${String(seq)},"leaf":"${leaf}","entry":${bytes.toString("utf8")}}`;
}
