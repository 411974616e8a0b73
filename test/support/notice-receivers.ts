// Those who receive notices, on real sockets: a mail server, and a web server for webhooks and chat. Each can be told to misbehave.
import { createServer, type IncomingHttpHeaders } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { buffer, text } from "node:stream/consumers";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import type { Certificate } from "./stream-receivers.js";

/** What a receiver does: `take` acknowledges, `refuse` says no, `hold` never answers. */
export type NoticeManner = "take" | "refuse" | "hold";

export interface ReceivedMail {
  readonly to: readonly string[];
  readonly isSecure: boolean;
  readonly user: string | undefined;
  readonly raw: string;
}

export class MailReceiver {
  readonly mails: ReceivedMail[] = [];
  manner: NoticeManner = "take";
  port = 0;
  readonly #server: SMTPServer;

  private constructor(options: SMTPServerOptions) {
    this.#server = new SMTPServer({
      authOptional: true,
      closeTimeout: 100,
      ...options,
      onAuth: ({ username, password }, _session, done) => {
        if (password === "right password") done(null, { user: username });
        else done(new Error("wrong"));
      },
      onData: (stream, session, done) => {
        void text(stream).then((raw) => {
          if (this.manner === "hold") return;
          if (this.manner === "refuse") {
            done(Object.assign(new Error("no room for <the secret reason>"), { responseCode: 452 }));
            return;
          }
          const to = session.envelope.rcptTo.map(({ address }) => address);
          this.mails.push({ to, isSecure: session.secure, user: session.user, raw });
          done();
        });
      },
    });
    this.#server.on("error", () => undefined);
  }

  static async start(options: SMTPServerOptions): Promise<MailReceiver> {
    const receiver = new MailReceiver(options);
    await new Promise<void>((resolve) => receiver.#server.listen(0, "127.0.0.1", resolve));
    receiver.port = (receiver.#server.server.address() as AddressInfo).port;
    return receiver;
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.close(resolve));
  }
}

export interface ReceivedPost {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export class PostReceiver {
  readonly posts: ReceivedPost[] = [];
  /** Every attempt, taken or not. */
  attempts = 0;
  manner: NoticeManner = "take";
  url = "";
  readonly #server: ReturnType<typeof createServer>;

  private constructor(certificate: Certificate | undefined) {
    this.#server = certificate === undefined ? createServer() : createHttpsServer(certificate);
    this.#server.on("request", (request, response) => {
      void buffer(request).then((body) => {
        this.attempts++;
        if (this.manner === "hold") return;
        if (this.manner === "take") this.posts.push({ path: request.url ?? "", headers: request.headers, body: body.toString("utf8") });
        response.writeHead(this.manner === "take" ? 200 : 503).end("the secret reason");
      });
    });
  }

  static async start(certificate?: Certificate): Promise<PostReceiver> {
    const receiver = new PostReceiver(certificate);
    await new Promise<void>((resolve) => receiver.#server.listen(0, "127.0.0.1", resolve));
    const { port } = receiver.#server.address() as AddressInfo;
    receiver.url = `${certificate === undefined ? "http://127.0.0.1" : "https://localhost"}:${String(port)}/in`;
    return receiver;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
