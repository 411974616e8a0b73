import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { setTimeout as wait } from "node:timers/promises";
import type { Secret } from "../kernel/secret.js";

/** How patient a reader is. */
export interface Patience {
  /** Milliseconds for one answer, from the first byte sent to the last one read. */
  readonly requestMs: number;
  /** Attempts for what may pass: no connection, a broken answer, a server that is busy or failing. */
  readonly attempts: number;
  /** Milliseconds before the second attempt; three times as long before each further one. */
  readonly pauseMs: number;
  /** Milliseconds that all of it may take, beside {@link fileMs} for each file. */
  readonly graceMs: number;
  /** Milliseconds for each file, on average. A server that stays just below {@link requestMs} would keep us for months. */
  readonly fileMs: number;
}

/** What a person gets who asks for nothing else. */
export const PATIENCE: Patience = { requestMs: 30_000, attempts: 4, pauseMs: 300, graceMs: 300_000, fileMs: 1_000 };

const REDIRECTS_MAX = 5;
const HEADER_BYTES_MAX = 16_384;
const GONE: ReadonlySet<number> = new Set([404, 410]);
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** A fault that may be gone at the next attempt. */
class PassingFault extends Error {}

/** The server will not give it, at least not to us. */
export class RefusedAnswer extends Error {}

interface Answer {
  readonly status: number;
  readonly location: string | undefined;
  /** Empty unless the status is 200. */
  readonly body: Buffer;
}

/**
 * Reads files over HTTP from somebody who may be hostile: bounded in bytes, in time for each and in time for all, without decompression, and
 * with a token that leaves for one origin only.
 */
export class HttpReader {
  readonly #agents = { "http:": new HttpAgent({ keepAlive: true }), "https:": new HttpsAgent({ keepAlive: true }) };
  #files = 0;
  #since: number | undefined;

  /** @param origin the only one that `token` is sent to. */
  constructor(
    private readonly origin: string,
    private readonly token: Secret<string> | null,
    private readonly patience: Patience = PATIENCE,
  ) {}

  /**
   * The whole body at `url`, or null where the server says that there is none (404, 410).
   * @throws RefusedAnswer for another answer that says no; Error when it cannot be had, is larger than `bytesMax`, or the server is too slow; it names the path and the fault.
   */
  async get(url: URL, bytesMax: number): Promise<Buffer | null> {
    const { attempts, pauseMs } = this.patience;
    for (let attempt = 1; ; attempt++) {
      try {
        this.#spend(url);
        return await this.#follow(url, bytesMax);
      } catch (error) {
        if (!(error instanceof PassingFault)) throw error;
        if (attempt === attempts) throw new Error(`${url.pathname}: ${error.message}, ${String(attempts)} times`, { cause: error });
        await wait(pauseMs * 3 ** (attempt - 1));
      }
    }
  }

  /** Lets go of the connections. */
  close(): void {
    for (const agent of Object.values(this.#agents)) agent.destroy();
  }

  #spend(url: URL): void {
    const { graceMs, fileMs } = this.patience;
    this.#since ??= performance.now();
    this.#files += 1;
    if (performance.now() - this.#since > graceMs + fileMs * this.#files)
      throw new Error(`${url.pathname}: given up, the server takes more than ${String(fileMs)} ms a file`);
  }

  async #follow(first: URL, bytesMax: number): Promise<Buffer | null> {
    let url = first;
    // Once somebody else has been asked, what they say to ask next is their word, also where it is an address of ours.
    let isOurs = url.origin === this.origin;
    for (let hops = 0; hops <= REDIRECTS_MAX; hops++) {
      const { status, location, body } = await this.#ask(url, bytesMax, isOurs, first.pathname);
      if (status === 200) return body;
      if (GONE.has(status)) return null;
      if (!REDIRECTS.has(status)) throw refusal(status, first.pathname, this.token !== null);
      url = redirected(url, location, first.pathname);
      isOurs &&= url.origin === this.origin;
    }
    throw new Error(`${first.pathname}: the server redirects without end`);
  }

  async #ask(url: URL, bytesMax: number, isOurs: boolean, shown: string): Promise<Answer> {
    const signal = AbortSignal.timeout(this.patience.requestMs);
    const isSecure = url.protocol === "https:";
    const options = {
      agent: this.#agents[isSecure ? "https:" : "http:"],
      headers: {
        accept: "*/*",
        // What is small on the way and large when unpacked is not for us.
        "accept-encoding": "identity",
        ...(isOurs && this.token !== null ? { authorization: this.token.expose((token) => `Bearer ${token}`) } : {}),
      },
      maxHeaderSize: HEADER_BYTES_MAX,
      signal,
    } satisfies RequestOptions;
    try {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        const sent = isSecure ? httpsRequest(url, options, resolve) : httpRequest(url, options, resolve);
        sent.on("error", reject);
        sent.end();
      });
      return await answerOf(response, bytesMax, shown);
    } catch (error) {
      if (signal.aborted) throw new PassingFault(`no whole answer within ${String(this.patience.requestMs)} ms`);
      if (error instanceof TooLarge || error instanceof PassingFault) throw error;
      throw new PassingFault(`the network failed (${faultOf(error)})`);
    }
  }
}

class TooLarge extends Error {}

async function answerOf(response: IncomingMessage, bytesMax: number, shown: string): Promise<Answer> {
  const { statusCode: status = 0, headers } = response;
  // Bodies of other answers are nobody's business, and may never end.
  const isWanted = status === 200;
  if (!isWanted) response.destroy();
  const body = isWanted ? await bodyOf(response, bytesMax, shown) : Buffer.alloc(0);
  return { status, location: headers.location, body };
}

async function bodyOf(response: IncomingMessage, bytesMax: number, shown: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    // Leaving the loop destroys the connection.
    if (length > bytesMax) throw new TooLarge(`${shown}: the answer is larger than ${String(bytesMax)} bytes`);
    chunks.push(chunk);
  }
  if (!response.complete) throw new PassingFault("the answer was cut off");
  return Buffer.concat(chunks, length);
}

function redirected(from: URL, location: string | undefined, shown: string): URL {
  const to = location !== undefined && URL.canParse(location, from.href) ? new URL(location, from) : null;
  const isKept = to !== null && (to.protocol === "https:" || (to.protocol === "http:" && from.protocol === "http:"));
  if (!isKept || to.username !== "" || to.password !== "") throw new Error(`${shown}: the server redirects to where nobody should go`);
  return to;
}

function refusal(status: number, shown: string, hasToken: boolean): Error {
  if (status === 429 || status >= 500) return new PassingFault(`the server answers ${String(status)}`);
  const isClosed = status === 401 || status === 403;
  const hint = isClosed ? (hasToken ? ": the token may not read this" : ": it wants a token, see --token-file") : "";
  return new RefusedAnswer(`${shown}: the server answers ${String(status)}${hint}`);
}

/** The kind of fault, never its text: that may quote what came over the wire. */
function faultOf(error: unknown): string {
  const { code, name } = error as { code?: unknown; name?: unknown };
  return typeof code === "string" ? code : typeof name === "string" ? name : "unknown fault";
}
