/** Where the files of an export come from. */
export interface ExportSource {
  /**
   * True where the files come over the network: they cannot be listed, only those that are asked for are seen, and the key in them comes from
   * whom the log comes from.
   */
  readonly isServed: boolean;
  /**
   * The file at `path`, or null if there is none.
   * @throws Error when it cannot be read, is no regular file or larger than `bytesMax`.
   */
  read(path: string, bytesMax: number): Promise<Buffer | null>;
  /** Every file, by its path with slashes; whatever is neither file nor directory has `isFile` false. Nothing where files cannot be listed. */
  paths(): AsyncIterable<{ readonly path: string; readonly isFile: boolean }>;
  /** Sizes of older checkpoints, ascending, where they are told otherwise than by {@link paths}; each one's file can be read until the next. */
  checkpointSizes(): AsyncIterable<number>;
  /** Lines of the openings, or null if there are none. */
  openingLines(): Promise<AsyncIterator<Uint8Array> | null>;
}
