// Attacks on one deciding row, made by the database's owner, and the judgement of what came of them.
import { isRootkeepError } from "../../src/kernel/errors.js";
import { type IdKind, newId } from "../../src/kernel/ids.js";
import { type AttackTally, isFullRun } from "./attack-tally.js";
import type { Column, DatabaseOwner } from "./database-owner.js";
import type { Vault } from "./vault.js";

/** A row under attack. */
export interface Target {
  readonly kind: string;
  /** `schema.name`. */
  readonly table: string;
  readonly idKind: IdKind;
  readonly id: string;
  /** A row of the same kind that belongs to somebody else. */
  readonly otherId: string;
  /** Columns that say whose the row is: they are exchanged between the two rows. */
  readonly owners: readonly string[];
  /** Columns by which the service looks the row up; empty where it reads it by id. Without the row it finds nothing, and refuses. */
  readonly foundBy: readonly string[];
  /** Columns that decide nothing. */
  readonly undecided?: readonly string[];
}

interface Attack {
  readonly name: string;
  /** True where the row is no longer found by its search columns: then the refusal need not name it. */
  readonly hides: boolean;
  make(owner: DatabaseOwner): Promise<unknown>;
}

/** Another value of the column's type. */
function otherValue({ name, type }: Column, step: number): string {
  if (type === "bytea") return `coalesce(set_byte(${name}, ${String(step)}, get_byte(${name}, ${String(step)}) # 1), '\\x00')`;
  if (type === "boolean") return `coalesce(NOT ${name}, true)`;
  if (type === "bigint" || type === "integer") return `coalesce(${name} + ${String(step + 1)}, ${String(step + 1)})`;
  if (type.startsWith("timestamp")) return `coalesce(${name} + interval '${String(step + 1)} hours', clock_timestamp())`;
  return `coalesce(${name}, '') || '${"x".repeat(step + 1)}'`;
}

/** Every attack on `target`: each column edited, the row deleted, renamed, cloned, exchanged with another's. */
export async function attacksOn(owner: DatabaseOwner, target: Target): Promise<Attack[]> {
  const { table, id, otherId, foundBy } = target;
  const columns = (await owner.columns(table)).filter(({ name }) => name !== "id" && !(target.undecided ?? []).includes(name));
  const isFound = foundBy.length > 0;
  const attacks: Attack[] = [];
  for (const column of columns) {
    for (let step = 0; step < (isFullRun ? 4 : 1); step++) {
      attacks.push({
        name: `edited ${column.name} (${String(step)})`,
        hides: foundBy.includes(column.name),
        make: (by) => by.run(`UPDATE ${table} SET ${column.name} = ${otherValue(column, step)} WHERE id = $1`, [id]),
      });
    }
  }
  const exchange = (names: readonly string[]) => async (by: DatabaseOwner) => {
    const sets = names.map((name) => `${name} = o.${name}`).join(", ");
    await by.run(`UPDATE ${table} t SET ${sets} FROM ${table} o WHERE (t.id = $1 AND o.id = $2) OR (t.id = $2 AND o.id = $1)`, [
      id,
      otherId,
    ]);
  };
  const names = columns.map(({ name }) => name);
  const clone = (overrides: Readonly<Record<string, string>>) => async (by: DatabaseOwner) => {
    const values = names.map((name) => overrides[name] ?? name).join(", ");
    await by.run(`INSERT INTO ${table} (id, ${names.join(", ")}) SELECT $2, ${values} FROM ${table} WHERE id = $1`, [
      id,
      newId(target.idKind),
    ]);
  };
  attacks.push(
    { name: "deleted", hides: isFound, make: (by) => by.run(`DELETE FROM ${table} WHERE id = $1`, [id]) },
    { name: "renamed", hides: false, make: (by) => by.run(`UPDATE ${table} SET id = $2 WHERE id = $1`, [id, newId(target.idKind)]) },
    { name: "exchanged whole with another's", hides: isFound, make: exchange(names) },
    { name: "exchanged but for its HMAC", hides: isFound, make: exchange(names.filter((name) => name !== "mac" && name !== "seq")) },
    { name: "replaced by another's bytes", hides: isFound, make: overwrite(table, names, id, otherId) },
  );
  if (target.owners.length > 0) attacks.push({ name: "owners exchanged", hides: isFound, make: exchange(target.owners) });
  // Beside a row that is read by id a clone is nobody's business.
  if (isFound) attacks.push({ name: "cloned beside it", hides: false, make: clone({}) });
  return attacks;
}

function overwrite(table: string, names: readonly string[], id: string, otherId: string) {
  const sets = names.map((name) => `${name} = o.${name}`).join(", ");
  return (by: DatabaseOwner) => by.run(`UPDATE ${table} t SET ${sets} FROM ${table} o WHERE t.id = $1 AND o.id = $2`, [id, otherId]);
}

/** Makes every attack on every target, calls `use` after each, and puts all back. */
export async function attackAll(
  vault: Vault,
  owner: DatabaseOwner,
  targets: readonly Target[],
  use: () => Promise<unknown>,
  tally: AttackTally,
): Promise<void> {
  for (const target of targets) {
    const copy = await owner.copy(target.table);
    for (const attack of await attacksOn(owner, target)) {
      await attack.make(owner);
      try {
        tally.note(`${target.kind} ${attack.name}`, await judge(vault, owner, [target.table], use, attack.hides));
      } finally {
        await copy.putBack();
        await owner.run("DELETE FROM people.signin_failure");
      }
    }
  }
}

/**
 * Calls `use` after an attack on `tables`. Null when it was refused and, unless the row was only hidden, the refusal stands in the log and an alarm
 * went off; otherwise what was wrong.
 */
export async function judge(
  vault: Vault,
  owner: DatabaseOwner,
  tables: readonly string[],
  use: () => Promise<unknown>,
  mayBeSilent = false,
): Promise<string | null> {
  const alarms = vault.alarms.length;
  const entries = await refusals(owner);
  try {
    await use();
    return "was not refused";
  } catch (error) {
    if (!isRootkeepError(error) || error.code === "INTERNAL") return `ended with ${String(error)}`;
    if (error.code !== "ROW_REFUSED") return mayBeSilent ? null : `was refused as ${error.code}, not for the row`;
  }
  const alarm = vault.alarms.slice(alarms).find(({ kind }) => kind === "row-refused");
  if (alarm === undefined) return "raised no alarm";
  if (!tables.some((table) => alarm.what.startsWith(table.slice(table.indexOf(".") + 1)))) return `alarm names ${alarm.what}`;
  return (await refusals(owner)) > entries ? null : "is not in the log";
}

/** Entries of refused rows, counted in the entries' bytes. */
async function refusals(owner: DatabaseOwner): Promise<number> {
  const [row] = await owner.rows<{ count: string }>(
    `SELECT count(*) FROM audit.entry WHERE convert_from(entry, 'UTF8')::jsonb->>'action' = 'row.refused'`,
  );
  return Number(row?.count ?? 0);
}
