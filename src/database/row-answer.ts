import { FindOperator, type FindOptionsWhere } from "typeorm";

/**
 * True if `row` is what was asked for. The database has compared already; this compares again in the process, because whoever owns the
 * database can give it another `=` (an operator of their own in front of `pg_catalog`), and a genuine row with a genuine HMAC would then
 * answer a question that it is no answer to: another person's session for any token [DR-15].
 * @throws Error for a kind of question that cannot be checked here.
 */
export function answersAny<R extends object>(row: R, where: FindOptionsWhere<R> | readonly FindOptionsWhere<R>[]): boolean {
  return Array.isArray(where)
    ? (where as readonly FindOptionsWhere<R>[]).some((one) => answers(row, one))
    : answers(row, where as FindOptionsWhere<R>);
}

function answers<R extends object>(row: R, where: FindOptionsWhere<R>): boolean {
  return Object.entries(where).every(([property, wanted]) => fits((row as Record<string, unknown>)[property], wanted));
}

function fits(value: unknown, wanted: unknown): boolean {
  if (wanted instanceof FindOperator) return fitsOperator(value, wanted as FindOperator<unknown>);
  if (Buffer.isBuffer(wanted)) return Buffer.isBuffer(value) && value.equals(wanted);
  if (wanted instanceof Date) return value instanceof Date && value.getTime() === wanted.getTime();
  return value === wanted;
}

function fitsOperator(value: unknown, operator: FindOperator<unknown>): boolean {
  switch (operator.type) {
    case "in":
      return (operator.value as readonly unknown[]).some((wanted) => fits(value, wanted));
    case "lessThanOrEqual":
      return value instanceof Date && operator.value instanceof Date && value <= operator.value;
    case "lessThan":
      return isNumeral(value) && isNumeral(operator.value) && BigInt(value) < BigInt(operator.value);
    case "isNull":
      return value === null;
    case "moreThan":
      if (operator.value instanceof Date) return value instanceof Date && value > operator.value;
      // Paging by id. The order is the database's collation; what is left out or doubled in a list decides nothing.
      return typeof value === "string";
    default:
      throw new Error("this question cannot be checked");
  }
}

/** A bigint column, as the driver gives it. */
function isNumeral(value: unknown): value is string {
  return typeof value === "string" && /^\d{1,19}$/.test(value);
}
