import { constants } from "node:fs";
import { open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import type { StreamSinkName } from "../../config/reference.js";
import { cursorBytes, parseCursor, STREAM_START, type StreamCursor } from "./stream-cursor.js";
import { codeOf, streamUnavailable } from "./stream-errors.js";

/** Keeps a sink's cursor in `stream-<sink>.json` of the data directory: in a file of its own, so that nothing in the database waits for it. */
export class CursorFile {
  readonly #path: string;

  constructor(directory: string, sink: StreamSinkName) {
    this.#path = join(directory, `stream-${sink}.json`);
  }

  /**
   * The cursor, or the beginning where none was ever kept.
   * @throws RootkeepError `UNAVAILABLE` when there is one that cannot be read: sending everything again is for people to decide.
   */
  async read(): Promise<StreamCursor> {
    let bytes: Buffer;
    try {
      bytes = await readFile(this.#path);
    } catch (error) {
      if (codeOf(error) === "ENOENT") return STREAM_START;
      throw streamUnavailable(`stream_cursor_${codeOf(error)}`);
    }
    try {
      return parseCursor(bytes);
    } catch {
      throw streamUnavailable("stream_cursor_is_malformed");
    }
  }

  /** Replaces the cursor in one step: a kill leaves the old or the new one. @throws RootkeepError `UNAVAILABLE` */
  async write(cursor: StreamCursor): Promise<void> {
    const draft = `${this.#path}.new`;
    try {
      const file = await open(draft, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW, 0o600);
      try {
        await file.writeFile(cursorBytes(cursor));
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(draft, this.#path);
    } catch (error) {
      throw streamUnavailable(`stream_cursor_${codeOf(error)}`);
    }
  }
}
