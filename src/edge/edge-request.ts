import type { FastifyRequest } from "fastify";
import type { ErrorCode } from "../kernel/errors.js";
import type { Operation, Role } from "../kernel/operations.js";
import type { Caller } from "../wire/caller.js";

/** A request, with what the edge has found out about it on its way in. Of all this, `caller` alone decides anything behind the edge. */
export interface EdgeRequest extends FastifyRequest {
  caller?: Caller;
  roles?: readonly Role[];
  requestId?: string;
  operation?: Operation;
  /** How the call was refused, for metrics; absent for a success. */
  problemCode?: ErrorCode;
}
