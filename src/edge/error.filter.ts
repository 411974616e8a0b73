import type { UUID } from "node:crypto";
import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from "@nestjs/common";
import type { FastifyReply } from "fastify";
import { TypeORMError } from "typeorm";
import { translateSqlError } from "../database/sql-error.js";
import { type ErrorCode, isRootkeepError, RootkeepError } from "../kernel/errors.js";
import { type Id, isId } from "../kernel/ids.js";
import { Log } from "../telemetry/log.service.js";
import { type Slug, siteOf, slug } from "../telemetry/site.js";
import { type ProblemReply, problemOf } from "../wire/problem.js";
import type { EdgeRequest } from "./edge-request.js";

/** Faults that have an event of their own, for the alerting rules. */
type Alarm = "seal.broken" | "clock.skew" | "root_key.unavailable";
const ALARMS: Partial<Record<ErrorCode, Alarm>> = {
  SEAL_BROKEN: "seal.broken",
  CLOCK_SKEW: "clock.skew",
  KEY_UNAVAILABLE: "root_key.unavailable",
};

/** Renders every error as a problem document, and tells the operators of those that are theirs to look at. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  constructor(private readonly log: Log) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<EdgeRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const error = translateFrameworkError(thrown);
    const problem = problemOf(error, request.id);
    const { status, body } = problem;
    request.problemCode = body.code;
    this.#tell(request, error, status, body.code);
    // An opening that fails after its headers were set must not look like one that went well.
    for (const name of ["audit-seq", "audit-leaf", "location", "content-length"]) reply.removeHeader(name);
    sendProblem(reply, problem);
  }

  #tell(request: EdgeRequest, error: unknown, status: number, code: ErrorCode): void {
    if (status < 500) return;
    const isOurs = status === 500;
    const reason = error instanceof RootkeepError && error.reason !== undefined ? slug(error.reason.replaceAll(" ", "-")) : undefined;
    const alarm = ALARMS[code];
    if (alarm !== undefined)
      this.log.event(alarm, { operation: request.operation, requestId: request.id as UUID, reason, ...versionOf(error) });
    this.log.event(isOurs ? "request.broken" : "request.failed", {
      code,
      operation: request.operation,
      requestId: request.id as UUID,
      status,
      reason,
      // Of an error that is ours the cause is what an operator looks for.
      site: siteOf(error instanceof RootkeepError ? (error.cause ?? error) : error),
    });
  }
}

/** Which value did not open: each is a fact of its own to be told. */
function versionOf(error: unknown): { readonly table?: Slug; readonly id?: Id<"version"> } {
  const version = isRootkeepError(error, "SEAL_BROKEN") ? error.facts["version"] : undefined;
  return isId("version", version) ? { table: slug("secret_version"), id: version } : {};
}

/** Sends a problem document. As bytes: to a JSON text Fastify would add a charset, which the media type does not have. */
export function sendProblem(reply: FastifyReply, { status, headers, body }: ProblemReply): void {
  void reply
    .code(status)
    .headers(headers)
    .send(Buffer.from(JSON.stringify(body), "utf8"));
}

/**
 * Turns an error of the framework into one of ours; anything else is handed back as it came. Texts of the framework are dropped: they
 * quote paths, headers and pieces of bodies (law L8).
 */
export function translateFrameworkError(thrown: unknown): unknown {
  if (thrown instanceof RootkeepError) return thrown;
  // A database that went away in the middle of a plain read: its own code says so, and its message stays out.
  if (thrown instanceof TypeORMError) return translateSqlError(thrown);
  const status = statusOf(thrown);
  if (status === undefined || status >= 500) return thrown;
  if (status === 404 || status === 405) return new RootkeepError("NOT_FOUND");
  if (status === 401) return new RootkeepError("UNAUTHENTICATED");
  if (status === 403) return new RootkeepError("FORBIDDEN");
  return new RootkeepError("MALFORMED", { fields: [{ field: "body", rule: RULES[status] ?? "does not parse" }] });
}

const RULES: Readonly<Record<number, string>> = {
  408: "did not arrive in time",
  413: "is too large for this operation",
  414: "goes with a path that is too long",
  415: "is of a media type that this operation does not take",
};

/** The status that the framework meant. Other libraries hang statuses on errors too, and theirs say nothing about our caller. */
function statusOf(thrown: unknown): number | undefined {
  if (thrown instanceof HttpException) return thrown.getStatus();
  if (!(thrown instanceof Error)) return undefined;
  const { statusCode } = thrown as { statusCode?: unknown };
  const isFrameworks = thrown.name === "FastifyError" || thrown instanceof SyntaxError;
  return isFrameworks && typeof statusCode === "number" ? statusCode : undefined;
}
