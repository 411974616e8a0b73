import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { parseCheckpoint } from "../../src/audit/tlog/checkpoint.js";
import { cosignNote, parseNote, verifyNote } from "../../src/audit/tlog/note.js";
import { verifyConsistency } from "../../src/audit/tlog/proof.js";
import { formatVerifierKey, type VerifierKey } from "../../src/audit/tlog/verifier-key.js";
import { type AddCheckpoint, formatCosignatures, formatWitnessSize, parseAddCheckpoint } from "../../src/audit/tlog/witness-messages.js";
import type { NoteSigner } from "./tlog-keys.js";

interface Reply {
  readonly status: number;
  readonly body: Buffer | string;
  readonly contentType?: string;
}

interface Cosigned {
  readonly size: number;
  /** base64 */
  readonly root: string;
}

export interface WitnessOptions {
  readonly signer: NoteSigner;
  /** Keys of the logs that it knows; a key's name is the log's origin. */
  readonly logs: readonly VerifierKey[];
  /** File of what it cosigned last. It is there before an answer goes out, and a witness started anew goes on from it. */
  readonly statePath: string;
  /** 0: any. */
  readonly port?: number;
}

/**
 * A small C2SP tlog-witness over real HTTP. It keeps the specification; the fields make it keep it less. It answers what it refuses of two
 * trees of one size as today's specification says (409 without a size), or as that of 2025 did (422).
 */
export class Witness {
  /** Answers 422 to another root of the same size. */
  isOlderSpec = false;
  /** Answers this instead of everything. */
  reply: Reply | null = null;
  /** Takes requests and never answers. */
  isSilent = false;
  /** What each request brought, and the status that it got. */
  readonly exchanges: { readonly old: number | null; readonly hashes: number; readonly status: number }[] = [];
  readonly #options: WitnessOptions;
  readonly #server = createServer((request, response) => {
    void this.#serve(request, response);
  });

  private constructor(options: WitnessOptions) {
    this.#options = options;
  }

  static async start(options: WitnessOptions): Promise<Witness> {
    const witness = new Witness(options);
    await new Promise<void>((resolve) => witness.#server.listen(options.port ?? 0, "127.0.0.1", resolve));
    return witness;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** `<verifier key>@<URL>`, as it is configured. */
  get configured(): string {
    return `${formatVerifierKey(this.#options.signer.key)}@http://127.0.0.1:${this.port}/witness/`;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (this.isSilent) return;
    const isCall = request.method === "POST" && request.url === "/witness/add-checkpoint";
    const asked = isCall ? parsed(Buffer.concat(chunks)) : null;
    const reply = this.reply ?? (asked === null ? { status: isCall ? 400 : 405, body: "" } : await this.#answer(asked));
    this.exchanges.push({ old: asked?.oldSize ?? null, hashes: asked?.proof.length ?? 0, status: reply.status });
    response.writeHead(reply.status, { "content-type": reply.contentType ?? "text/plain; charset=utf-8" });
    response.end(reply.body);
  }

  async #answer({ oldSize, proof, note }: AddCheckpoint): Promise<Reply> {
    const { text, signatures } = parseNote(note);
    const { origin, size, root } = parseCheckpoint(text);
    const keys = this.#options.logs.filter(({ name }) => name === origin);
    if (keys.length === 0) return refuse(404);
    if (!holds(() => verifyNote({ text, signatures }, keys))) return refuse(403);
    if (oldSize > size) return refuse(400);
    const last = this.#read()[origin] ?? { size: 0, root: "" };
    if (oldSize !== last.size) return { status: 409, body: formatWitnessSize(last.size), contentType: "text/x.tlog.size" };
    if (oldSize === size && oldSize > 0 && root.toString("base64") !== last.root) return refuse(this.isOlderSpec ? 422 : 409);
    const oldRoot = Buffer.from(last.root, "base64");
    if (oldSize > 0 && !holds(() => verifyConsistency(oldSize, size, proof, oldRoot, root))) return refuse(422);
    if (oldSize === 0 && proof.length > 0) return refuse(422);
    this.#write({ ...this.#read(), [origin]: { size, root: root.toString("base64") } });
    const { key, sign } = this.#options.signer;
    return { status: 200, body: formatCosignatures([await cosignNote(text, key, Math.floor(Date.now() / 1000), sign)]) };
  }

  #read(): Record<string, Cosigned> {
    const { statePath } = this.#options;
    return existsSync(statePath) ? (JSON.parse(readFileSync(statePath, "utf8")) as Record<string, Cosigned>) : {};
  }

  #write(state: Record<string, Cosigned>): void {
    const { statePath } = this.#options;
    writeFileSync(`${statePath}.new`, JSON.stringify(state));
    renameSync(`${statePath}.new`, statePath);
  }
}

function refuse(status: number): Reply {
  return { status, body: "" };
}

function parsed(body: Buffer): AddCheckpoint | null {
  try {
    return parseAddCheckpoint(body);
  } catch {
    return null;
  }
}

function holds(check: () => unknown): boolean {
  try {
    check();
    return true;
  } catch {
    return false;
  }
}
