import type { RootMailConfig } from "./config.js";
import type { EnvironmentReader } from "./environment.js";

/** Characters that take the place of the star. */
const RANDOM_CHARS = 20;
const ADDRESS_CHARS_MAX = 64;
// RFC 5321's dot-atoms, as far as we want them: with a random part in the middle, that begins and ends with a letter or digit.
const AROUND = /^(?:[a-z0-9]+[._+-])*\*(?:[._+-][a-z0-9]+)*$/;

/** How root addresses are made, or null. */
export function readRootMail(reader: EnvironmentReader): RootMailConfig | null {
  const text = reader.text("ROOTKEEP_ROOT_MAIL_DOMAIN");
  if (text === undefined) return null;
  const at = text.indexOf("@");
  const [local, domain] = at === -1 ? ["*", text] : [text.slice(0, at), text.slice(at + 1)];
  if (!AROUND.test(local))
    reader.refuse("ROOTKEEP_ROOT_MAIL_DOMAIN", "has letters, digits and . _ + - around its *, not two marks together");
  else if (text.length - (at === -1 ? 0 : 1) + RANDOM_CHARS + (at === -1 ? 1 : 0) > ADDRESS_CHARS_MAX)
    reader.refuse("ROOTKEEP_ROOT_MAIL_DOMAIN", "makes addresses of more than 64 characters");
  const [before = "", after = ""] = local.split("*");
  return { before, after, domain };
}
