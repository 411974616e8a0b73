import { constants } from "node:fs";
import { type FileHandle, lstat, open } from "node:fs/promises";
import { dirname } from "node:path";
import { RootkeepError } from "../../kernel/errors.js";
import { codeOf, streamUnavailable } from "./stream-errors.js";
import type { StreamRecord } from "./stream-record.js";
import type { StreamSink } from "./stream-sink.port.js";

// O_NONBLOCK: opening a FIFO would block for ever. O_RDWR: the last byte is looked at. A link at this name is somebody else's doing.
const FLAGS = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const LINE_FEED = 0x0a;

/**
 * Appends lines to a file, which only its owner may read when it is made here. A batch counts as taken when it is on disk. Whoever rotates
 * the file renames it: the next batch finds the name free, or given to another file, and opens that one.
 */
export class FileSink implements StreamSink {
  readonly name = "file";
  #file: { readonly handle: FileHandle; readonly device: number; readonly inode: number } | undefined;

  constructor(private readonly path: string) {}

  async send(records: readonly Pick<StreamRecord, "line">[]): Promise<void> {
    const bytes = Buffer.from(records.map(({ line }) => `${line}\n`).join(""), "utf8");
    try {
      await this.#append(await this.#current(), bytes);
    } catch (error) {
      await this.close();
      throw error instanceof RootkeepError ? error : streamUnavailable(`stream_file_${codeOf(error)}`);
    }
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.handle.close().catch(() => undefined);
  }

  async #append(handle: FileHandle, bytes: Buffer): Promise<void> {
    const { size } = await handle.stat();
    try {
      await handle.appendFile(bytes);
      await handle.sync();
    } catch (error) {
      // Half a batch, or half a line, is taken back where that is possible: the whole of it comes again.
      await handle.truncate(size).catch(() => undefined);
      throw error;
    }
  }

  async #current(): Promise<FileHandle> {
    const named = await lstat(this.path).catch((error: unknown) => {
      if (codeOf(error) === "ENOENT") return undefined;
      throw error;
    });
    const file = this.#file;
    if (file !== undefined && file.device === named?.dev && file.inode === named.ino) return file.handle;
    await this.close();
    return await this.#open(named === undefined);
  }

  async #open(isNew: boolean): Promise<FileHandle> {
    const handle = await open(this.path, FLAGS, 0o600);
    try {
      const facts = await handle.stat();
      if (!facts.isFile()) throw streamUnavailable("stream_file_is_no_file");
      if (!(await endsWhole(handle, facts.size))) await handle.appendFile("\n");
      if (isNew) await syncDirectory(dirname(this.path));
      this.#file = { handle, device: facts.dev, inode: facts.ino };
      return handle;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }
}

/** False when a kill or a power cut left half a line behind, to which nothing may be joined. */
async function endsWhole(handle: FileHandle, size: number): Promise<boolean> {
  if (size === 0) return true;
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer[0] === LINE_FEED;
}

/** Without it a power cut could take the file's name away, and with it what was acknowledged. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
