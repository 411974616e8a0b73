/** A migration class, as `migrations/index.ts` lists it. Its name ends in 13 digits: milliseconds, by which TypeORM orders. */
export type MigrationClass = new () => {
  up(runner: never): Promise<unknown>;
  down(runner: never): Promise<unknown>;
};

/**
 * Checks what TypeORM does not: it sorts silently, runs a late arrival silently, and takes a name that it can somehow read a number from.
 * @throws Error naming the migration: a mistake of ours, found before anything runs.
 */
export function assertMigrationList(migrations: readonly MigrationClass[]): void {
  let last = 0;
  for (const { name } of migrations) {
    const digits = /^[A-Z][A-Za-z]*([0-9]{13})$/.exec(name)?.[1];
    if (digits === undefined) throw new Error(`migration ${name}: the name is a verb phrase followed by 13 digits`);
    if (Number(digits) <= last) throw new Error(`migration ${name}: is not newer than the one before it`);
    last = Number(digits);
  }
}

/** How a database stands to this build. */
export interface MigrationStanding {
  readonly pending: readonly string[];
  /** Applied there and unknown here: the schema is newer than this build. */
  readonly unknown: readonly string[];
  /** Known and not applied, though newer ones are: it arrived late, and the schema it was written for has gone. */
  readonly late: readonly string[];
}

/** Compares the names that a database has applied with those that this build knows, both in order. */
export function compareMigrations(known: readonly string[], applied: readonly string[]): MigrationStanding {
  const pending = known.filter((name) => !applied.includes(name));
  const newestApplied = Math.max(-1, ...applied.map((name) => known.indexOf(name)));
  return {
    pending,
    unknown: applied.filter((name) => !known.includes(name)),
    late: pending.filter((name) => known.indexOf(name) < newestApplied),
  };
}
