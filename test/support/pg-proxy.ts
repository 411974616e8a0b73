// A socket between the service and PostgreSQL that knows enough of the protocol (version 3) to stop a conversation at one message: for
// commits whose answer is lost, for programs that die between two statements, for a network that goes silent.
import { type AddressInfo, createConnection, createServer, type Socket } from "node:net";
import type { PgConnection } from "../../src/database/connection.js";
import type { TestDatabase } from "./postgres.js";

/** A message of the client's, as far as a trap looks at it. */
export interface SentMessage {
  /** The protocol's letter: `Q` for a simple query, `P` for a statement to parse, `B` for a named one that is bound. */
  readonly type: string;
  readonly text: string;
  /** The transaction that this connection has open has sent an append to the log. */
  readonly hasAppended: boolean;
}

/**
 * What happens to the message: `hold` keeps it back and the line silent; `drop` cuts the line in its stead; `lose-answer` sends it, waits
 * until the server has done it, and cuts the line; `hold-answer` does the same and leaves the line silent instead.
 */
export type Deed = "hold" | "drop" | "lose-answer" | "hold-answer";

/** Where a trap can stand. */
export const AT = {
  lockHead: ({ text }: SentMessage): boolean => text.includes("audit.lock_head("),
  append: ({ type, text }: SentMessage): boolean => isAppend(type, text),
  commit: ({ type, text, hasAppended }: SentMessage): boolean => hasAppended && isCommit(type, text),
} as const;

interface Trap {
  readonly at: (message: SentMessage) => boolean;
  readonly deed: Deed;
  /** How many more matches pass by. */
  passes: number;
  /** When it springs, the database is out of reach by any other way: idle connections are cut, new ones refused. */
  readonly isIsolating: boolean;
  readonly spring: () => void;
}

interface Line {
  readonly client: Socket;
  readonly server: Socket;
  hasStarted: boolean;
  /** The server is to take the connection and dismiss it in the same breath. */
  isDismissed: boolean;
  hasAppended: boolean;
  isSilent: boolean;
  /** Messages sent whose ReadyForQuery has not come: a client may send several before the first is answered. */
  unanswered: number;
  /** Waits for the server to have done the trapped message. */
  trapped: "lose-answer" | "hold-answer" | undefined;
  spring: (() => void) | undefined;
}

