import type { NoticeChannelName } from "../config/reference.js";
import type { Message } from "./message.js";

/** A way by which messages leave. It may be asked to send a message again, with the same id. */
export interface Channel {
  readonly name: NoticeChannelName;
  /** Each person gets an own message; else one message goes to a room. */
  readonly isPersonal: boolean;
  /**
   * Sends `message`; resolves when the other side has taken responsibility for it in the way that it can.
   * @param address of the person, where the channel is personal; else null.
   * @throws RootkeepError `UNAVAILABLE` with a reason in `snake_case` when it has not, or may not have.
   */
  send(message: Message, address: string | null, signal: AbortSignal): Promise<void>;
}
