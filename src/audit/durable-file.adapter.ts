import { constants } from "node:fs";
import { lstat, open } from "node:fs/promises";

const OTHERS_MAY_WRITE = 0o022;

/**
 * What forbids to trust a directory: it is none, or not this user's alone; null when nothing does.
 * @throws Error of the file system's, `ENOENT` when it is not there.
 */
export async function directoryFault(path: string): Promise<"is_no_directory" | "is_open_to_others" | "has_another_owner" | null> {
  const facts = await lstat(path);
  if (!facts.isDirectory()) return "is_no_directory";
  if ((facts.mode & OTHERS_MAY_WRITE) !== 0) return "is_open_to_others";
  return process.getuid !== undefined && facts.uid !== process.getuid() ? "has_another_owner" : null;
}

/**
 * Writes a file that is not there yet, and has it on disk when it resolves; its name is durable only after {@link syncDirectory}.
 * @throws Error of the file system's, `EEXIST` where there is one.
 */
export async function writeNew(path: string, bytes: Buffer): Promise<void> {
  const file = await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * The bytes of a regular file of at most `bytesMax`: null when it is not there, `"unfit"` when it is something else or larger. O_NONBLOCK:
 * opening a FIFO that nobody writes would block for ever.
 */
export async function readPlain(path: string, bytesMax: number): Promise<Buffer | null | "unfit"> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const facts = await file.stat();
      return facts.isFile() && facts.size <= bytesMax ? await file.readFile() : "unfit";
    } finally {
      await file.close();
    }
  } catch (error) {
    if (fileErrorCode(error) === "ENOENT") return null;
    throw error;
  }
}

/** Without it a power cut could take a name away again, or bring one back. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** The file system's own name of a failure, such as `ENOSPC`; its messages name paths. */
export function fileErrorCode(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "unknown";
}
