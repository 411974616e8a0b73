import { connect as connectTcp, isIP, type Socket } from "node:net";
import { hostname } from "node:os";
import { connect as connectTls } from "node:tls";
import { withDeadline } from "../../kernel/deadline.js";
import { codeOf, streamUnavailable } from "./stream-errors.js";
import type { StreamRecord } from "./stream-record.js";
import type { StreamSink } from "./stream-sink.port.js";
import { syslogFrame } from "./syslog-frame.js";

/** For one batch: connection, sending, and the receiver's farewell. */
const DEADLINE_MS = 15_000;
/** Between the last byte and our farewell. Whoever says farewell before us, such as a balancer with nobody behind it, has not read all. */
const SETTLE_MS = 100;

export interface SyslogOptions {
  /** Certificate authorities in PEM beside which none is trusted; those that Node trusts unless told. */
  readonly authorities?: string;
  readonly deadlineMs?: number;
}

/**
 * Sends to a syslog receiver over TLS (RFC 5425), or over TCP on this machine. Syslog acknowledges nothing, and what a socket has taken
 * may be lost with the connection. So every batch has a connection of its own, which we end; the receiver, having read up to our end, ends
 * it as well, and that is the acknowledgement. It says that the receiver has read, not that it has stored.
 */
export class SyslogSink implements StreamSink {
  readonly name = "syslog";
  readonly #url: URL;

  /** @param url `tls://host:port` or `tcp://host:port`. */
  constructor(
    url: string,
    private readonly options: SyslogOptions = {},
  ) {
    this.#url = new URL(url);
  }

  async send(records: readonly StreamRecord[], signal: AbortSignal): Promise<void> {
    const host = hostname();
    const bytes = Buffer.concat(records.map((record) => syslogFrame(record, host)));
    await withDeadline(this.options.deadlineMs ?? DEADLINE_MS, (inTime) => this.#exchange(bytes, inTime), signal);
  }

  async close(): Promise<void> {
    // Every connection has ended with its batch.
  }

  async #exchange(bytes: Buffer, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const { socket, readyEvent } = this.#connect();
      let hasSaidFarewell = false;
      let hasEnded = false;
      const settle = (reason: string | null): void => {
        signal.removeEventListener("abort", giveUp);
        socket.destroy();
        if (reason === null) resolve();
        else reject(streamUnavailable(reason));
      };
      const giveUp = (): void => {
        settle(hasSaidFarewell ? "syslog_is_not_acknowledged" : "syslog_timed_out");
      };
      signal.addEventListener("abort", giveUp);
      socket.on("error", (error) => {
        settle(`syslog_${codeOf(error)}`);
      });
      socket.once(readyEvent, () => {
        socket.write(bytes, () => {
          setTimeout(() => {
            hasSaidFarewell = true;
            socket.end();
          }, SETTLE_MS);
        });
      });
      socket.once("end", () => {
        if (!hasSaidFarewell) settle("syslog_closed_early");
        hasEnded = true;
      });
      socket.once("close", () => {
        settle(hasEnded ? null : "syslog_closed_early");
      });
      // Nothing is expected; what comes is dropped, or the end behind it would never be seen.
      socket.resume();
    });
  }

  #connect(): { readonly socket: Socket; readonly readyEvent: string } {
    const host = this.#url.hostname.replace(/^\[(.*)\]$/, "$1");
    const port = Number(this.#url.port);
    if (this.#url.protocol === "tcp:") return { socket: connectTcp({ host, port, allowHalfOpen: true }), readyEvent: "connect" };
    const { authorities } = this.options;
    const socket = connectTls({
      host,
      port,
      minVersion: "TLSv1.2",
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(authorities === undefined ? {} : { ca: authorities }),
    });
    return { socket, readyEvent: "secureConnect" };
  }
}
