import { constants, createReadStream } from "node:fs";
import { lstat, open, opendir } from "node:fs/promises";
import { join } from "node:path";
import { BUNDLE_BYTES_MAX } from "../audit/bundle.js";
import { EXPORT_FILES, MANIFEST_BYTES_MAX, OPENING_LINE_BYTES_MAX } from "../audit/export-format.js";
import type { ExportSource } from "./verify-export.js";

const LINE_FEED = 0x0a;

/**
 * An export as a directory. It may come from somebody hostile: links, devices and pipes are not followed and not read, and no file is
 * taken into memory beyond what its kind can need.
 */
export class ExportDirectory implements ExportSource {
  constructor(private readonly directory: string) {}

  readManifest(): Promise<Buffer | null> {
    return readRegularFile(join(this.directory, EXPORT_FILES.manifest), MANIFEST_BYTES_MAX);
  }

  readBundle(path: string): Promise<Buffer | null> {
    return readRegularFile(join(this.directory, path), BUNDLE_BYTES_MAX);
  }

  paths(): AsyncIterable<{ readonly path: string; readonly isFile: boolean }> {
    return walk(this.directory, "");
  }

  async openingLines(): Promise<AsyncIterator<Uint8Array> | null> {
    const path = join(this.directory, EXPORT_FILES.disclosures);
    const isFile = await lstat(path).then(
      (stats) => stats.isFile(),
      () => false,
    );
    return isFile ? lines(path) : null;
  }
}

/** The whole file, or null if there is none. @throws Error when it is no regular file or larger than `bytesMax`. */
export async function readRegularFile(path: string, bytesMax: number): Promise<Buffer | null> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    // O_NONBLOCK: opening a pipe that nobody writes would wait for ever.
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT" || (error as NodeJS.ErrnoException).code === "ENOTDIR") return null;
    throw error;
  }
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw new Error("is no regular file");
    if (stats.size > bytesMax) throw new Error("is too large");
    const bytes = Buffer.allocUnsafe(stats.size);
    let filled = 0;
    while (filled < bytes.length) {
      const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return bytes.subarray(0, filled);
  } finally {
    await file.close();
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

/** Lines without their line feed. @throws Error when one is longer than an opening can be. */
async function* lines(path: string): AsyncGenerator<Uint8Array, void, void> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
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
