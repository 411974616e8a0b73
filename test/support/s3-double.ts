import { createHash, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { S3Options } from "../../src/audit/s3-bucket.adapter.js";

interface Version {
  readonly id: string;
  readonly bytes: Buffer;
  readonly isDeletion: boolean;
  readonly lockMode: string | undefined;
  readonly lockedUntil: string | undefined;
}

interface Reply {
  readonly status: number;
  readonly body: Buffer | string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** HTTP status of the answers that a test may ask for, as AWS's "Error responses" lists them. */
const STATUS = { AccessDenied: 403, ConditionalRequestConflict: 409, InternalError: 500, PreconditionFailed: 412, SlowDown: 503 } as const;

/**
 * A double of AWS S3 over real HTTP, for what moto does not show: lost answers, dead and slow servers, single refusals, and conditions that
 * are looked at and acted upon in one step. One bucket; every write makes a version, as in a versioned bucket. The real adapters and the real
 * SDK talk to it. It passes the same contract test as the adapters. Set its fields to break it; nothing else of it is state.
 */
export class S3Double {
  /** So many writes are done, and their connections cut without an answer. */
  lostAnswers = 0;
  /** So many requests are not done, and their connections cut. */
  lostRequests = 0;
  /** Answers the next requests with these, in order. */
  readonly refusals: (keyof typeof STATUS)[] = [];
  isSilent = false;
  hasObjectLock = true;
  /** Whether the bucket locks what is written without a lock. */
  locksByDefault = false;
  keepsVersions = true;
  /** Headers of every request, with method and URL. */
  readonly requests: { readonly method: string; readonly url: string; readonly headers: IncomingMessage["headers"] }[] = [];
  readonly #objects = new Map<string, Version[]>();
  readonly #server = createServer((request, response) => {
    void this.#serve(request, response);
  });

  static async start(): Promise<S3Double> {
    const double = new S3Double();
    await new Promise<void>((resolve) => double.#server.listen(0, "127.0.0.1", resolve));
    return double;
  }

  get options(): Required<S3Options> {
    const { port } = this.#server.address() as AddressInfo;
    return { endpoint: `http://127.0.0.1:${port}`, credentials: { accessKeyId: "testing", secretAccessKey: "testing" } };
  }

  /** Writes as somebody would who has the right to: without a condition, with a lock only if one is asked for. */
  put(key: string, bytes: Buffer, lock: { readonly mode: string; readonly until: Date } | null = null): void {
    this.#add(key, { id: randomUUID(), bytes, isDeletion: false, lockMode: lock?.mode, lockedUntil: lock?.until.toISOString() });
  }

  /** Puts a delete marker before the versions that are there. */
  delete(key: string): void {
    this.#add(key, { id: randomUUID(), bytes: Buffer.alloc(0), isDeletion: true, lockMode: undefined, lockedUntil: undefined });
  }

  /** The newest version's bytes, or null. */
  bytesOf(key: string): Buffer | null {
    return this.#newest(key)?.bytes ?? null;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = "", url = "", headers } = request;
    this.requests.push({ method, url, headers });
    if (this.isSilent) return;
    if (this.lostRequests > 0) {
      this.lostRequests--;
      request.socket.destroy();
      return;
    }
    const reply = this.#answer(request, Buffer.concat(chunks));
    if (method === "PUT" && this.lostAnswers > 0) {
      this.lostAnswers--;
      request.socket.destroy();
      return;
    }
    response.writeHead(reply.status, { "x-amz-request-id": randomUUID(), ...reply.headers });
    response.end(reply.body);
  }

  #answer(request: IncomingMessage, body: Buffer): Reply {
    const refusal = this.refusals.shift();
    if (refusal !== undefined) return refuse(STATUS[refusal], refusal);
    const url = new URL(request.url ?? "", "http://127.0.0.1");
    const [, , ...segments] = url.pathname.split("/");
    const key = segments.join("/");
    if (key === "") return this.#answerOfBucket(url.searchParams);
    if (request.method === "GET") return this.#get(key, url.searchParams.get("versionId"));
    if (request.method === "DELETE") return this.#delete(key, url.searchParams.get("versionId"));
    return this.#put(key, body, request.headers);
  }

  #answerOfBucket(query: URLSearchParams): Reply {
    if (query.has("versioning"))
      return xml(`<VersioningConfiguration>${this.keepsVersions ? "<Status>Enabled</Status>" : ""}</VersioningConfiguration>`);
    if (query.has("object-lock")) {
      if (!this.hasObjectLock) return refuse(404, "ObjectLockConfigurationNotFoundError");
      const rule = this.locksByDefault ? "<Rule><DefaultRetention><Mode>GOVERNANCE</Mode><Days>1</Days></DefaultRetention></Rule>" : "";
      return xml(`<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>${rule}</ObjectLockConfiguration>`);
    }
    return query.has("versions") ? this.#list(query) : this.#listKeys(query);
  }

  /**
   * Pages of two, so that whoever lists must turn them. Newest version of a key first, as AWS does. A marker without a version is the key to
   * start with, as AWS's documentation words it; AWS itself starts behind it.
   */
  #list(query: URLSearchParams): Reply {
    const [keyMarker, idMarker] = [query.get("key-marker") ?? "", query.get("version-id-marker")];
    const all = [...this.#objects]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([key, versions]) => versions.toReversed().map((version) => ({ key, version })))
      .filter(({ key }) => key.startsWith(query.get("prefix") ?? ""));
    const marked = all.findIndex(({ key, version }) => key === keyMarker && version.id === idMarker);
    const rest = marked >= 0 ? all.slice(marked + 1) : all.filter(({ key }) => key >= keyMarker);
    const page = rest.slice(0, 2);
    const last = page.at(-1);
    const rows = page.map(({ key, version: { id, isDeletion } }) => {
      const name = isDeletion ? "DeleteMarker" : "Version";
      return `<${name}><Key>${key}</Key><VersionId>${id}</VersionId></${name}>`;
    });
    const next =
      last === undefined || rest.length <= 2
        ? "<IsTruncated>false</IsTruncated>"
        : `<IsTruncated>true</IsTruncated><NextKeyMarker>${last.key}</NextKeyMarker><NextVersionIdMarker>${last.version.id}</NextVersionIdMarker>`;
    return xml(`<ListVersionsResult>${next}${rows.join("")}</ListVersionsResult>`);
  }

  /** What is not deleted, in pages of two. */
  #listKeys(query: URLSearchParams): Reply {
    const after = query.get("continuation-token") ?? "";
    const keys = [...this.#objects.keys()]
      .filter((key) => this.#newest(key) !== undefined && key.startsWith(query.get("prefix") ?? ""))
      .sort();
    const rest = keys.filter((key) => key > after);
    const page = rest.slice(0, 2);
    const next =
      rest.length > 2 ? `<IsTruncated>true</IsTruncated><NextContinuationToken>${page.at(-1) ?? ""}</NextContinuationToken>` : "";
    return xml(`<ListBucketResult>${next}${page.map((key) => `<Contents><Key>${key}</Key></Contents>`).join("")}</ListBucketResult>`);
  }

  #delete(key: string, id: string | null): Reply {
    if (id === null) {
      this.delete(key);
      return { status: 204, body: "" };
    }
    const versions = this.#objects.get(key) ?? [];
    const isLocked = versions.some((one) => one.id === id && one.lockMode !== undefined);
    if (isLocked) return refuse(403, "AccessDenied");
    this.#objects.set(
      key,
      versions.filter((one) => one.id !== id),
    );
    return { status: 204, body: "" };
  }

  #get(key: string, id: string | null): Reply {
    const version = id === null ? this.#newest(key) : this.#objects.get(key)?.find((one) => one.id === id);
    if (version === undefined) return refuse(404, "NoSuchKey");
    const lock =
      version.lockMode === undefined
        ? {}
        : { "x-amz-object-lock-mode": version.lockMode, "x-amz-object-lock-retain-until-date": version.lockedUntil ?? "" };
    return { status: 200, body: version.bytes, headers: { etag: etagOf(version.bytes), "x-amz-version-id": version.id, ...lock } };
  }

  #put(key: string, bytes: Buffer, headers: IncomingMessage["headers"]): Reply {
    const held = this.#newest(key);
    if (headers["if-none-match"] === "*" && held !== undefined) return refuse(412, "PreconditionFailed");
    if (headers["if-match"] !== undefined) {
      if (held === undefined) return refuse(404, "NoSuchKey");
      if (headers["if-match"] !== etagOf(held.bytes)) return refuse(412, "PreconditionFailed");
    }
    const mode = headers["x-amz-object-lock-mode"];
    if (mode !== undefined && !this.hasObjectLock) return refuse(400, "InvalidRequest");
    const until = headers["x-amz-object-lock-retain-until-date"];
    const lock = { lockMode: mode as string | undefined, lockedUntil: until as string | undefined };
    this.#add(key, { id: randomUUID(), bytes, isDeletion: false, ...lock });
    return { status: 200, body: "", headers: { etag: etagOf(bytes) } };
  }

  #newest(key: string): Version | undefined {
    const version = this.#objects.get(key)?.at(-1);
    return version?.isDeletion === true ? undefined : version;
  }

  #add(key: string, version: Version): void {
    this.#objects.set(key, [...(this.#objects.get(key) ?? []), version]);
  }
}

function etagOf(bytes: Buffer): string {
  return `"${createHash("md5").update(bytes).digest("hex")}"`;
}

function xml(content: string): Reply {
  return { status: 200, body: `<?xml version="1.0" encoding="UTF-8"?>${content}`, headers: { "content-type": "application/xml" } };
}

// AWS's messages are of no use to us and must not get out; this one would be found if they did.
function refuse(status: number, code: string): Reply {
  return { ...xml(`<Error><Code>${code}</Code><Message>leaky message</Message></Error>`), status };
}