export class PgProxy {
  readonly #lines = new Set<Line>();
  readonly #traps = new Set<Trap>();
  readonly #server = createServer((client) => {
    this.#accept(client);
  });
  #isRefusing = false;
  #isDismissing = false;

  private constructor(private readonly upstream: PgConnection) {}

  static async start(upstream: PgConnection): Promise<PgProxy> {
    const proxy = new PgProxy(upstream);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  /** The same server, reached through here. */
  through(connection: PgConnection): PgConnection {
    return { ...connection, host: "127.0.0.1", port: (this.#server.address() as AddressInfo).port };
  }

  /** The same database, reached by the service through here and by everybody else directly. */
  database(database: TestDatabase): TestDatabase {
    const rootkeep_service = this.through(database.connections.rootkeep_service);
    return { ...database, connections: { ...database.connections, rootkeep_service } };
  }

  /**
   * Sets a trap that springs once.
   * @param after so many matching messages pass first.
   * @param isIsolating from then on no other connection answers, old or new, until {@link refuse}.
   * @returns a promise that is kept when it has sprung, and for `…-answer` when the server has done the message.
   */
  trap(at: Trap["at"], deed: Deed, { after = 0, isIsolating = false } = {}): Promise<void> {
    return new Promise((resolve) => this.#traps.add({ at, deed, passes: after, isIsolating, spring: resolve }));
  }

  /** Traps that have not sprung are taken away. */
  disarm(): void {
    this.#traps.clear();
  }

  /** New connections are refused (or taken again); the ones that stand stay. */
  refuse(isRefusing: boolean): void {
    this.#isRefusing = isRefusing;
  }

  /** New connections are taken and dismissed in one packet, as by an administrator who is quick. */
  dismiss(isDismissing: boolean): void {
    this.#isDismissing = isDismissing;
  }

  /** Cuts every connection now. */
  cut(): void {
    for (const line of this.#lines) end(line);
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(client: Socket): void {
    client.on("error", () => undefined);
    if (this.#isRefusing) {
      client.destroy();
      return;
    }
    const { host, port } = this.upstream;
    const server = host.startsWith("/") ? createConnection(`${host}/.s.PGSQL.${String(port)}`) : createConnection(port, host);
    const line: Line = {
      client,
      server,
      hasStarted: false,
      isDismissed: this.#isDismissing,
      hasAppended: false,
      isSilent: false,
      unanswered: 1,
      trapped: undefined,
      spring: undefined,
    };
    for (const socket of [client, server]) socket.setNoDelay(true);
    this.#lines.add(line);
    server.on("error", () => undefined);
    for (const socket of [client, server]) {
      socket.once("close", () => {
        // Over a network that is silent not even the end of the other side is heard.
        if (line.isSilent && socket === server) return;
        this.#lines.delete(line);
        end(line);
      });
    }
    client.on(
      "data",
      splitter(
        (message) => {
          this.#fromClient(line, message);
        },
        () => line.hasStarted,
      ),
    );
    server.on(
      "data",
      splitter(
        (message) => {
          fromServer(line, message);
        },
        () => true,
      ),
    );
  }

  #fromClient(line: Line, message: Buffer): void {
    if (line.isSilent || line.trapped !== undefined) return;
    if (!line.hasStarted) {
      line.hasStarted = true;
      line.server.write(message);
      return;
    }
    const type = String.fromCharCode(message[0] ?? 0);
    const text = "QPB".includes(type) ? message.toString("latin1", 5) : "";
    // A password is none of this program's business, and neither is a value: only the letters above are looked at.
    const trap = this.#sprung({ type, text, hasAppended: line.hasAppended });
    if (isAppend(type, text)) line.hasAppended = true;
    else if (type === "Q" && /^(begin|start transaction|commit|rollback)/i.test(text)) line.hasAppended = false;
    if (trap === undefined) {
      if (type === "Q" || type === "S") line.unanswered++;
      line.server.write(message);
      return;
    }
    this.#traps.delete(trap);
    if (trap.isIsolating) this.#isolate(line);
    if (trap.deed === "hold") line.isSilent = true;
    else if (trap.deed === "drop") end(line);
    else {
      line.trapped = trap.deed;
      line.spring = trap.spring;
      line.server.write(message);
      return;
    }
    trap.spring();
  }

  #isolate(trapped: Line): void {
    this.#isRefusing = true;
    for (const line of this.#lines) if (line !== trapped && line.unanswered === 0) end(line);
  }

  #sprung(message: SentMessage): Trap | undefined {
    return [...this.#traps].find((trap) => trap.at(message) && trap.passes-- === 0);
  }
}

function fromServer(line: Line, message: Buffer): void {
  if (line.isSilent) return;
  const isReady = message[0] === READY_FOR_QUERY;
  if (isReady && line.isDismissed) {
    line.isSilent = true;
    line.client.end(Buffer.concat([message, DISMISSAL]));
    return;
  }
  if (line.trapped === undefined || line.unanswered > 0) {
    line.client.write(message);
    if (isReady) line.unanswered--;
    return;
  }
  // The server has done what it was sent. Nothing of its answer has gone on.
  if (!isReady) return;
  const { trapped, spring } = line;
  line.isSilent = true;
  if (trapped === "lose-answer") end(line);
  spring?.();
}

const READY_FOR_QUERY = 0x5a;
/** ErrorResponse, as `pg_terminate_backend` makes the server send it. */
const DISMISSAL = errorResponse("SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0");

function errorResponse(fields: string): Buffer {
  const message = Buffer.alloc(5 + Buffer.byteLength(fields), "E");
  message.writeUInt32BE(message.length - 1, 1);
  message.write(fields, 5);
  return message;
}

/** Calls `take` with each whole message. Only the first message of a client has no letter in front of its length. */
function splitter(take: (message: Buffer) => void, hasLetter: () => boolean): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      const letter = hasLetter() ? 1 : 0;
      if (rest.length < letter + 4) return;
      const size = letter + rest.readUInt32BE(letter);
      if (rest.length < size) return;
      const message = rest.subarray(0, size);
      rest = rest.subarray(size);
      take(message);
    }
  };
}

function isAppend(type: string, text: string): boolean {
  return "QPB".includes(type) && /audit[.-]append/.test(text);
}

function isCommit(type: string, text: string): boolean {
  return type === "Q" && /^commit\b/i.test(text);
}

function end({ client, server }: Line): void {
  client.destroy();
  server.destroy();
}
