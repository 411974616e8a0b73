import { constants } from "node:fs";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { Secret } from "../kernel/secret.js";
import { LocalError } from "./failure.js";

/** A session as the client keeps it between two commands. */
export interface StoredSession {
  /** The service that gave the token; it is sent to no other. */
  readonly address: string;
  readonly token: Secret<string>;
  readonly personId: string;
  /** RFC 3339 UTC. */
  readonly expiresAt: string;
}

const BYTES_MAX = 16_384;

/**
 * The session in `path`, or null if there is none.
 * @throws LocalError when others can read the file, or it is no session: a token that others could read counts as lost.
 */
export async function readSession(path: string): Promise<StoredSession | null> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    // A link could make us read, and send, what somebody else chose.
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw new LocalError(`${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? "unknown fault"})`);
  }
  try {
    const { mode, uid, size } = await file.stat();
    if ((mode & constants.S_IFMT) !== constants.S_IFREG || size > BYTES_MAX) throw new LocalError(`${path} is no session file`);
    if ((mode & 0o077) !== 0) throw new LocalError(`${path} can be read by others; delete it and sign in again`);
    if (process.getuid !== undefined && uid !== process.getuid()) throw new LocalError(`${path} belongs to somebody else`);
    return parseSession(await file.readFile("utf8"), path);
  } finally {
    await file.close();
  }
}

/** Keeps `session` in `path`: mode 0600, whole or not at all, in a directory that is made for this person alone. */
export async function writeSession(path: string, session: StoredSession): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const { address, personId, expiresAt } = session;
  const text = session.token.expose((token) => JSON.stringify({ address, token, personId, expiresAt }));
  const part = `${path}.${String(process.pid)}.part`;
  // O_EXCL and the mode at creation: there is no moment at which the token stands in a file of others.
  const file = await open(part, "wx", 0o600);
  try {
    await file.writeFile(`${text}\n`);
    await file.sync();
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  await rename(part, path);
}

/** Forgets the session. @returns whether there was one. */
export async function deleteSession(path: string): Promise<boolean> {
  const isThere = await stat(path).then(
    () => true,
    () => false,
  );
  await rm(path, { force: true });
  return isThere;
}

function parseSession(text: string, path: string): StoredSession {
  const broken = new LocalError(`${path} is no session file; delete it and sign in again`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw broken;
  }
  if (typeof value !== "object" || value === null) throw broken;
  const { address, token, personId, expiresAt } = value as Readonly<Record<string, unknown>>;
  if (typeof address !== "string" || typeof token !== "string" || typeof personId !== "string" || typeof expiresAt !== "string")
    throw broken;
  return { address, token: Secret.of(token), personId, expiresAt };
}
