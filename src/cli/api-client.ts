import { randomUUID } from "node:crypto";
import { LIMITS } from "../kernel/limits.js";
import { Secret } from "../kernel/secret.js";
import { Answer } from "./answer.js";
import { LocalError, RefusedError, readRefusal } from "./failure.js";

/** A body as it is written; secrets are exposed only while its JSON is made. */
export type RequestFields = Readonly<Record<string, unknown>>;

/** An answer whose secret was taken out of it. */
export interface Released {
  readonly secret: Secret<string>;
  readonly answer: Answer;
  /** Receipt of the entry that allowed it, where the answer has one: `Audit-Seq` and `Audit-Leaf` (hex). */
  readonly receipt: { readonly seq: number; readonly leaf: string } | null;
}

type Query = Readonly<Record<string, string | number | undefined>>;

interface Sent {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly query?: Query;
  readonly body?: string | Uint8Array;
  readonly contentType?: string;
  /** A retried call with the same key is done once. None for what releases a secret: that refuses a repeat by itself. */
  readonly isKeyed?: boolean;
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 60_000;
const IMPORT_TIMEOUT_MS = 30 * 60_000;

/** The REST API as a client sees it. */
export class ApiClient {
  /** @param address an origin that `parseAddress` has checked. */
  constructor(
    readonly address: string,
    private readonly token: Secret<string> | null,
  ) {}

  /** @throws RefusedError, LocalError */
  async get(path: string, query: Query = {}): Promise<Answer> {
    return Answer.of(await this.#json(await this.#send({ method: "GET", path, query })));
  }

  /** @throws RefusedError, LocalError */
  async post(path: string, fields: RequestFields = {}): Promise<Answer> {
    const response = await this.#send({ method: "POST", path, body: bodyOf(fields), contentType: "application/json", isKeyed: true });
    return Answer.of(await this.#json(response));
  }

  /** A call whose answer holds a secret in member `name`. @throws RefusedError, LocalError */
  async release(path: string, fields: RequestFields, name: string): Promise<Released> {
    const response = await this.#send({ method: "POST", path, body: bodyOf(fields), contentType: "application/json" });
    const { [name]: value, ...members } = Answer.of(await this.#json(response)).members;
    if (typeof value !== "string") throw new LocalError(`the service's answer has no "${name}"`);
    const [seq, leaf] = [response.headers.get("audit-seq"), response.headers.get("audit-leaf")];
    const receipt = seq === null || leaf === null ? null : { seq: Number(seq), leaf };
    return { secret: Secret.of(value), answer: new Answer(members), receipt };
  }

  /** @throws RefusedError, LocalError */
  async upload(path: string, query: Query, contentType: string, bytes: Uint8Array): Promise<Answer> {
    const response = await this.#send({
      method: "POST",
      path,
      query,
      body: bytes,
      contentType,
      isKeyed: true,
      timeoutMs: IMPORT_TIMEOUT_MS,
    });
    return Answer.of(await this.#json(response));
  }

  /** @throws RefusedError, LocalError */
  async remove(path: string): Promise<void> {
    await this.#json(await this.#send({ method: "DELETE", path }));
  }

  /** The bytes of an answer that is no JSON. @throws RefusedError, LocalError */
  async bytes(path: string): Promise<Buffer> {
    return Buffer.from(await this.#read(async () => await (await this.#send({ method: "GET", path })).arrayBuffer()));
  }

  /** Every item of a list, page after page. @throws RefusedError, LocalError */
  async *items(path: string, query: Query = {}): AsyncGenerator<Answer, void, void> {
    let after = query["after"];
    for (;;) {
      const page = await this.get(path, { limit: LIMITS.pageSizeMax, ...query, after });
      yield* page.list("items");
      const next = page.textOrNull("next");
      if (next === null) return;
      // A cursor that leads nowhere new would make us ask for ever.
      if (next === after) throw new LocalError("the service's list does not end");
      after = next;
    }
  }

  async #send(call: Sent): Promise<Response> {
    const url = new URL(call.path, this.address);
    for (const [name, value] of Object.entries(call.query ?? {})) if (value !== undefined) url.searchParams.set(name, String(value));
    const headers: Record<string, string> = { accept: "application/json, application/problem+json, application/octet-stream" };
    if (call.contentType !== undefined) headers["content-type"] = call.contentType;
    if (call.isKeyed === true) headers["idempotency-key"] = randomUUID();
    if (this.token !== null) headers["authorization"] = this.token.expose((token) => `Bearer ${token}`);
    const signal = AbortSignal.timeout(call.timeoutMs ?? TIMEOUT_MS);
    const body = call.body === undefined ? {} : { body: call.body };
    // A redirect would carry token and body to wherever it points.
    const response = await this.#read(() => fetch(url, { method: call.method, headers, signal, redirect: "error", ...body }));
    if (response.ok) return response;
    const refusal = readRefusal(response.status, await this.#json(response).catch(() => null));
    if (refusal === null) throw new LocalError(`${this.address} answered ${String(response.status)} without saying why`);
    throw new RefusedError(refusal);
  }

  async #json(response: Response): Promise<unknown> {
    const text = await this.#read(() => response.text());
    if (text === "") return {};
    try {
      return JSON.parse(text);
    } catch {
      // The parser's message quotes the answer, which may hold a secret.
      throw new LocalError(`${this.address} answered something that is no JSON`);
    }
  }

  async #read<T>(act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      if (error instanceof LocalError || error instanceof RefusedError) throw error;
      throw new LocalError(`${this.address} cannot be reached (${networkFault(error)})`);
    }
  }
}

/** `id` as a part of a path: whatever was typed stays one part. */
export function pathPart(id: string): string {
  // "." and ".." survive encoding and would be resolved away by the URL parser: another path than the one that was meant.
  if (id === "." || id === "..") throw new LocalError("an id is neither . nor ..");
  return encodeURIComponent(id);
}

function bodyOf(fields: RequestFields): string {
  const exposed = Object.entries(fields).map(([name, value]) => [
    name,
    value instanceof Secret ? (value as Secret<unknown>).expose((text) => text) : value,
  ]);
  return JSON.stringify(Object.fromEntries(exposed));
}

function networkFault(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  const { code, name } = cause as { code?: unknown; name?: unknown };
  return typeof code === "string" ? code : typeof name === "string" ? name : "unknown fault";
}
