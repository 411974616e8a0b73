import { closeSync, constants, createReadStream, fstatSync, openSync, read, readSync } from "node:fs";
import { lstat, opendir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { EXPORT_FILES, OPENING_LINE_BYTES_MAX } from "../audit/export-format.js";
import type { ExportSource } from "./export-source.js";

const LINE_FEED = 0x0a;
const SMALL_BYTES = 16_384;
const readAt = promisify(read);

/**
 * An export as a directory. It may come from somebody hostile: links, devices and pipes are not followed and not read, and no file is
 * taken into memory beyond what its kind can need.
 */
export class ExportDirectory implements ExportSource {
  readonly isServed = false;

  constructor(private readonly directory: string) {}

  read(path: string, bytesMax: number): Promise<Buffer | null> {
    return readRegularFile(join(this.directory, path), bytesMax);
  }

  paths(): AsyncIterable<{ readonly path: string; readonly isFile: boolean }> {
    return walk(this.directory, "");
  }

  async *checkpointSizes(): AsyncGenerator<number, void, void> {
    // They are files among the others.
  }

  async openingLines(): Promise<AsyncIterator<Uint8Array> | null> {
    const path = join(this.directory, EXPORT_FILES.disclosures);
    const isFile = await lstat(path).then(
      (stats) => stats.isFile(),
      () => false,
    );
    return isFile ? linesOf(createReadStream(path) as AsyncIterable<Buffer>) : null;
  }
}

/**
 * The whole file, or null if there is none. Only the reading itself is left to another thread, in one piece: a caller who begins a file
 * and computes meanwhile finds it read, where each further step would wait for him to come back to the event loop.
 * @throws Error when it is no regular file or larger than `bytesMax`.
 */
export async function readRegularFile(path: string, bytesMax: number): Promise<Buffer | null> {
  let file: number;
  try {
    // O_NONBLOCK: opening a pipe that nobody writes would wait for ever.
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT" || (error as NodeJS.ErrnoException).code === "ENOTDIR") return null;
    throw error;
  }
  try {
    const stats = fstatSync(file);
    if (!stats.isFile()) throw new Error("is no regular file");
    if (stats.size > bytesMax) throw new Error("is too large");
    const bytes = Buffer.allocUnsafe(stats.size);
    // A small file is there sooner than another thread could say so.
    const isSmall = stats.size <= SMALL_BYTES;
    let filled = 0;
    while (filled < bytes.length) {
      const rest = bytes.length - filled;
      const bytesRead = isSmall ? readSync(file, bytes, filled, rest, filled) : (await readAt(file, bytes, filled, rest, filled)).bytesRead;
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return bytes.subarray(0, filled);
  } finally {
    closeSync(file);
  }
}

async function* walk(root: string, folder: string): AsyncGenerator<{ path: string; isFile: boolean }, void, void> {
  for await (const item of await opendir(join(root, folder))) {
    const path = folder === "" ? item.name : `${folder}/${item.name}`;
    // A link to a directory is no directory here, and so is reported instead of followed.
    if (item.isDirectory()) yield* walk(root, path);
    else yield { path, isFile: item.isFile() };
  }
}

/** Lines of the openings, without their line feed. @throws Error when one is longer than an opening can be. */
export async function* linesOf(chunks: AsyncIterable<Buffer> | Iterable<Buffer>): AsyncGenerator<Uint8Array, void, void> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    let buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (let end = buffer.indexOf(LINE_FEED); end >= 0; end = buffer.indexOf(LINE_FEED)) {
      yield buffer.subarray(0, end);
      buffer = buffer.subarray(end + 1);
    }
    if (buffer.length > OPENING_LINE_BYTES_MAX) throw new Error("a line of the openings is too long");
    rest = buffer;
  }
  if (rest.length > 0) yield rest;
}
