/** The three triggers by which a table of the log refuses what must not happen to it: `audit-log.md` §2.5. */
export const GUARD_TRIGGERS = {
  no_mutation: { event: "UPDATE OR DELETE", level: "ROW" },
  no_removal: { event: "DELETE", level: "ROW" },
  no_truncate: { event: "TRUNCATE", level: "STATEMENT" },
} as const;

export type GuardTrigger = keyof typeof GUARD_TRIGGERS;

/** What one role may do to the log, and no more. */
export interface RoleExpectation {
  /** Who it is, in failures: `the service's role`. */
  readonly who: string;
  /** Privileges that it may hold on tables of the log, as `table:PRIVILEGE`. */
  readonly privileges: readonly string[];
  /** Functions of the log that it may call, by signature. */
  readonly calls: readonly string[];
  /** Whether it may write anything beside the log. */
  readonly mayWriteElsewhere: boolean;
}

/** What schema `audit` must look like. It is complete: a table or a privileged function that is not named here is a failure. */
export interface AuditExpectation {
  /** Each table of the schema and the triggers it must have. */
  readonly tables: Readonly<Record<string, readonly GuardTrigger[]>>;
  /**
   * Signature, such as `append(bigint, uuid[], bytea[], bytea[])`, to the lower-case hex MD5 of the source as PostgreSQL stores it. Holds
   * every security-definer function and the triggers' function. MD5 is what the server computes; it is there to notice a replaced
   * function, and whoever can replace one could also lie about a better hash.
   */
  readonly functions: Readonly<Record<string, string>>;
  /** Those of {@link functions} that run with their caller's rights; all others are security definers. */
  readonly invokers: readonly string[];
  /** Settings that a function has beside its search path, as `name=value`, by signature. */
  readonly settings: Readonly<Record<string, readonly string[]>>;
  /** Columns, constraints and indexes of the tables, as PostgreSQL writes them, each with its table in front; any order. */
  readonly shape: readonly string[];
}

/** With a caller's search path, a caller's table of the same name would be the one that the owner writes. */
const SEARCH_PATH = "search_path=pg_catalog, pg_temp";

/** Table privileges that can change a table, or put something into its way. */
export const WRITING_PRIVILEGES = ["INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"] as const;

/** One row of each of the questions in `safety.service.ts`. */
export interface SettingsRow {
  readonly version: number;
  readonly fsync: string;
  readonly full_page_writes: string;
  readonly synchronous_commit: string;
  readonly data_checksums: string;
  readonly replication_role: string;
}

export interface RoleRow {
  readonly name: string;
  readonly is_self: boolean;
  readonly is_session: boolean;
  readonly attributes: readonly string[];
  readonly is_predefined: boolean;
  readonly owned: number;
  /** Tables that it may write; of the role itself those of the log are left out, which are asked about one by one. */
  readonly writable: readonly string[];
  /** Functions of the owner's, outside the log, that run with the owner's rights and that it may call. */
  readonly callable: readonly string[];
}

export interface TriggerRow {
  readonly table: string;
  readonly trigger: string;
  readonly enabled: string;
  readonly event: string;
  readonly is_plain: boolean;
  readonly function: string;
}

export interface FunctionRow {
  readonly signature: string;
  readonly owner: string;
  readonly is_definer: boolean;
  readonly is_callable: boolean;
  /** A volatile function that takes every call: a stable one would read the head as it was before the lock was granted. */
  readonly is_plain: boolean;
  readonly md5: string;
  readonly settings: readonly string[];
}

/** Failures of the server's settings; see `audit-log.md` §2.5, boot checks. */
export function checkSettings(row: SettingsRow): readonly string[] {
  return [
    ...(row.version >= 160_000 ? [] : ["PostgreSQL is older than 16"]),
    ...(row.fsync === "on" ? [] : ["fsync is off"]),
    ...(row.full_page_writes === "on" ? [] : ["full_page_writes is off"]),
    ...(["on", "remote_apply"].includes(row.synchronous_commit) ? [] : [`synchronous_commit is ${row.synchronous_commit}`]),
    // With "replica" only triggers of mode ALWAYS fire, and foreign keys are not checked.
    ...(row.replication_role === "origin" ? [] : [`session_replication_role is ${row.replication_role}`]),
  ];
}

