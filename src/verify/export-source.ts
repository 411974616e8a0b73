/** Where the files of an export come from. */
export interface ExportSource {
  /**
   * The file at `path`, or null if there is none.
   * @throws Error when it cannot be read, is no regular file or larger than `bytesMax`.
   */
  read(path: string, bytesMax: number): Promise<Buffer | null>;
  /** Every file, by its path with slashes; whatever is neither file nor directory has `isFile` false. */
  paths(): AsyncIterable<{ readonly path: string; readonly isFile: boolean }>;
  /** Lines of the openings, or null if there are none. */
  openingLines(): Promise<AsyncIterator<Uint8Array> | null>;
}
