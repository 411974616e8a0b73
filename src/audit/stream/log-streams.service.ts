import type { Client } from "pg";
import type { StreamConfig } from "../../config/config.js";
import { CursorFile } from "./cursor-file.adapter.js";
import { FileSink } from "./file-sink.adapter.js";
import { LogStream, type StreamEvents } from "./log-stream.service.js";
import type { StreamSink } from "./stream-sink.port.js";
import { SyslogSink } from "./syslog-sink.adapter.js";
import { WebhookSink } from "./webhook-sink.adapter.js";

export interface StreamsOptions {
  /** Where the cursors are kept. */
  readonly dataDirectory: string;
  /** Opens a connection of the service's role. */
  readonly connect: () => Promise<Client>;
  readonly events: StreamEvents;
}

/** A stream for every sink that the configuration names; each follows the log at its own pace. */
export class LogStreams {
  readonly #streams: readonly LogStream[];

  constructor({ format, file, syslog, webhook }: StreamConfig, { dataDirectory, connect, events }: StreamsOptions) {
    const sinks: readonly StreamSink[] = [
      ...(file === null ? [] : [new FileSink(file)]),
      ...(syslog === null ? [] : [new SyslogSink(syslog)]),
      ...(webhook === null ? [] : [new WebhookSink(webhook.url, webhook.secret)]),
    ];
    this.#streams = sinks.map((sink) => new LogStream({ sink, format, cursor: new CursorFile(dataDirectory, sink.name), connect, events }));
  }

  start(): void {
    for (const stream of this.#streams) stream.start();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#streams.map((stream) => stream.stop()));
  }
}
