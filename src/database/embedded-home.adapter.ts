import { randomBytes } from "node:crypto";
import { chmod, chown, link, lstat, mkdir, open, readdir, readFile, realpath, rm, stat, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { Secret } from "../kernel/secret.js";
import { systemCode } from "./embedded-program.adapter.js";
import { findUser, fitsSocketPath, isRunDirectory, RUN_PREFIX, type UnprivilegedUser } from "./embedded-state.js";
import { DATABASE_ROLES, type DatabaseRole } from "./roles.js";

/** The directory that holds one embedded database: `pgdata`, `passwords.json` and the records of its runs. */
export interface EmbeddedHome {
  readonly directory: string;
  readonly dataDirectory: string;
  /** Whom the server runs as, when this process is root: PostgreSQL refuses to run with root's rights. */
  readonly user: UnprivilegedUser | undefined;
}

/** One password for the superuser of the server and one for each role. */
export interface EmbeddedPasswords {
  readonly superuser: Secret<string>;
  readonly roles: Readonly<Record<DatabaseRole, Secret<string>>>;
}

/** The directory of one server run: its socket, its log and, where needed, its programs. It goes when the server stops. */
export interface RunDirectory {
  readonly path: string;
  readonly socketDirectory: string;
  readonly logFile: string;
}

const PASSWORDS_FILE = "passwords.json";
const RECORD_PREFIX = "run-";
const INITIAL_PREFIX = "init-";

/**
 * Opens or makes the directory, private to this user.
 * @throws Error when it holds something else, belongs to somebody else, or when root finds no unprivileged user to run a server as.
 */
export async function openHome(path: string): Promise<EmbeddedHome> {
  const directory = resolve(path);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const names = await readdir(directory);
  const isOurs = names.every((name) => name === "pgdata" || name.startsWith(PASSWORDS_FILE) || /^(run|init|rootkeep-pg)-/.test(name));
  if (!isOurs) throw new Error(`the database directory ${directory} holds files of something else`);
  if (names.includes("pgdata") && !names.includes(PASSWORDS_FILE)) {
    throw new Error(`the database directory ${directory} has lost ${PASSWORDS_FILE}, without which nobody can sign in`);
  }
  const { mode } = await stat(directory);
  if ((mode & 0o077) !== 0) await chmod(directory, 0o700);
  const dataDirectory = join(await realpath(directory), "pgdata");
  return { directory: dirname(dataDirectory), dataDirectory, user: await chooseUser(dataDirectory) };
}

async function chooseUser(dataDirectory: string): Promise<UnprivilegedUser | undefined> {
  if (process.geteuid?.() !== 0) return undefined;
  // Only Linux has the reference to the current directory by which a server can work below a directory that its user may not enter.
  if (process.platform !== "linux") throw new Error("the embedded PostgreSQL does not run as root here: start as an ordinary user");
  const owner = await stat(dataDirectory).catch(() => undefined);
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const passwd = await readFile("/etc/passwd", "utf8");
  const user = findUser(passwd, "postgres") ?? findUser(passwd, "nobody");
  if (user === undefined) throw new Error("PostgreSQL does not run as root, and there is no user postgres or nobody to run it as");
  return user;
}

/**
 * Reads the passwords, or makes them at the first start. Of two first starts at once both end up with the same ones.
 * @throws Error when the file is damaged.
 */
export async function ensurePasswords(home: EmbeddedHome): Promise<EmbeddedPasswords> {
  const path = join(home.directory, PASSWORDS_FILE);
  if (!(await exists(path))) {
    const fresh = Object.fromEntries(["superuser", ...DATABASE_ROLES].map((name) => [name, randomBytes(32).toString("base64url")]));
    const draft = `${path}.${randomBytes(6).toString("hex")}`;
    await writeDurably(draft, JSON.stringify(fresh));
    // A hard link is made only if the name is free, and the file behind it is whole.
    await link(draft, path).catch((error: unknown) => {
      if (systemCode(error) !== "EEXIST") throw error;
    });
    await unlink(draft);
    await syncDirectory(home.directory);
  }
  return parsePasswords(await readFile(path, "utf8"));
}

function parsePasswords(text: string): EmbeddedPasswords {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // The parser's message quotes its input.
    throw new Error(`${PASSWORDS_FILE} is not JSON`);
  }
  const read = (name: string): Secret<string> => {
    const value: unknown = typeof parsed === "object" && parsed !== null ? Reflect.get(parsed, name) : undefined;
    if (typeof value !== "string" || !/^[A-Za-z0-9_-]{43}$/.test(value)) throw new Error(`${PASSWORDS_FILE} has no password of ${name}`);
    return Secret.of(value);
  };
  const roles = Object.fromEntries(DATABASE_ROLES.map((role) => [role, read(role)])) as Record<DatabaseRole, Secret<string>>;
  return { superuser: read("superuser"), roles };
}

