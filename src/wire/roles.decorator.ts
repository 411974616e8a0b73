import type { ExecutionContext } from "@nestjs/common";
import { createParamDecorator } from "@nestjs/common";
import type { Role } from "../kernel/operations.js";

/** The caller's roles, as the guard found them in the allowlist; none for an anonymous caller. To be shown, not to decide by. */
export const CurrentRoles = createParamDecorator((_: unknown, context: ExecutionContext): readonly Role[] => {
  return context.switchToHttp().getRequest<{ readonly roles?: readonly Role[] }>().roles ?? [];
});
