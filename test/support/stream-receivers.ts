// Receivers of the log's copies, on real sockets: a syslog server that counts octets, and a web server that checks signatures. Each can be
// told to misbehave.
import { execFileSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { createServer as createTlsServer } from "node:tls";

/** A key and a certificate of its own for 127.0.0.1 and `localhost`, in PEM. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/** Made by openssl, for a day. */
export function selfSigned(): Certificate {
  const directory = mkdtempSync(join(tmpdir(), "rootkeep-certificate-"));
  const [key, cert] = [join(directory, "key.pem"), join(directory, "cert.pem")];
  const names = "subjectAltName=DNS:localhost,IP:127.0.0.1";
  const args = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj", "/CN=localhost"];
  try {
    execFileSync("openssl", [...args, "-addext", names, "-keyout", key, "-out", cert], { stdio: "ignore" });
    return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/**
 * What a receiver does with a batch. `take` acknowledges; `lose` reads and cuts the connection; `hold` reads and never answers; a
 * syslog receiver that does `close` says farewell at once and reads nothing.
 */
export type Manner = "take" | "lose" | "hold" | "close";

export interface Receiver {
  /** What the sink is configured with. */
  readonly url: string;
  /** Lines that were acknowledged, in order. */
  readonly lines: readonly string[];
  /** Batches that came, acknowledged or not. */
  readonly attempts: readonly (readonly string[])[];
  manner: Manner;
  stop(): Promise<void>;
}

abstract class ReceiverDouble implements Receiver {
  readonly lines: string[] = [];
  readonly attempts: (readonly string[])[] = [];
  manner: Manner = "take";
  url = "";
  abstract stop(): Promise<void>;

  protected note(lines: readonly string[]): void {
    this.attempts.push(lines);
    if (this.manner === "take") this.lines.push(...lines);
  }
}

/** A message as RFC 5424 frames it: header, structured data, message. */
export interface SyslogMessage {
  readonly head: string;
  readonly data: string;
  readonly line: string;
}

export class SyslogReceiver extends ReceiverDouble {
  readonly messages: SyslogMessage[] = [];
  readonly #sockets = new Set<Socket>();
  #server: ReturnType<typeof createTcpServer> | undefined;

  static async start(certificate?: Certificate): Promise<SyslogReceiver> {
    const receiver = new SyslogReceiver();
    const serve = (socket: Socket): void => {
      receiver.#serve(socket);
    };
    const server =
      certificate === undefined
        ? createTcpServer({ allowHalfOpen: true }, serve)
        : createTlsServer({ ...certificate, allowHalfOpen: true }, serve);
    receiver.#server = server;
    // Beneath TLS, so that those are known too that never came to an understanding.
    server.on("connection", (socket: Socket) => {
      receiver.#sockets.add(socket);
      socket.on("close", () => receiver.#sockets.delete(socket));
    });
    const port = await listen(server);
    receiver.url = `${certificate === undefined ? "tcp://127.0.0.1" : "tls://localhost"}:${String(port)}`;
    return receiver;
  }

  async stop(): Promise<void> {
    for (const raw of this.#sockets) raw.destroy();
    await new Promise((resolve) => this.#server?.close(resolve));
  }

  #serve(socket: Socket): void {
    const chunks: Buffer[] = [];
    socket.on("error", () => undefined);
    if (this.manner === "close") {
      socket.end();
      return;
    }
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("end", () => {
      const messages = octetCounted(Buffer.concat(chunks));
      this.note(messages.map(({ line }) => line));
      if (this.manner === "take") this.messages.push(...messages);
      if (this.manner === "take") socket.end();
      else if (this.manner === "lose") for (const raw of this.#sockets) raw.resetAndDestroy();
    });
  }
}

function octetCounted(bytes: Buffer): SyslogMessage[] {
  const messages: SyslogMessage[] = [];
  for (let at = 0; at < bytes.length; ) {
    const blank = bytes.indexOf(" ", at);
    const length = Number(bytes.subarray(at, blank).toString("utf8"));
    const text = bytes.subarray(blank + 1, blank + 1 + length).toString("utf8");
    const [, head = "", data = "", line = ""] = /^(<\d+>1 \S+ \S+ \S+ \S+ \S+) (\[[^\]]*\]) (\{.*\})$/s.exec(text) ?? [];
    if (!Number.isSafeInteger(length) || line === "") throw new Error("no syslog message of RFC 5424");
    messages.push({ head, data, line });
    at = blank + 1 + length;
  }
  return messages;
}

export class WebhookReceiver extends ReceiverDouble {
  /** Headers of every attempt. */
  readonly headers: Readonly<Record<string, string>>[] = [];
  /** What is answered with while it takes nothing. */
  status = 503;
  #server: ReturnType<typeof createHttpServer> | undefined;

  static async start(secret: string, certificate?: Certificate): Promise<WebhookReceiver> {
    const receiver = new WebhookReceiver();
    const server = certificate === undefined ? createHttpServer() : createHttpsServer(certificate);
    receiver.#server = server;
    server.on("request", (request, response) => {
      void buffer(request).then((body) => {
        const headers = request.headers as Record<string, string>;
        if (!isSigned(secret, headers, body)) {
          response.writeHead(401).end();
          return;
        }
        receiver.headers.push(headers);
        receiver.note(body.toString("utf8").split("\n").slice(0, -1));
        if (receiver.manner === "hold") return;
        response.writeHead(receiver.manner === "take" ? 204 : receiver.status, { location: "http://127.0.0.1:9/" }).end();
      });
    });
    const port = await listen(server);
    receiver.url = `${certificate === undefined ? "http://127.0.0.1" : "https://localhost"}:${String(port)}/in?key=1`;
    return receiver;
  }

  async stop(): Promise<void> {
    this.#server?.closeAllConnections();
    await new Promise((resolve) => this.#server?.close(resolve));
  }
}

/** As a receiver checks it, by the specification's words and no code of ours. */
function isSigned(secret: string, headers: Readonly<Record<string, string>>, body: Buffer): boolean {
  const content = Buffer.concat([Buffer.from(`${headers["webhook-id"] ?? ""}.${headers["webhook-timestamp"] ?? ""}.`), body]);
  const key = Buffer.from(secret.replace("whsec_", ""), "base64");
  return headers["webhook-signature"] === `v1,${createHmac("sha256", key).update(content).digest("base64")}`;
}

async function listen(server: ReturnType<typeof createTcpServer> | ReturnType<typeof createHttpServer>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}
