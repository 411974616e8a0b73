import { isUtf8 } from "node:buffer";
import { randomUUID } from "node:crypto";
import type { DynamicModule, Type } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { FastifyAdapter, type NestFastifyApplication } from "@nestjs/platform-fastify";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Config } from "../config/config.js";
import { RootkeepError } from "../kernel/errors.js";
import { LIMITS } from "../kernel/limits.js";
import { Metrics } from "../telemetry/metrics.js";
import { problemOf } from "../wire/problem.js";
import { ApiDocument } from "./api-document.js";
import { BuildFacts } from "./edge.port.js";
import type { EdgeRequest } from "./edge-request.js";
import { sendProblem, translateFrameworkError } from "./error.filter.js";
import { buildOpenApi, openApiText } from "./openapi.js";
import { assertRoutesHaveOperations, type RegisteredRoute } from "./route-check.js";

/** A whole request must have arrived within this time; slower senders hold a connection each. */
const REQUEST_TIMEOUT_MS = 30_000;
const HEADERS_TIMEOUT_MS = 15_000;
const PARAM_CHARS_MAX = 128;
const IMPORT_PATH = "/v1/imports";
/** Brings a seed, as bytes: a JSON parser would make a string of it, which cannot be wiped. */
const SEED_PATH = "/v1/accounts/:id/candidates/mfa-seed";
const LOGOUT_PATH = "/v1/oidc/logout";

/** How calls in flight are let end before their connections are cut. */
const GRACE_MS = 10_000;

/** What of the configuration the server needs. */
export type HttpConfig = Pick<Config, "listen">;

/**
 * The application over HTTP, ready to listen: routes checked against the list of operations, API description published.
 * @throws Error when a route has no operation or an operation no route.
 */
export async function createHttpApp(module: Type | DynamicModule, config: HttpConfig): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({
    logger: false,
    trustProxy: false,
    bodyLimit: LIMITS.bodyBytesMax,
    requestTimeout: REQUEST_TIMEOUT_MS,
    http: { headersTimeout: HEADERS_TIMEOUT_MS },
    // Calls in flight end; connections that only wait are closed, or they would hold up a shutdown for as long as a client keeps them.
    forceCloseConnections: "idle",
    exposeHeadRoutes: false,
    genReqId: () => randomUUID(),
    routerOptions: { maxParamLength: PARAM_CHARS_MAX },
    frameworkErrors: answerUnrouted,
  });
  const routes: RegisteredRoute[] = [];
  const fastify: FastifyInstance = adapter.getInstance();
  fastify.addHook("onRoute", ({ method, url }) => {
    for (const verb of [method].flat()) routes.push({ verb, path: url });
  });
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, { logger: false, bodyParser: false, abortOnError: false });
  setUpHeaders(fastify, config.listen.isLoopback);
  setUpBodies(fastify);
  countAnswers(fastify, app.get(Metrics, { strict: false }));
  await app.init();
  assertRoutesHaveOperations(app, routes);
  app.get(ApiDocument, { strict: false }).publish(openApiText(buildOpenApi(app, app.get(BuildFacts, { strict: false }).version)));
  await fastify.ready();
  return app;
}

/** Stops taking calls, lets those in flight end for a while, then cuts what is left. */
export async function stopHttpApp(app: NestFastifyApplication, graceMs: number = GRACE_MS): Promise<void> {
  const server = app.getHttpServer();
  const cut = setTimeout(() => {
    server.closeAllConnections();
  }, graceMs);
  try {
    await app.close();
  } finally {
    clearTimeout(cut);
  }
}

function setUpHeaders(fastify: FastifyInstance, isLoopback: boolean): void {
  fastify.addHook("onRequest", (request, reply, done) => {
    (request as EdgeRequest).requestId = request.id;
    writeHeaders(request, reply);
    // On loopback there is no TLS, and a browser would remember the rule for every other service on this machine.
    if (!isLoopback) void reply.header("strict-transport-security", "max-age=31536000");
    done();
  });
}

function writeHeaders(request: FastifyRequest, reply: FastifyReply): void {
  void reply.headers({
    "x-request-id": request.id,
    // Everything that is answered here is for the one who asked, at this moment.
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
  });
}

