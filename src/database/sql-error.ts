import { RootkeepError } from "../kernel/errors.js";

/** SQLSTATE of an error of PostgreSQL, or undefined for any other. TypeORM wraps it in `driverError`. */
export function sqlState(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  if ("driverError" in error) return sqlState(error.driverError);
  return "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** Name of the violated constraint, or undefined. */
export function violatedConstraint(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  if ("driverError" in error) return violatedConstraint(error.driverError);
  return "constraint" in error && typeof error.constraint === "string" ? error.constraint : undefined;
}

/** Serialisation failure and deadlock: the same work, done again, may pass. */
export function isRetryable(error: unknown): boolean {
  const state = sqlState(error);
  return state === "40001" || state === "40P01";
}

/**
 * The one translation of a database error for callers. Message, statement and parameters of the original stay out (law L8): only the
 * SQLSTATE and the constraint's name, both ours, go into `reason`.
 */
export function translateSqlError(error: unknown): RootkeepError {
  if (error instanceof RootkeepError) return error;
  const state = sqlState(error);
  const constraint = violatedConstraint(error);
  if (state === "23505") return new RootkeepError("ALREADY_EXISTS", { reason: `unique ${constraint ?? ""}` });
  if (state === undefined && error instanceof Error && !isConnectionError(error)) {
    return new RootkeepError("INTERNAL", { reason: error.name, cause: error });
  }
  if (state !== undefined && /^(22|23|42)/.test(state)) {
    return new RootkeepError("INTERNAL", { reason: `sql ${state} ${constraint ?? ""}` });
  }
  return new RootkeepError("UNAVAILABLE", { reason: `database ${state ?? "connection"}` });
}

function isConnectionError(error: Error): boolean {
  // TypeORM lets go of a connection that broke between two statements; the next statement hears only of that.
  if (error.name === "QueryRunnerAlreadyReleasedError") return true;
  return /connection|ECONN|ENOENT|EPIPE|timeout|terminat|socket|not queryable|Client has encountered/i.test(error.message);
}
