import { randomUUID } from "node:crypto";
import { link, mkdir, readdir, realpath, rm } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { directoryFault, fileErrorCode, readPlain, syncDirectory, writeNew } from "../audit/durable-file.adapter.js";
import { isRootkeepError, RootkeepError } from "../kernel/errors.js";
import { assertStorable, type SecondStore, STORED_BYTES_MAX } from "./second-store.port.js";

/** What is being written stands under its name, a dot, a random name and this, until it is whole. */
const DRAFT = /\.[0-9a-f-]{36}\.draft$/;
/** A directory may be removed between the two steps of a write. */
const ATTEMPTS_MAX = 3;

/**
 * A second store in a directory of another volume, which must be there: made here, it would silently lie on the disk of the mount point when
 * the volume is missing. A file is whole and on disk before it gets its name, by a link, which the kernel gives only to a name that is
 * free; so a kill or a power cut at any step leaves the old state or the new one, and a draft at the most.
 */
export class DirectoryStore implements SecondStore {
  /** @param apartFrom a directory that must not hold it, nor lie in it: the database's. */
  constructor(
    readonly uri: string,
    private readonly path: string,
    private readonly apartFrom: string | null = null,
  ) {}

  async unfit(): Promise<string | null> {
    return await told(async () => {
      const root = await this.#root();
      if (this.apartFrom === null) return null;
      const [store, database] = [await realpath(root), await realpath(this.apartFrom)];
      return isBelow(store, database) || isBelow(database, store) ? "lies beside the database, whose loss it is to survive" : null;
    });
  }

  async put(name: string, bytes: Buffer): Promise<void> {
    assertStorable(name, bytes);
    if ((await this.unfit()) !== null) throw unavailable("second_store_is_unfit");
    await told(async () => {
      await this.#write(name, bytes);
      const kept = await readPlain(join(this.path, name), STORED_BYTES_MAX);
      if (kept === null) throw unavailable("second_store_lost_it");
      if (kept === "unfit" || !kept.equals(bytes))
        throw new RootkeepError("STATE_CONFLICT", { reason: "second_store_holds_something_else" });
    });
  }

  async get(name: string): Promise<Buffer | null> {
    return await told(async () => {
      const bytes = await readPlain(join(await this.#root(), name), STORED_BYTES_MAX);
      if (bytes === "unfit") throw unavailable("second_store_holds_something_else");
      return bytes;
    });
  }

  async *list(prefix: string): AsyncGenerator<string> {
    for await (const name of this.#walk(prefix)) if (!DRAFT.test(name)) yield name;
  }

  async *traces(prefix: string): AsyncGenerator<string> {
    let last = "";
    for await (const file of this.#walk(prefix)) {
      const name = file.replace(DRAFT, "");
      if (name !== last) yield name;
      last = name;
    }
  }

  async remove(name: string): Promise<void> {
    await told(async () => {
      const folder = dirname(join(await this.#root(), name));
      const files = await readdir(folder).catch(absentAsNull);
      if (files === null) return;
      for (const file of files) {
        const place = join(folder, file);
        if (place.replace(DRAFT, "") === join(this.path, name)) await rm(place, { force: true });
      }
      await syncDirectory(folder);
    });
  }

  async #write(name: string, bytes: Buffer): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        const folder = await this.#folderOf(name);
        const draft = join(this.path, `${name}.${randomUUID()}.draft`);
        try {
          await writeNew(draft, bytes);
          await link(draft, join(this.path, name)).catch((error: unknown) => {
            if (fileErrorCode(error) !== "EEXIST") throw error;
          });
        } finally {
          await rm(draft, { force: true });
        }
        // Also where the name was there before: whoever gave it may have been killed before it was on disk.
        await syncDirectory(folder);
        return;
      } catch (error) {
        if (fileErrorCode(error) !== "ENOENT" || attempt === ATTEMPTS_MAX) throw error;
      }
    }
  }

  /** The directory of a name, made and on disk with every one above it. */
  async #folderOf(name: string): Promise<string> {
    let folder = await this.#root();
    for (const segment of name.split("/").slice(0, -1)) {
      const parent = folder;
      folder = join(parent, segment);
      await mkdir(folder, { mode: 0o700 }).catch((error: unknown) => {
        if (fileErrorCode(error) !== "EEXIST") throw error;
      });
      await syncDirectory(parent);
    }
    return folder;
  }

  async #root(): Promise<string> {
    try {
      const fault = await directoryFault(this.path);
      if (fault !== null) throw unavailable(`second_store_${fault}`);
      return this.path;
    } catch (error) {
      if (fileErrorCode(error) === "ENOENT") throw unavailable("second_store_is_not_there");
      throw error;
    }
  }

  /** Every file below whose name begins with `prefix`, drafts too. */
  async *#walk(prefix: string): AsyncGenerator<string> {
    const root = await told(() => this.#root());
    yield* this.#walkIn(root, "", prefix);
  }

  async *#walkIn(root: string, folder: string, prefix: string): AsyncGenerator<string> {
    const entries = await told(() => readdir(join(root, folder), { withFileTypes: true }).catch(absentAsNull));
    // A directory sorts as its names do, with the slash behind it.
    const named = (entries ?? []).map((entry) => ({ isFolder: entry.isDirectory(), name: entry.name + (entry.isDirectory() ? "/" : "") }));
    for (const { isFolder, name } of named.sort((one, other) => (one.name < other.name ? -1 : 1))) {
      const path = folder + name;
      // The volume's own, such as `lost+found`, begins with none of ours.
      if (isFolder && (path.startsWith(prefix) || prefix.startsWith(path))) yield* this.#walkIn(root, path, prefix);
      if (!isFolder && path.startsWith(prefix)) yield path;
    }
  }
}

function isBelow(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== ".." && !way.startsWith(`..${sep}`);
}

function absentAsNull(error: unknown): null {
  if (fileErrorCode(error) === "ENOENT") return null;
  throw error;
}

/** Failures of the file system as ours; their messages name paths. */
async function told<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (isRootkeepError(error)) throw error;
    throw unavailable(`second_store_file_system_${fileErrorCode(error)}`);
  }
}

function unavailable(reason: string): RootkeepError {
  return new RootkeepError("UNAVAILABLE", { reason });
}
