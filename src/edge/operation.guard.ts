import { type ExecutionContext, Injectable } from "@nestjs/common";
import { Reflector } from "@nestjs/core";
import { AuthGuard } from "@nestjs/passport";
import { RootkeepError } from "../kernel/errors.js";
import { type Access, type Operation, type Role, ruleOf } from "../kernel/operations.js";
import type { SignedIn } from "../people/sessions.service.js";
import { ANONYMOUS } from "../wire/caller.js";
import { OPERATION_KEY } from "../wire/operation.decorator.js";
import { BearerStrategy } from "./bearer-strategy.service.js";
import { FoundingState, TokenSource } from "./edge.port.js";
import type { EdgeRequest } from "./edge-request.js";
import { Refusals } from "./refusals.service.js";

/**
 * The first question to every call: which operation is it, who asks, and does the table of operations let them? It decides by role alone;
 * rights over one account, standing and approvals are decided again where the act happens, in its own transaction.
 */
@Injectable()
export class OperationGuard extends AuthGuard() {
  constructor(
    private readonly reflector: Reflector,
    private readonly founding: FoundingState,
    private readonly refusals: Refusals,
    private readonly tokens: TokenSource,
    strategy: BearerStrategy,
  ) {
    super({ defaultStrategy: strategy.key, session: false });
  }

  /** @throws RootkeepError `NOT_FOUNDED`, `UNAUTHENTICATED`, `FORBIDDEN`, `UNAVAILABLE` */
  override async canActivate(context: ExecutionContext): Promise<boolean> {
    const operation = this.reflector.get<Operation | undefined>(OPERATION_KEY, context.getHandler());
    // The boot check has refused such a route already; should one come up later, it answers nobody.
    if (operation === undefined) throw new Error("a route without an operation was called");
    const { access, beforeFounding } = ruleOf(operation);
    const request = context.switchToHttp().getRequest<EdgeRequest>();
    request.operation = operation;
    if (beforeFounding !== true && !(await this.founding.isFounded())) throw new RootkeepError("NOT_FOUNDED");
    if (access === "anyone") {
      // A token that comes along is not even looked at: such a call carries its own proof.
      request.caller = ANONYMOUS;
      return true;
    }
    await super.canActivate(context);
    if (isAllowed(access, request.roles ?? [])) {
      const { caller } = request;
      // Not in the deciding transaction, which waits for nobody: that one looks again whether the session was ended by it.
      if (ruleOf(operation).stepUp && caller?.type === "person") await this.tokens.assertStandsAtProvider(caller.sessionId);
      return true;
    }
    const refusal = new RootkeepError("FORBIDDEN");
    await this.refusals.record(request, refusal);
    throw refusal;
  }

  /**
   * What passport sees of the request: one header. Its bearer strategy would also take a token from the query or the body, and a token in
   * a URL ends up in somebody's access log (law L8).
   */
  override getRequest(context: ExecutionContext): { headers: { authorization: string | undefined } } {
    const { headers } = context.switchToHttp().getRequest<EdgeRequest>();
    return { headers: { authorization: headers.authorization } };
  }

  override handleRequest<TUser>(error: unknown, user: TUser | false | null, _info: unknown, context: ExecutionContext): TUser {
    if (error !== null && error !== undefined) throw error instanceof Error ? error : new Error("bearer strategy failed");
    if (user === null || user === false) throw new RootkeepError("UNAUTHENTICATED");
    const { personId, sessionId, roles } = user as SignedIn;
    const request = context.switchToHttp().getRequest<EdgeRequest>();
    request.caller = Object.freeze({ type: "person", personId, sessionId });
    request.roles = Object.freeze([...roles]);
    return user;
  }
}

function isAllowed(access: Exclude<Access, "anyone">, roles: readonly Role[]): boolean {
  return access === "person" || access.some((role) => roles.includes(role));
}
