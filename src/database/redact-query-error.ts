import { sqlState } from "./sql-error.js";

// What PostgreSQL and TypeORM hang on an error besides its code: row contents ("Failing row contains …", "Key (email)=(…)"), parameters,
// and the source of a function with its arguments. All of it would reach whatever prints the error (law L8).
const LEAKY = ["detail", "where", "hint", "internalQuery", "parameters", "query"] as const;

// SQLSTATEs whose messages name only objects and conditions: lost connections, constraints, conflicts, limits, states, our own RAISE,
// missing privileges, tables and columns. Every other message may quote its input ("invalid input syntax for type integer: …").
const HARMLESS = /^(08|23|40|53|55|57)|^(P0001|42501|42P01|42703)$/;

/**
 * Takes from a database error everything that may quote a value, in place, and returns it. SQLSTATE, constraint, table and column stay;
 * a message that may quote its input becomes the SQLSTATE alone.
 */
export function redactQueryError<E>(error: E): E {
  if (!(error instanceof Error)) return error;
  for (const name of LEAKY) if (name in error) Reflect.set(error, name, undefined);
  const code = sqlState(error);
  if (code !== undefined && /^[0-9A-Z]{5}$/.test(code) && !HARMLESS.test(code)) {
    // The stack begins with a copy of the message.
    if (error.stack !== undefined) error.stack = error.stack.replaceAll(error.message, `SQLSTATE ${code}`);
    error.message = `SQLSTATE ${code}`;
  }
  if ("driverError" in error) redactQueryError(error.driverError);
  return error;
}
