// Whatever stands between client and service and keeps what passes: a plain TCP proxy that remembers every byte of both directions.
import { type AddressInfo, createConnection, createServer, type Socket } from "node:net";

export interface RecordingProxy {
  readonly address: string;
  /** Everything that passed since the last call. */
  take(): Buffer;
  close(): Promise<void>;
}

/** Starts a proxy before the service at `target`, an http origin. */
export async function startRecordingProxy(target: string): Promise<RecordingProxy> {
  const { hostname, port } = new URL(target);
  let seen: Buffer[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = createConnection({ host: hostname, port: Number(port) });
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on("data", (bytes: Buffer) => {
        seen.push(Buffer.from(bytes));
        to.write(bytes);
      });
      from.on("end", () => to.end());
      from.on("error", () => to.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    take() {
      const bytes = Buffer.concat(seen);
      seen = [];
      return bytes;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
