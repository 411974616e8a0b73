declare const slugMark: unique symbol;
declare const siteMark: unique symbol;

/** A short constant of ours: 1 to 64 letters, digits, `.`, `_` and `-`. Made by {@link slug} alone. */
export type Slug = string & { readonly [slugMark]: true };

/** Where an error arose: name of its class and the nearest frames of our own code. Made by {@link siteOf} alone. */
export type Site = string & { readonly [siteMark]: true };

const SLUG = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const FRAMES_MAX = 4;

/** `text` as a slug; anything that is not one becomes `malformed`, never a part of it. */
export function slug(text: string): Slug {
  return (SLUG.test(text) ? text : "malformed") as Slug;
}

/**
 * Where `error` arose, so that a bug can be found without its message: drivers and parsers quote values in messages (law L8), so neither
 * the message nor anything from outside our own source tree is taken over.
 */
export function siteOf(error: unknown): Site {
  if (!(error instanceof Error)) return "not-an-error" as Site;
  const frames = [...(error.stack ?? "").matchAll(/^\s+at .*?\b((?:src|migrations)\/[A-Za-z0-9/._-]{1,120}\.[jt]s:\d{1,6}:\d{1,6})\)?$/gm)];
  const name = /^[A-Za-z][A-Za-z0-9]{0,63}$/.test(error.name) ? error.name : "Error";
  return [name, ...frames.slice(0, FRAMES_MAX).map((frame) => frame[1])].join(" < ") as Site;
}
