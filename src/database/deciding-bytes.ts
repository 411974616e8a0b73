import { encodeFields } from "../kernel/encoding.js";

/** A column's value as TypeORM hands it over. */
export type ColumnValue = string | number | boolean | Date | Buffer | null;

/** Format label of the bytes; a change of the form changes the label. */
const LABEL = "rk-row-1";

/**
 * The bytes that a deciding row's HMAC covers: label, table, then name and value of every deciding column, in the order of their names.
 * The encoding is injective, and every value is marked with its type, so no two rows share their bytes (docs/spec/deciding-row.md).
 */
export function decidingBytes(table: string, columns: ReadonlyMap<string, ColumnValue>): Buffer {
  const fields = [LABEL, table];
  for (const name of [...columns.keys()].sort()) fields.push(name, columnText(columns.get(name) ?? null));
  return encodeFields(fields);
}

function columnText(value: ColumnValue): string {
  if (value === null) return "-";
  if (typeof value === "string") return `s${value}`;
  if (typeof value === "number") return `n${String(value)}`;
  if (typeof value === "boolean") return value ? "b1" : "b0";
  if (value instanceof Date) return `t${value.toISOString()}`;
  return `x${value.toString("hex")}`;
}
