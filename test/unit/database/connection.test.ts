import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inspect } from "node:util";
import { parseDatabaseUrl } from "../../../src/database/connection.js";

describe("the database's URL", () => {
  const accepted = [
    {
      url: "postgres://u:p@db.example.com/vault",
      is: { host: "db.example.com", port: 5432, database: "vault", user: "u", tls: { verify: "full" } },
    },
    { url: "postgresql://u@127.0.0.1:6000/v", is: { host: "127.0.0.1", port: 6000, database: "v", user: "u" } },
    { url: "postgres://u@[::1]/v", is: { host: "::1", port: 5432, database: "v", user: "u" } },
    { url: "postgres://u@/v?host=/run/pg&port=7", is: { host: "/run/pg", port: 7, database: "v", user: "u" } },
    { url: "postgres://u@%2Frun%2Fpg/v", is: { host: "/run/pg", port: 5432, database: "v", user: "u" } },
    {
      url: "postgres://u%40x@h/v?sslmode=verify-ca&sslrootcert=/etc/ca.pem&sslcert=c.pem&sslkey=k.pem",
      is: {
        host: "h",
        port: 5432,
        database: "v",
        user: "u@x",
        tls: { verify: "ca", caFile: "/etc/ca.pem", certificateFile: "c.pem", keyFile: "k.pem" },
      },
    },
    { url: "postgres://u@h/v?sslmode=disable", is: { host: "h", port: 5432, database: "v", user: "u" } },
  ];
  for (const { url, is } of accepted) {
    it(`reads ${url}`, () => {
      const { password, ...rest } = parseDatabaseUrl(url);
      assert.deepEqual(rest, is);
      assert.equal(
        password?.expose((text) => text),
        url.includes(":p@") ? "p" : undefined,
      );
    });
  }

  const refused = [
    "mysql://u:hunter2@h/v",
    "postgres://:hunter2@h/v",
    "postgres://u:hunter2@h/",
    "postgres://u:hunter2@/v",
    "postgres://u:hunter2@a,b/v",
    "postgres://u:hunter2@h:99999/v",
    "postgres://u:hunter2@h/v?sslmode=require",
    "postgres://u:hunter2@h/v?sslmode=prefer",
    "postgres://u:hunter2@h/v?sslcert=c.pem",
    "postgres://u:hunter2@h/v?options=-c%20x",
    "postgres://u:hunter2#x@h/v",
    "postgres://u:%zzhunter2@h/v",
    "postgres://u:hunter2?x=y@h/v",
    "hunter2",
  ];
  for (const url of refused) {
    it(`refuses ${url} without quoting it`, () => {
      assert.throws(
        () => parseDatabaseUrl(url),
        (error) =>
          error instanceof Error && error.message.startsWith("DATABASE_URL: ") && !inspect(error, { showHidden: true }).includes("hunter2"),
      );
    });
  }

  it("hides the password from whoever prints the connection", () => {
    const connection = parseDatabaseUrl("postgres://u:hunter2@h/v");
    assert.equal((inspect(connection) + JSON.stringify(connection)).includes("hunter2"), false);
  });
});
