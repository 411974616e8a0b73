import "reflect-metadata";
import { readFileSync } from "node:fs";
import type { ConnectionOptions, TlsOptions } from "node:tls";
import { Client, type ClientConfig } from "pg";
import { DataSource, type DataSourceOptions, type EntitySchema, type Logger, type MixedList, type QueryRunner } from "typeorm";
import { LIMITS } from "../kernel/limits.js";
import type { PgConnection, PgTls } from "./connection.js";
import { redactQueryError } from "./redact-query-error.js";

/**
 * For the service's connections: settings that a default of the database or the role must not overrule. The search path begins with
 * PostgreSQL's own catalogue, so that nobody's operator or function stands in front of it. (Who creates tables needs another.) The
 * isolation level is the one that row locks and the audit lock are made for; a transaction that wants a snapshot says so.
 *
 * With `pipeline` a statement may be sent before the one in front of it has answered. A server that went silent is given up, and the
 * connection with it, a little later than the server itself would have given up the statement.
 */
export const SERVICE_SESSION = {
  options: "-c search_path=pg_catalog,public -c default_transaction_isolation=read\\ committed",
  pipeline: true,
  query_timeout: LIMITS.statementTimeoutMs + 2_000,
} as const;

const CONNECT_TIMEOUT_MS = 5_000;

/** What a {@link createDataSource} needs besides the connection. */
export interface DataSourceSettings {
  readonly entities: MixedList<(new () => object) | EntitySchema>;
  /** Connections at most; each is a server process. */
  readonly poolSize: number;
  /** What the server's activity view shows; `rootkeep` unless told. */
  readonly applicationName?: string;
  /** Migration classes; for the migrator alone. */
  readonly migrations?: readonly (new () => object)[];
}

/**
 * Options for `pg.Client` and `pg.Pool`. Every field that pg would otherwise take from `PG…` variables or a password file is set, so that
 * the environment cannot redirect a connection or switch its TLS off. The password is a function: printing the options shows none.
 * @throws Error when a TLS file cannot be read.
 */
export function clientOptions(connection: PgConnection, applicationName = "rootkeep"): ClientConfig {
  const { host, port, database, user, password, tls } = connection;
  return {
    host,
    port,
    database,
    user,
    password: () => password?.expose((text) => text) ?? "",
    ssl: tls === undefined ? false : tlsOptions(host, tls),
    application_name: applicationName,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  };
}

/**
 * A TypeORM data source for the service or the migrator, not yet initialised. It never synchronises a schema, prints nothing and takes the
 * values out of every query error before anyone can print it (law L8).
 */
export function createDataSource(connection: PgConnection, settings: DataSourceSettings): DataSource {
  const { host, port, database, user, password, ssl, application_name, connectionTimeoutMillis } = clientOptions(
    connection,
    settings.applicationName,
  );
  const options: DataSourceOptions = {
    type: "postgres",
    host: host ?? connection.host,
    port: port ?? connection.port,
    database: database ?? connection.database,
    username: user ?? connection.user,
    password: password as () => string,
    ssl: ssl as boolean | TlsOptions,
    applicationName: application_name ?? "rootkeep",
    connectTimeoutMS: connectionTimeoutMillis ?? CONNECT_TIMEOUT_MS,
    poolSize: settings.poolSize,
    entities: settings.entities as never,
    migrations: [...(settings.migrations ?? [])],
    migrationsTableName: "migration",
    migrationsRun: false,
    synchronize: false,
    dropSchema: false,
    // TypeORM's own installing of extensions needs rights that no role of ours has.
    installExtensions: false,
    logging: false,
    logger: new SilentLogger(),
    // A connection that dies while idle is the next caller's error, not a line of somebody else's log.
    poolErrorHandler: () => undefined,
    extra: { Client: SteadyClient, ...(settings.migrations === undefined ? SERVICE_SESSION : {}) },
  };
  return new QuietDataSource(options);
}

/**
 * A client whose connection may be lost at any moment without ending the program. Pools and their users listen for errors too, but not
 * between the moment in which a connection is made and the one in which it is handed over: a server that dismisses it right then would
 * raise an error that nobody hears. What was being asked fails all the same, and its caller hears of it.
 */
export class SteadyClient extends Client {
  constructor(options?: string | ClientConfig) {
    super(options);
    this.on("error", () => undefined);
  }
}

/** TypeORM's loggers print parameters on errors even where query logging is off; this one has nothing to print with. */
class SilentLogger implements Logger {
  logQuery(): void {}
  logQueryError(): void {}
  logQuerySlow(): void {}
  logSchemaBuild(): void {}
  logMigration(): void {}
  log(): void {}
}

/** Everything that TypeORM sends goes through a query runner, so this is the one place where its errors can be relieved of values. */
class QuietDataSource extends DataSource {
  override createQueryRunner(mode?: "master" | "slave"): QueryRunner {
    const runner = super.createQueryRunner(mode);
    const query = runner.query.bind(runner) as (...parts: unknown[]) => Promise<unknown>;
    const quiet = async (...parts: unknown[]): Promise<unknown> => {
      try {
        return await query(...parts);
      } catch (error) {
        throw redactQueryError(error);
      }
    };
    return Object.assign(runner, { query: quiet });
  }
}

function tlsOptions(host: string, tls: PgTls): ConnectionOptions {
  return {
    rejectUnauthorized: true,
    minVersion: "TLSv1.2",
    ...(tls.caFile === undefined ? {} : { ca: readFileSync(tls.caFile, "utf8") }),
    ...(tls.certificateFile === undefined ? {} : { cert: readFileSync(tls.certificateFile, "utf8") }),
    ...(tls.keyFile === undefined ? {} : { key: readFileSync(tls.keyFile, "utf8") }),
    // `verify-ca` checks the chain and not the name, for servers that are reached by an address that their certificate does not hold.
    // Else the name is `host`: pg names it only where it is no address, and a certificate would be checked against "localhost".
    ...(tls.verify === "ca" ? { checkServerIdentity: () => undefined } : { host }),
  };
}
