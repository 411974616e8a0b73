const LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const GENERATORS = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];

/** True if the checksum of `text` (lower case, no longer than 90 characters) holds, as BIP 173 defines it: it finds every slip of the pen. */
export function isBech32(text: string): boolean {
  const split = text.lastIndexOf("1");
  const words = Array.from(text.slice(split + 1), (letter) => LETTERS.indexOf(letter));
  if (split < 1 || words.length < 6 || words.includes(-1)) return false;
  const prefix = Array.from(text.slice(0, split), (letter) => letter.charCodeAt(0));
  let check = 1;
  for (const word of [...prefix.map((code) => code >> 5), 0, ...prefix.map((code) => code & 31), ...words]) {
    const top = check >>> 25;
    check = ((check & 0x1ffffff) << 5) ^ word;
    GENERATORS.forEach((generator, bit) => {
      if ((top >>> bit) & 1) check ^= generator;
    });
  }
  return check === 1;
}
