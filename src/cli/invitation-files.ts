import { mkdir, open, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { LocalError } from "./failure.js";
import type { TextStream } from "./output.js";

/** The way in for one custodian, as it is put into a file. */
export interface InvitationText {
  readonly person: { readonly name: string; readonly email: string };
  readonly token: string;
  readonly code: string;
}

export type KeepInvitations = (invitations: readonly InvitationText[]) => Promise<void>;

/**
 * Runs `act`, which has its invitations kept in `directory` before it changes anything. Whatever it ends with, they stay: an error does not
 * tell that nothing was committed, and committed they are the only way in; without their entry they are worth nothing (decision 0028).
 * @returns what came of it, and the files.
 */
export async function withInvitations<T>(
  directory: string,
  stderr: TextStream,
  act: (keep: KeepInvitations) => Promise<T>,
): Promise<{ readonly result: T; readonly files: readonly string[] }> {
  let files: readonly string[] = [];
  try {
    const result = await act(async (invitations) => {
      files = await writeInvitations(directory, invitations);
    });
    return { result, files };
  } catch (error) {
    if (files.length > 0) stderr.write(`The invitations stay in ${directory}: worth nothing, unless the log holds people.recovered.\n`);
    throw error;
  }
}

/**
 * Writes each into a file of its own (mode 0600) of a new directory; on the disk when this returns, names and all. What cannot be written
 * whole is taken away again: nothing has begun yet.
 */
async function writeInvitations(directory: string, invitations: readonly InvitationText[]): Promise<string[]> {
  await mkdir(directory, { mode: 0o700 }).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    throw new LocalError(code === "EEXIST" ? `${directory} exists already` : `${directory} cannot be made (${code ?? "unknown fault"})`);
  });
  try {
    const files: string[] = [];
    for (const [at, { person, token, code }] of invitations.entries()) {
      const path = join(directory, `custodian-invitation-${String(at + 1)}.txt`);
      await write(path, `for: ${person.name} <${person.email}>\ntoken: ${token}\ncode: ${code}\n`);
      files.push(path);
    }
    await syncDirectory(directory);
    await syncDirectory(dirname(resolve(directory)));
    return files;
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

async function write(path: string, text: string): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(text, "utf8");
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A file whose name is not on the disk is none after a power cut. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
