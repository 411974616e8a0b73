import { timingSafeEqual } from "node:crypto";
import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from "@nestjs/common";
import type { FastifyReply } from "fastify";
import { lastValueFrom, type Observable, of } from "rxjs";
import { encodeFields } from "../kernel/encoding.js";
import { ERRORS, type ErrorCode, isRootkeepError, RootkeepError } from "../kernel/errors.js";
import { ruleOf } from "../kernel/operations.js";
import { Log } from "../telemetry/log.service.js";
import { siteOf } from "../telemetry/site.js";
import { BodyHash } from "./edge.port.js";
import type { EdgeRequest } from "./edge-request.js";
import type { IdempotencyRecord } from "./idempotency.entity.js";
import { IdempotencyRecords, type IdempotencyScope } from "./idempotency.repository.js";

const KEY = /^[!-~]{1,128}$/;

/** Errors of the server's side that say for certain that nothing was done. After any other 5xx the effect is in doubt. */
const HARMLESS: ReadonlySet<ErrorCode> = new Set(["SEALED", "KEY_UNAVAILABLE", "TICKETS_UNAVAILABLE", "CLOCK_SKEW", "UNAVAILABLE"]);

/**
 * `Idempotency-Key` (design §9): a POST that comes twice with one key happens once. The key is reserved before the work, the record keeps
 * status, resource id and seq, and a repeat is answered from it. Where the operation releases a secret, nothing that it answered is kept:
 * a repeat is refused with the entry's seq, here, before any second factor is used up.
 */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  constructor(
    private readonly records: IdempotencyRecords,
    private readonly bodyHash: BodyHash,
    private readonly log: Log,
  ) {}

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const request = context.switchToHttp().getRequest<EdgeRequest>();
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    const scope = scopeOf(request);
    if (scope === undefined) return next.handle();
    const { releases } = ruleOf(scope.operation);
    const bodyMac = this.bodyHash.bodyHash(callBytes(request, releases));
    const earlier = await this.records.reserve(scope, bodyMac);
    if (earlier !== null) return of(repeated(earlier, bodyMac, releases, reply));
    let answer: unknown;
    try {
      answer = await lastValueFrom(next.handle(), { defaultValue: undefined });
    } catch (error) {
      await this.#keep(request, () => (isHarmless(error) ? this.records.release(scope) : this.records.doubt(scope)));
      throw error;
    }
    const finished = { status: reply.statusCode, resourceId: resourceIdOf(answer, request), seq: seqOf(answer) };
    await this.#keep(request, () => this.records.finish(scope, finished));
    return of(answer);
  }

  /** The act is done or undone whether or not its record can be kept; without one, a repeat finds the key reserved and is refused. */
  async #keep(request: EdgeRequest, write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      this.log.event("request.broken", { code: "UNAVAILABLE", operation: request.operation, site: siteOf(error) });
    }
  }
}

/**
 * The scope of the call's key, or undefined for a call without one.
 * @throws RootkeepError `MALFORMED`
 */
function scopeOf(request: EdgeRequest): IdempotencyScope | undefined {
  const key = request.headers["idempotency-key"];
  const { operation, caller } = request;
  if (request.method !== "POST" || key === undefined || operation === undefined) return undefined;
  if (typeof key !== "string" || !KEY.test(key)) {
    throw new RootkeepError("MALFORMED", { fields: [{ field: "Idempotency-Key", rule: "is 1 to 128 visible ASCII characters" }] });
  }
  return { caller: caller?.type === "person" ? caller.personId : "anonymous", operation, key };
}

/**
 * What two calls must share to be one call. For an operation that releases something that is the path alone: its body holds a second
 * factor, which a repeat cannot bring again.
 */
function callBytes(request: EdgeRequest, releases: boolean): Buffer {
  const { body, url } = request;
  const content = Buffer.isBuffer(body) ? body : JSON.stringify(body ?? null);
  return encodeFields(["rk-call-1", url, ...(releases ? [] : [content])]);
}

/** The answer to a repeated call. @throws RootkeepError where there is none to give. */
function repeated(record: IdempotencyRecord, bodyMac: Buffer, releases: boolean, reply: FastifyReply): unknown {
  if (!timingSafeEqual(record.bodyMac, bodyMac)) throw new RootkeepError("ALREADY_EXISTS");
  const seq = record.seq === null ? {} : { seq: Number(record.seq) };
  if (record.state === "RUNNING")
    throw new RootkeepError("STATE_CONFLICT", { facts: { rule: "the first call with this key has not ended" } });
  // In doubt, a value counts as seen.
  if (releases) throw new RootkeepError("ALREADY_RELEASED", { facts: seq });
  if (record.state === "DOUBT" || record.status === null) throw new RootkeepError("DEADLINE", { reason: "first call in doubt" });
  void reply.code(record.status).header("Idempotency-Replayed", "true");
  if (record.status === 204) return undefined;
  return { ...(record.resourceId === null ? {} : { id: record.resourceId }), ...seq };
}

function isHarmless(error: unknown): boolean {
  return isRootkeepError(error) && (ERRORS[error.code].http < 500 || HARMLESS.has(error.code));
}

/** The id of what the call made or changed: from the answer, else from the path. */
function resourceIdOf(answer: unknown, request: EdgeRequest): string | null {
  const { id, importId, personId } = (answer ?? {}) as Readonly<Record<string, unknown>>;
  const inPath = (request.params as Readonly<Record<string, unknown>> | undefined)?.["id"];
  const found = [id, importId, inPath, personId].find((value) => typeof value === "string" && value.length <= 64);
  return (found as string | undefined) ?? null;
}

function seqOf(answer: unknown): number | null {
  const { intentSeq, seq } = (answer ?? {}) as Readonly<Record<string, unknown>>;
  const found = intentSeq ?? seq;
  return typeof found === "number" && Number.isSafeInteger(found) && found >= 0 ? found : null;
}
