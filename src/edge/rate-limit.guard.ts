import { type CanActivate, type ExecutionContext, Injectable } from "@nestjs/common";
import { Reflector } from "@nestjs/core";
import { RootkeepError } from "../kernel/errors.js";
import { type Operation, ruleOf } from "../kernel/operations.js";
import { OPERATION_KEY } from "../wire/operation.decorator.js";
import type { EdgeRequest } from "./edge-request.js";
import { TokenBuckets } from "./rate-limit.js";

/**
 * Slows down those who are nobody yet: signing in, founding and invitations cost a slow hash each. Probes are left alone, because a load
 * balancer that cannot ask takes the service out.
 */
@Injectable()
export class RateLimitGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly buckets: TokenBuckets,
  ) {}

  /** @throws RootkeepError `RATE_LIMITED` with the seconds to wait. */
  canActivate(context: ExecutionContext): boolean {
    const operation = this.reflector.get<Operation | undefined>(OPERATION_KEY, context.getHandler());
    if (operation === undefined || operation.startsWith("sys.") || ruleOf(operation).access !== "anyone") return true;
    const request = context.switchToHttp().getRequest<EdgeRequest>();
    request.operation = operation;
    const wait = this.buckets.take(request.ip);
    if (wait > 0) throw new RootkeepError("RATE_LIMITED", { retryAfterSeconds: wait });
    return true;
  }
}
