import { SetMetadata } from "@nestjs/common";
import type { Operation as OperationName } from "../kernel/operations.js";

/** Metadata key under which a route's operation stands; the edge's guard and the boot check read it. */
export const OPERATION_KEY = "rootkeep:operation";

/** Names the operation that a route performs. A route without this mark does not boot (design §9). */
export const Operation = (operation: OperationName): MethodDecorator => SetMetadata(OPERATION_KEY, operation);