/** JSON for all, within the small limit; files for the import alone, bytes for a seed alone, a form for the logout alone. Fastify's plain text parser goes: no operation takes text. */
function setUpBodies(fastify: FastifyInstance): void {
  fastify.removeContentTypeParser(["text/plain", "application/json"]);
  const parseJson = fastify.getDefaultJsonParser("error", "error");
  fastify.addContentTypeParser("application/json", { parseAs: "buffer" }, (request, body, done) => {
    const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body);
    // Read as UTF-8 all the same, a stray byte would become U+FFFD: what is stored would not be what was sent, and several passwords one.
    if (!isPlainUtf8(request) || !isUtf8(bytes)) done(new RootkeepError("MALFORMED", { fields: [{ field: "body", rule: "is UTF-8" }] }));
    else void parseJson(request, bytes.toString("utf8"), done);
  });
  fastify.addContentTypeParser(
    ["text/csv", "application/x-ndjson"],
    { parseAs: "buffer", bodyLimit: LIMITS.importBytesMax },
    (_request, body, done) => {
      done(null, body);
    },
  );
  fastify.addContentTypeParser(
    "application/octet-stream",
    { parseAs: "buffer", bodyLimit: LIMITS.seedTextBytesMax },
    (_request, body, done) => {
      done(null, body);
    },
  );
  fastify.addContentTypeParser("application/x-www-form-urlencoded", { parseAs: "string" }, (_request, body, done) => {
    done(null, Object.fromEntries(new URLSearchParams(String(body))));
  });
  fastify.addHook("onRequest", (request, _reply, done) => {
    const isForm = /^\s*application\/x-www-form-urlencoded\b/i.test(request.headers["content-type"] ?? "");
    // A browser sends forms across sites without asking; the one call that takes one is the provider's, and proves itself by a signature.
    if (isForm && request.routeOptions.url !== LOGOUT_PATH)
      done(new RootkeepError("MALFORMED", { fields: [{ field: "body", rule: "is JSON" }] }));
    else done();
  });
  fastify.addHook("onRequest", (request, _reply, done) => {
    const isSeed = /^\s*application\/octet-stream\b/i.test(request.headers["content-type"] ?? "");
    if (isSeed && request.routeOptions.url !== SEED_PATH)
      done(new RootkeepError("MALFORMED", { fields: [{ field: "body", rule: "is not taken as application/octet-stream here" }] }));
    else done();
  });
  fastify.addHook("onRequest", (request, _reply, done) => {
    const isFile = /^\s*(?:text\/csv|application\/x-ndjson)\b/i.test(request.headers["content-type"] ?? "");
    const isImport = request.routeOptions.url === IMPORT_PATH;
    // Before a byte of the body is read: the large limit is for the import, and not for those who bring no token at all.
    if (isFile && !isImport) done(new RootkeepError("MALFORMED", { fields: [{ field: "body", rule: "is not taken as a file here" }] }));
    else if (isFile && request.headers.authorization === undefined) done(new RootkeepError("UNAUTHENTICATED"));
    else done();
  });
}

/** True unless the headers say that the body is in another charset, or compressed. */
function isPlainUtf8({ headers }: FastifyRequest): boolean {
  const charset = /;\s*charset\s*=\s*"?([^;"\s]+)/i.exec(headers["content-type"] ?? "")?.[1] ?? "utf-8";
  return /^utf-?8$/i.test(charset) && (headers["content-encoding"] ?? "identity") === "identity";
}

function countAnswers(fastify: FastifyInstance, metrics: Metrics): void {
  fastify.addHook("onResponse", (request, _reply, done) => {
    const { operation, problemCode } = request as EdgeRequest;
    metrics.add("rootkeep_requests_total", { operation: operation ?? "none", code: problemCode ?? "OK" });
    done();
  });
}

/** Answers what the router itself refuses (a path that does not decode, a parameter that is too long): no hook and no filter sees these. */
function answerUnrouted(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  writeHeaders(request, reply);
  sendProblem(reply, problemOf(translateFrameworkError(error), request.id));
}
