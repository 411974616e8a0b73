import { open, rm } from "node:fs/promises";
import type { Secret } from "../kernel/secret.js";
import { LocalError } from "./failure.js";
import { printable, type TextStream } from "./output.js";

/** The place to which one secret goes. */
export interface SecretSink {
  write(secret: Secret<string>): Promise<void>;
  /** Nothing came: leaves no empty file behind. */
  abandon(): Promise<void>;
}

/**
 * Opens the place for a secret, **before** the secret is asked for: a grant opens once, and a value that then has nowhere to go would be
 * lost and count as seen. A terminal, or a new file of mode 0600 named by `path`; never a pipe, which might be a log.
 * @throws LocalError when `stdout` is no terminal and there is no `path`, or the file cannot be made or is there already.
 */
export async function openSecretSink(stdout: TextStream, path: string | undefined): Promise<SecretSink> {
  if (path !== undefined) return await fileSink(path);
  if (stdout.isTTY !== true) throw new LocalError("a secret is printed only to a terminal; name a file with --out (it must not exist yet)");
  return {
    write: (secret) => Promise.resolve(void secret.expose((value) => stdout.write(`${printable(value)}\n`))),
    abandon: () => Promise.resolve(),
  };
}

/**
 * Runs `release` with a place for what it gets.
 * @throws whatever `release` throws; then no file is left behind.
 */
export async function delivering<T extends { readonly secret: Secret<string> }>(
  stdout: TextStream,
  path: string | undefined,
  release: () => Promise<T>,
): Promise<T> {
  const sink = await openSecretSink(stdout, path);
  let released: T;
  try {
    released = await release();
  } catch (error) {
    await sink.abandon();
    throw error;
  }
  await sink.write(released.secret);
  return released;
}

async function fileSink(path: string): Promise<SecretSink> {
  // O_EXCL: neither an older secret nor a link that somebody laid is written over.
  const file = await open(path, "wx", 0o600).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    throw new LocalError(code === "EEXIST" ? `${path} exists already` : `${path} cannot be made (${code ?? "unknown fault"})`);
  });
  return {
    async write(secret) {
      try {
        // Exactly the value, no line feed: the file may be read by a program.
        await secret.expose((value) => file.writeFile(value, "utf8"));
        await file.sync();
      } finally {
        await file.close();
      }
    },
    async abandon() {
      await file.close();
      await rm(path, { force: true });
    },
  };
}
