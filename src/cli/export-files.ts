import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/** Ending of a file that is being written. */
export const PART = ".part";

/** The whole file, or null if there is none. */
export async function readIfThere(path: string): Promise<Buffer | null> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

/** Writes a file whole or not at all, for its owner only: an export names people. */
export async function writeWhole(path: string, content: Uint8Array | string | AsyncIterable<string>): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await rm(`${path}${PART}`, { force: true });
  const file = await open(`${path}${PART}`, "wx", 0o600);
  try {
    if (typeof content === "string" || content instanceof Uint8Array) await file.writeFile(content);
    else for await (const text of content) await file.appendFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}${PART}`, path);
}

/** {@link writeWhole}, unless the file holds just that already: of many small files most do at a second run, and each sync costs. */
export async function writeIfOther(path: string, text: string): Promise<void> {
  if ((await readIfThere(path))?.equals(Buffer.from(text, "utf8")) !== true) await writeWhole(path, text);
}