/** Failures of a role and of every role whose rights it has or can take. */
export function checkRole(row: RoleRow, { who: self, mayWriteElsewhere }: RoleExpectation): readonly string[] {
  const who = row.is_self ? self : `${self} is a member of ${row.name}, which`;
  const failures = row.attributes.map((attribute) => `${who} has ${attribute}`);
  if (row.is_self && !row.is_session) failures.push("the session signed in as another role than the one it uses");
  // pg_write_all_data, pg_execute_server_program, pg_read_server_files: each is a way round every grant.
  if (row.is_predefined) failures.push(`${who} is predefined and reaches past grants`);
  if (row.owned > 0) failures.push(`${who} owns ${row.owned} objects`);
  if (row.is_self && mayWriteElsewhere) return failures;
  if (row.writable.length > 0) failures.push(`${who} may write ${row.writable.join(", ")}`);
  if (row.callable.length > 0) failures.push(`${who} may call ${row.callable.join(", ")}`);
  return failures;
}

/** Failures of the triggers: each expected one fires always, before, on the right event, without a condition, and calls a known function. */
export function checkTriggers(rows: readonly TriggerRow[], tables: readonly string[], expected: AuditExpectation): readonly string[] {
  const known = Object.keys(expected.tables);
  const failures = [
    ...known.filter((table) => !tables.includes(table)).map((table) => `audit.${table} is missing`),
    ...tables.filter((table) => !known.includes(table)).map((table) => `audit.${table} is not known`),
  ];
  for (const [table, triggers] of Object.entries(expected.tables)) {
    for (const trigger of triggers) {
      const found = rows.find((row) => row.table === table && row.trigger === trigger);
      const failure = found === undefined ? "is missing" : checkTrigger(found, trigger, expected);
      if (failure !== undefined) failures.push(`trigger ${trigger} of audit.${table} ${failure}`);
    }
  }
  for (const { table, trigger } of rows) {
    const isKnown = known.includes(table) && expected.tables[table]?.some((name) => name === trigger) === true;
    // One that fires before an insert could change or drop the row.
    if (!isKnown) failures.push(`audit.${table} has a trigger that is not known: ${trigger}`);
  }
  return failures;
}

function checkTrigger(found: TriggerRow, trigger: GuardTrigger, expected: AuditExpectation): string | undefined {
  const { event, level } = GUARD_TRIGGERS[trigger];
  if (found.enabled !== "A") return "is not enabled ALWAYS";
  if (!found.is_plain || found.event !== `BEFORE ${event} ${level}`) return "is another";
  if (!Object.hasOwn(expected.functions, found.function)) return "calls another function";
  return undefined;
}

/** Failures of the functions: each expected one is there, unchanged, the owner's; no other runs with the owner's rights or may be called. */
export function checkFunctions(
  rows: readonly FunctionRow[],
  owner: string,
  expected: AuditExpectation,
  role: RoleExpectation,
): readonly string[] {
  const failures: string[] = [];
  for (const signature of Object.keys(expected.functions)) {
    const found = rows.find((row) => row.signature === signature);
    const failure = found === undefined ? "is missing" : checkFunction(found, owner, expected);
    if (failure !== undefined) failures.push(`function audit.${signature} ${failure}`);
  }
  for (const row of rows) {
    if (row.is_definer && !Object.hasOwn(expected.functions, row.signature)) failures.push(`function audit.${row.signature} is not known`);
    if (row.is_callable && !role.calls.includes(row.signature)) failures.push(`${role.who} may call audit.${row.signature}`);
  }
  return failures;
}

function checkFunction(found: FunctionRow, owner: string, expected: AuditExpectation): string | undefined {
  const { signature } = found;
  if (found.md5 !== expected.functions[signature]) return "is not the one of this build";
  if (found.owner !== owner) return `does not belong to ${owner}`;
  const isDefiner = !expected.invokers.includes(signature);
  if (found.is_definer !== isDefiner) return isDefiner ? "no longer runs with its owner's rights" : "runs with its owner's rights";
  if (!found.settings.includes(SEARCH_PATH)) return "takes its caller's search_path";
  // One that sets synchronous_commit for itself would find it on, whatever the transaction will commit with.
  const settings = [SEARCH_PATH, ...(expected.settings[signature] ?? [])];
  if (found.settings.length !== settings.length || !settings.every((setting) => found.settings.includes(setting)))
    return "has other settings";
  return found.is_plain ? undefined : "is called in another way";
}

/**
 * Failures of columns, constraints, indexes and row security. A constraint that is gone lets in what the functions rely on it to keep out (an
 * event id twice); a row policy hides from a reader what is there.
 */
export function checkShape(found: readonly string[], { shape }: AuditExpectation): readonly string[] {
  return [
    ...shape.filter((line) => !found.includes(line)).map((line) => `schema audit lacks ${line}`),
    ...found.filter((line) => !shape.includes(line)).map((line) => `schema audit has what is not known: ${line}`),
  ];
}

/** What is unwise and no reason to stop. */
export function settingsWarnings(row: SettingsRow): readonly string[] {
  return row.data_checksums === "on" ? [] : ["data_checksums is off: a bit that flips on the disk is noticed late"];
}
