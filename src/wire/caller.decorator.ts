import type { ExecutionContext } from "@nestjs/common";
import { createParamDecorator } from "@nestjs/common";
import { RootkeepError } from "../kernel/errors.js";
import type { CalledRequest, Caller, PersonCaller } from "./caller.js";

function callerOf(context: ExecutionContext): Caller {
  const { caller } = context.switchToHttp().getRequest<CalledRequest>();
  // The guard sets a caller on every request, also an anonymous one. None means that the guard did not run, and then nobody is let in.
  if (caller === undefined) throw new Error("the request passed no guard");
  return caller;
}

/** The caller of the request, a person or nobody. */
export const CurrentCaller = createParamDecorator((_: unknown, context: ExecutionContext): Caller => callerOf(context));

/** The person who calls; `UNAUTHENTICATED` for anybody else, should the rule of the operation have let them this far. */
export const CurrentPerson = createParamDecorator((_: unknown, context: ExecutionContext): PersonCaller => {
  const caller = callerOf(context);
  if (caller.type !== "person") throw new RootkeepError("UNAUTHENTICATED");
  return caller;
});
