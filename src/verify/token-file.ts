import { open } from "node:fs/promises";
import { isObject } from "../audit/entry-form.js";
import { Secret } from "../kernel/secret.js";

const BYTES_MAX = 16_384;
/** RFC 6750, section 2.1. No JSON has this form. */
const TOKEN = /^[A-Za-z0-9._~+/-]{1,4096}={0,2}$/;

/** A token, and where it may go. */
export interface FiledToken {
  readonly token: Secret<string>;
  /** Origin of the service that gave it, where the file says so. */
  readonly origin: string | null;
}

/**
 * The bearer token in a file: the token alone, or the session that `rootkeep login` keeps.
 * @throws Error naming what is wrong with the file, never what it holds.
 */
export async function readTokenFile(path: string): Promise<FiledToken> {
  const text = (await readStart(path)).trim();
  if (TOKEN.test(text)) return { token: Secret.of(text), origin: null };
  const session = parseJson(text);
  const { token, address } = isObject(session) ? session : {};
  if (typeof token !== "string" || !TOKEN.test(token)) throw new Error("holds no token");
  if (typeof address !== "string" || !URL.canParse(address)) throw new Error("does not say whose token it holds");
  return { token: Secret.of(token), origin: new URL(address).origin };
}

async function readStart(path: string): Promise<string> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path);
  } catch (error) {
    throw new Error(`cannot be read (${(error as NodeJS.ErrnoException).code ?? "unknown fault"})`, { cause: error });
  }
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(BYTES_MAX), 0, BYTES_MAX);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