/**
 * Makes a directory for a server run and writes down its path first, so that one left behind by a kill is found and removed later. It lies
 * in the home where the server's user can reach that and the socket's path is short enough, else in a temporary directory.
 */
export async function createRunDirectory(home: EmbeddedHome): Promise<RunDirectory> {
  const id = randomBytes(6).toString("hex");
  for (const place of home.user === undefined ? [home.directory, tmpdir(), "/tmp"] : [tmpdir(), "/tmp", "/var/tmp"]) {
    const base = await realpath(place).catch(() => place);
    const path = join(base, RUN_PREFIX + id);
    const socketDirectory = join(path, "socket");
    if (!fitsSocketPath(socketDirectory, process.platform)) continue;
    if (home.user !== undefined && !(await mayEnter(base, home.user))) continue;
    await writeDurably(join(home.directory, RECORD_PREFIX + id), path);
    await mkdir(path, { mode: 0o700 });
    await mkdir(socketDirectory, { mode: 0o700 });
    if (home.user !== undefined) {
      await chmod(path, 0o711);
      await chown(socketDirectory, home.user.uid, home.user.gid);
    }
    return { path, socketDirectory, logFile: join(path, "server.log") };
  }
  throw new Error("no temporary directory has a path short enough for a socket that the database server's user can reach");
}

/** Removes a run directory and its record. A path that is not one of ours, or not ours any more, is left alone. */
export async function removeRunDirectory(home: EmbeddedHome, path: string): Promise<void> {
  const owner = await lstat(path).catch(() => undefined);
  // In a temporary directory anybody may have put something else into the place of one that was cleaned away.
  if (isRunDirectory(path) && owner?.isDirectory() === true && owner.uid === process.geteuid?.()) {
    // A server that is just starting, or going, may still put a file in: then it is not empty at the first try.
    await rm(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }
  const id = path.slice(path.lastIndexOf(RUN_PREFIX) + RUN_PREFIX.length);
  if (/^[0-9a-f]{12}$/.test(id)) await rm(join(home.directory, RECORD_PREFIX + id), { force: true });
}

/** Removes what earlier runs left behind, except the directory of the run that goes on. Only for the holder of the lock. */
export async function removeLeftovers(home: EmbeddedHome, current: string): Promise<void> {
  for (const name of await readdir(home.directory)) {
    const path = join(home.directory, name);
    if (name.startsWith(INITIAL_PREFIX)) await rm(path, { recursive: true, force: true });
    if (name.startsWith(`${PASSWORDS_FILE}.`)) await rm(path, { force: true });
    if (!name.startsWith(RECORD_PREFIX)) continue;
    const left = await readFile(path, "utf8").catch(() => current);
    if (left !== current) await removeRunDirectory(home, left);
  }
}

/** A fresh directory of the server's user with an empty `pgdata` and the superuser's password in a file, for initdb. */
export async function createInitialDirectory(home: EmbeddedHome, password: Secret<string>): Promise<string> {
  const path = join(home.directory, INITIAL_PREFIX + randomBytes(6).toString("hex"));
  const passwordFile = join(path, "password");
  await mkdir(path, { mode: 0o700 });
  await mkdir(join(path, "pgdata"), { mode: 0o700 });
  await password.expose((text) => writeFile(passwordFile, text, { mode: 0o600, flag: "wx" }));
  if (home.user !== undefined) {
    for (const each of [passwordFile, join(path, "pgdata"), path]) await chown(each, home.user.uid, home.user.gid);
  }
  return path;
}

/** Makes the names in `directory` survive a loss of power. */
export async function syncDirectory(directory: string): Promise<void> {
  const file = await open(directory, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Whether there is something of this name. */
export async function exists(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    () => false,
  );
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

/** Whether the mode bits let `user`, who is in no further group, go through every directory on the way. */
async function mayEnter(path: string, user: UnprivilegedUser): Promise<boolean> {
  for (let at = path; ; at = dirname(at)) {
    const found = await stat(at).catch(() => undefined);
    if (found === undefined) return false;
    const bit = found.uid === user.uid ? 0o100 : found.gid === user.gid ? 0o010 : 0o001;
    if ((found.mode & bit) === 0) return false;
    if (at === dirname(at)) return true;
  }
}
