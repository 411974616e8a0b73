// A web server on loopback that serves files of a log, and answers for some of them as it likes: real HTTP, down to single bytes.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** Takes the answer over; returns false to let the file be served. */
export type Mischief = (request: IncomingMessage, response: ServerResponse) => boolean;

export interface HostileServer {
  /** Without a slash at the end. */
  readonly address: string;
  readonly asked: { readonly path: string; readonly authorization: string | undefined }[];
  close(): Promise<void>;
}

/** Serves `files` by their path below `/`; everything else is 404. */
export async function startHostileServer(
  files: Readonly<Record<string, string | Uint8Array>>,
  mischief: Mischief = () => false,
): Promise<HostileServer> {
  const asked: HostileServer["asked"] = [];
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    const path = (request.url ?? "/").slice(1);
    asked.push({ path, authorization: request.headers.authorization });
    response.on("error", () => undefined);
    if (mischief(request, response)) return;
    const body = Object.hasOwn(files, path) ? files[path] : undefined;
    response.writeHead(body === undefined ? 404 : 200, { "content-type": "application/octet-stream" });
    response.end(body ?? "there is no such file");
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${String(port)}`,
    asked,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
