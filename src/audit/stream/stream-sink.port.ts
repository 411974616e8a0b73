import type { StreamSinkName } from "../../config/reference.js";
import type { StreamRecord } from "./stream-record.js";

/** Somebody who takes a copy of the log. It may get records twice, never out of order, and never without those before them. */
export interface StreamSink {
  readonly name: StreamSinkName;
  /**
   * Sends `records`, in order. Resolves when the other side has acknowledged all of them in the way that it can.
   * @throws RootkeepError `UNAVAILABLE` with a reason in `snake_case` when it has not, or may not have; it may have some then.
   */
  send(records: readonly StreamRecord[], signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}
