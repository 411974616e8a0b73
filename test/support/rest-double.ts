// A double of the service for tests of its clients: a real HTTP server on loopback that answers from a table and remembers what it was asked.
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

/** One answer. A Buffer goes out as octets, everything else as JSON; no body for `undefined`. */
export interface DoubleReply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface DoubleRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface RestDouble {
  readonly address: string;
  readonly requests: readonly DoubleRequest[];
  close(): Promise<void>;
}

/** Starts a double. What `answer` gives nothing for is refused with `NOT_FOUND`, as the service does. */
export async function startRestDouble(
  answer: (request: DoubleRequest) => DoubleReply | undefined | Promise<DoubleReply | undefined>,
): Promise<RestDouble> {
  const requests: DoubleRequest[] = [];
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const url = new URL(incoming.url ?? "/", "http://127.0.0.1");
      const request = { method: incoming.method ?? "", url, headers: incoming.headers, body: Buffer.concat(chunks).toString("utf8") };
      requests.push(request);
      void Promise.resolve(answer(request)).then((reply) => {
        const { status = 200, headers = {}, body } = reply ?? refusal(404, "NOT_FOUND");
        const type = Buffer.isBuffer(body) ? "application/octet-stream" : "application/json";
        outgoing.writeHead(status, { "content-type": type, ...headers });
        outgoing.end(Buffer.isBuffer(body) ? body : body === undefined ? undefined : JSON.stringify(body));
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${String(port)}`,
    requests,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A problem document as the service writes it. */
export function refusal(status: number, code: string, facts: Readonly<Record<string, unknown>> = {}): DoubleReply {
  const requestId = "5b1c1f0e-0000-4000-8000-000000000001";
  return {
    status,
    headers: { "content-type": "application/problem+json" },
    body: { ...facts, type: `tag:rootkeep.local,2026:error:${code}`, title: "A constant sentence.", status, code, requestId, errors: [] },
  };
}
