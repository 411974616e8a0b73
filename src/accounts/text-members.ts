/** A member of an object whose values are all texts, as bytes of UTF-8: the caller's, to be wiped. */
export interface TextMember {
  readonly name: Buffer;
  readonly value: Buffer;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BLANK = 0x20;
const MEMBERS_MAX = 64;

/** What the letter after a backslash stands for (RFC 8259 §7); `u` stands apart. */
const ESCAPES: ReadonlyMap<number, number> = new Map([
  [QUOTE, QUOTE],
  [BACKSLASH, BACKSLASH],
  [0x2f, 0x2f],
  [0x62, 0x08],
  [0x66, 0x0c],
  [0x6e, 0x0a],
  [0x72, 0x0d],
  [0x74, 0x09],
]);

/**
 * The members of the JSON object that `text` is, in their order, or null where it is none, or one with a value that is no text: a subset of RFC
 * 8259, in which blanks are the only space. No string is made of anything, as a string cannot be erased; on a fault everything that was cut out
 * is wiped. `text` is well-formed UTF-8.
 */
export function readMembers(text: Buffer): TextMember[] | null {
  const reader = new Reader(text);
  const members: TextMember[] = [];
  if (reader.readObject(members)) return members;
  for (const { name, value } of members) {
    name.fill(0);
    value.fill(0);
  }
  return null;
}

class Reader {
  #at = 0;

  constructor(private readonly text: Buffer) {}

  /** Reads the whole text into `members`. @returns false for any other text; `members` then holds what was cut out so far. */
  readObject(members: TextMember[]): boolean {
    if (!this.#skip("{")) return false;
    if (this.#skip("}")) return this.#isAtEnd();
    do {
      if (members.length === MEMBERS_MAX) return false;
      const name = this.#readText();
      if (name === null) return false;
      const value = this.#skip(":") ? this.#readText() : null;
      members.push({ name, value: value ?? Buffer.alloc(0) });
      if (value === null) return false;
    } while (this.#skip(","));
    return this.#skip("}") && this.#isAtEnd();
  }

  #isAtEnd(): boolean {
    this.#skipBlanks();
    return this.#at === this.text.length;
  }

  #skip(mark: string): boolean {
    this.#skipBlanks();
    if (this.text[this.#at] !== mark.charCodeAt(0)) return false;
    this.#at++;
    return true;
  }

  #skipBlanks(): void {
    while (this.text[this.#at] === BLANK) this.#at++;
  }

  /** A text, with its escapes undone. Its bytes are never more than those that spell it. */
  #readText(): Buffer | null {
    if (!this.#skip('"')) return null;
    const bytes = Buffer.alloc(this.text.length - this.#at);
    let length = 0;
    for (;;) {
      const byte = this.text[this.#at++];
      if (byte === QUOTE) break;
      const written =
        byte === undefined || byte < BLANK
          ? 0
          : byte === BACKSLASH
            ? this.#readEscape(bytes, length)
            : bytes.writeUInt8(byte, length) - length;
      if (written === 0) {
        bytes.fill(0);
        return null;
      }
      length += written;
    }
    const text = Buffer.alloc(length);
    bytes.copy(text, 0, 0, length);
    bytes.fill(0);
    return text;
  }

  /** Undoes one escape into `bytes` at `offset`. @returns how many bytes it became; 0 for none that there is. */
  #readEscape(bytes: Buffer, offset: number): number {
    const letter = this.text[this.#at++];
    const plain = letter === undefined ? undefined : ESCAPES.get(letter);
    if (plain !== undefined) return bytes.writeUInt8(plain, offset) - offset;
    if (letter !== 0x75) return 0;
    const first = this.#readHex();
    if (first < 0xd800 || first > 0xdfff) return first < 0 ? 0 : writeUtf8(bytes, offset, first);
    // Half of a pair alone is no character.
    if (first > 0xdbff || this.text[this.#at++] !== BACKSLASH || this.text[this.#at++] !== 0x75) return 0;
    const second = this.#readHex();
    if (second < 0xdc00 || second > 0xdfff) return 0;
    return writeUtf8(bytes, offset, 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00));
  }

  /** Four hexadecimal digits, or -1. */
  #readHex(): number {
    let value = 0;
    for (let index = 0; index < 4; index++) {
      const digit = hexDigit(this.text[this.#at++] ?? 0);
      if (digit === -1) return -1;
      value = value * 16 + digit;
    }
    return value;
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x61 + 10 : -1;
}

/** Writes one code point (RFC 3629). @returns how many bytes. */
function writeUtf8(bytes: Buffer, offset: number, point: number): number {
  const count = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  if (count === 1) return bytes.writeUInt8(point, offset) - offset;
  const LEADS = [0, 0, 0xc0, 0xe0, 0xf0];
  bytes.writeUInt8((LEADS[count] ?? 0) | (point >>> (6 * (count - 1))), offset);
  for (let index = 1; index < count; index++) bytes.writeUInt8(0x80 | ((point >>> (6 * (count - 1 - index))) & 0x3f), offset + index);
  return count;
}
