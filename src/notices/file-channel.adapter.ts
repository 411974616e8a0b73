import { FileSink } from "../audit/stream/file-sink.adapter.js";
import type { Channel } from "./channel.port.js";
import type { Message } from "./message.js";

/** The trial's channel: a file in the data directory, one line for each notice, on disk before it counts as taken. Production has none. */
export class FileChannel implements Channel {
  readonly name = "file";
  readonly isPersonal = false;
  readonly #file: FileSink;
  #turn: Promise<void> = Promise.resolve();

  constructor(path: string) {
    this.#file = new FileSink(path);
  }

  async send({ id, topic, isPage, subject, facts, link, time }: Message): Promise<void> {
    const line = JSON.stringify({ id, topic, isPage, time, subject, facts, link });
    // One writer at a time: a batch that fails is cut off again, and must not take another's line along.
    const turn = this.#turn.then(() => this.#file.send([{ line }]));
    this.#turn = turn.catch(() => undefined);
    await turn;
    await this.#file.close();
  }
}
