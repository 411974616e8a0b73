// A ticket system of the deployment's own, on a real socket, as docs/spec/ticket-webhook.md has it: strict about what it is asked, and one
// that can be told to misbehave.
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import type { Certificate } from "./stream-receivers.js";

const KEY = Buffer.alloc(32, 7);
export const DESK_SECRET = `whsec_${KEY.toString("base64")}`;
const MEMBERS = ["act", "deployment", "event", "facts", "format", "id", "subject", "text", "ticket", "time"];

/**
 * `answer` does its work, `refuse` answers 503, `limit` 429, `hold` never answers; `lie`, `flood`, `redirect`, `garble`, `lose` and `switch` answer
 * what nobody asked for.
 */
export type DeskManner =
  | ("answer" | "refuse" | "limit" | "hold" | "take-and-hang-up")
  | ("lie" | "flood" | "redirect" | "garble" | "lose" | "switch");

export interface DeskNote {
  readonly id: string;
  readonly event: string;
  readonly text: string;
  readonly facts: Readonly<Record<string, string>>;
}

interface DeskTicket {
  isOpen: boolean;
  accounts: string[];
  readonly notes: DeskNote[];
}

export class TicketDesk {
  readonly tickets = new Map<string, DeskTicket>();
  readonly #opened = new Map<string, string>();
  /** Everything that came, verbatim. */
  readonly heard: string[] = [];
  /** Questions that broke the specification. */
  readonly faults: string[] = [];
  manner: DeskManner = "answer";
  looks = 0;
  url = "";
  readonly #server: ReturnType<typeof createServer>;

  private constructor(certificate: Certificate | undefined) {
    this.#server = certificate === undefined ? createServer() : createHttpsServer(certificate);
    this.#server.on("request", (request, response) => {
      void buffer(request).then((body) => {
        this.#serve(request, body, response);
      });
    });
  }

  static async start(certificate?: Certificate): Promise<TicketDesk> {
    const desk = new TicketDesk(certificate);
    await new Promise<void>((resolve) => desk.#server.listen(0, "127.0.0.1", resolve));
    const { port } = desk.#server.address() as AddressInfo;
    desk.url = `${certificate === undefined ? "http://127.0.0.1" : "https://localhost"}:${String(port)}/desk?queue=root`;
    return desk;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  ticket(reference: string, ...accounts: string[]): DeskTicket {
    const ticket = { isOpen: true, accounts, notes: [] };
    this.tickets.set(reference, ticket);
    return ticket;
  }

  events(reference: string): string[] {
    return (this.tickets.get(reference)?.notes ?? []).map(({ event }) => event);
  }

  #serve(request: IncomingMessage, body: Buffer, response: ServerResponse): void {
    const url = new URL(request.url ?? "", "http://desk");
    this.heard.push(`${String(request.url)}\n${JSON.stringify(request.headers)}\n${body.toString("utf8")}`);
    const asked = url.searchParams.get("ticket");
    const signed = request.method === "GET" ? Buffer.from(asked ?? "", "utf8") : body;
    const fault = this.#faultOf(request, url, signed);
    if (fault !== null) {
      this.faults.push(fault);
      response.writeHead(400).end();
      return;
    }
    if (request.method === "GET") this.looks++;
    if (this.manner !== "answer" && this.manner !== "take-and-hang-up") {
      this.#misbehave(response);
      return;
    }
    const [status, answer] = request.method === "GET" ? this.#find(asked ?? "") : this.#take(body);
    if (this.manner === "take-and-hang-up") {
      request.socket.destroy();
      return;
    }
    response.writeHead(status, { "content-type": "application/json" }).end(answer === null ? "" : JSON.stringify(answer));
  }

  #misbehave(response: ServerResponse): void {
    switch (this.manner) {
      case "refuse":
        response.writeHead(503).end("the secret reason");
        return;
      case "limit":
        response.writeHead(429).end();
        return;
      case "lose":
        response.writeHead(404).end();
        return;
      case "switch":
        response.socket?.write("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\n");
        return;
      case "lie":
        response.writeHead(200).end(JSON.stringify({ format: "rk-ticket-1", ticket: "OPS-999", state: "open", accounts: [] }));
        return;
      case "flood":
        response.writeHead(200);
        for (let part = 0; part < 64; part++) response.write(Buffer.alloc(65_536, 32));
        response.end("{}");
        return;
      case "redirect":
        response.writeHead(307, { location: "/elsewhere" }).end();
        return;
      case "garble":
        response.writeHead(200).end('{"format":"rk-ticket-1","ticket":"OPS-1","state":"op');
        return;
      default:
    }
  }

  #faultOf({ method, headers }: IncomingMessage, url: URL, signed: Buffer): string | null {
    const [id, time, signature] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map((name) => String(headers[name]));
    const mac = createHmac("sha256", KEY)
      .update(`${String(id)}.${String(time)}.`)
      .update(signed)
      .digest();
    const given = Buffer.from(String(signature).replace(/^v1,/, ""), "base64");
    if (given.length !== mac.length || !timingSafeEqual(given, mac)) return "signature";
    if (Math.abs(Number(time) - Date.now() / 1000) > 300) return "timestamp";
    if (url.pathname !== "/desk" || url.searchParams.get("queue") !== "root") return "address";
    return method === "GET" || method === "POST" ? null : "method";
  }

  #find(reference: string): [number, unknown] {
    const ticket = this.tickets.get(reference);
    const state = ticket === undefined ? "unknown" : ticket.isOpen ? "open" : "closed";
    return [200, { format: "rk-ticket-1", ticket: reference, state, accounts: ticket?.accounts ?? [] }];
  }

  #take(body: Buffer): [number, unknown] {
    const message = JSON.parse(body.toString("utf8")) as Record<string, unknown>;
    if (Object.keys(message).sort().join() !== MEMBERS.join() || message["format"] !== "rk-ticket-1") {
      this.faults.push(`members ${Object.keys(message).sort().join()}`);
      return [400, null];
    }
    const note = message as unknown as DeskNote & { act: string; ticket: string | null };
    return note.act === "open" ? this.#openOnce(note) : this.#append(note);
  }

  #openOnce(note: DeskNote): [number, unknown] {
    const known = this.#opened.get(note.id);
    const reference = known ?? `INC-${String(9000 + this.#opened.size)}`;
    if (known === undefined) {
      this.#opened.set(note.id, reference);
      this.ticket(reference, ...(note.facts["aws account"] === undefined ? [] : [note.facts["aws account"]])).notes.push(note);
    }
    return [200, { format: "rk-ticket-1", ticket: reference }];
  }

  #append(note: DeskNote & { ticket: string | null }): [number, unknown] {
    const ticket = this.tickets.get(note.ticket ?? "");
    if (ticket === undefined) return [410, null];
    if (!ticket.notes.some(({ id }) => id === note.id)) ticket.notes.push(note);
    return [204, null];
  }
}
