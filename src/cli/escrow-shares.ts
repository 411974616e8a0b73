import { constants, open } from "node:fs/promises";
import { type EscrowShare, parseShare } from "../keys/escrow-share.js";
import type { Call } from "./command.js";
import { LocalError, UsageError } from "./failure.js";

/** Bytes of the largest file that is read for a share. */
const SHARE_FILE_BYTES_MAX = 1_000;

/** The options by which shares come in; never as an argument itself. */
export const SHARE_OPTIONS = {
  share: { kind: "list", value: "FILE", meaning: "a file with one share; give one for each" },
  ask: { kind: "flag", meaning: "ask at the prompt for the shares that are still missing, each in one line; nothing is shown" },
} as const;

/**
 * The shares of the files that were given, and of whoever is asked for the rest.
 * @throws LocalError for a file that cannot be read; RootkeepError `MALFORMED` for one that is no share.
 */
export async function sharesOf(call: Call): Promise<EscrowShare[]> {
  const shares: EscrowShare[] = [];
  for (const [at, file] of call.given.list("share").entries()) shares.push(await shareIn(file, `share file ${String(at + 1)}`));
  if (!call.given.flag("ask")) {
    if (shares.length === 0) throw new UsageError("--share or --ask is needed");
    return shares;
  }
  // How many there must be stands in the first.
  while (shares.length < (shares[0]?.threshold ?? 1)) shares.push(await askForShare(call, shares));
  return shares;
}

/** The next share, as its holder types it. */
async function askForShare(call: Call, shares: readonly EscrowShare[]): Promise<EscrowShare> {
  const [first] = shares;
  const name = first === undefined ? "share 1" : `share ${String(shares.length + 1)} of ${String(first.threshold)}`;
  const typed = await call.ask(`S${name.slice(1)}`);
  return typed.expose((text) => parseShare(text, name));
}

/** Overwrites the bytes of `shares`. */
export function wipeShares(shares: readonly EscrowShare[]): void {
  for (const { bytes } of shares) bytes.fill(0);
}

/** The share in a file. @throws as {@link sharesOf}. */
export async function shareIn(path: string, name: string): Promise<EscrowShare> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    throw new LocalError(`${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? "unknown fault"})`);
  });
  const buffer = Buffer.alloc(SHARE_FILE_BYTES_MAX + 1);
  try {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
    return parseShare(buffer.toString("latin1", 0, bytesRead), name);
  } finally {
    buffer.fill(0);
    await file.close();
  }
}
