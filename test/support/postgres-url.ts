import type { PgConnection } from "../../src/database/connection.js";

/** The `postgres://` URL of a connection over a Unix socket, as an operator writes it. */
export function databaseUrl({ host, port, database, user, password }: PgConnection): string {
  const word = password?.expose(encodeURIComponent) ?? "";
  return `postgres://${user}:${word}@/${database}?host=${encodeURIComponent(host)}&port=${String(port)}`;
}
