import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Client } from "pg";
import { MIGRATIONS } from "../../../migrations/index.js";
import { newId } from "../../../src/kernel/ids.js";
import { createTestDatabase, type TestDatabase, withClient } from "../../support/postgres.js";

// real: PostgreSQL, the migrations, the roles. double: the rows' HMACs, which the constraints do not look at.
const MAC = Buffer.alloc(32);
const STEPS = ["apply", "doubt", "abandon"] as const;
const STATES = ["APPLYING", "ACTIVE", "SUPERSEDED", "DESTROYED", "AMBIGUOUS", "ABANDONED", "COMPROMISED"];

const sqlState = (error: unknown): unknown => (error as { code?: unknown }).code;
const refusedWith = (code: string) => (error: unknown) => sqlState(error) === code;

describe("versions of a secret in the table", () => {
  let database: TestDatabase;
  before(async () => {
    database = await createTestDatabase({ migrations: MIGRATIONS });
  });
  after(() => database.drop());

  const asService = <T>(use: (client: Client) => Promise<T>): Promise<T> => withClient(database.connections.rootkeep_service, use);
  const asOwner = <T>(use: (client: Client) => Promise<T>): Promise<T> => withClient(database.connections.rootkeep_migrate, use);

  async function newSecret(client: Client): Promise<string> {
    const [account, secret] = [newId("account"), newId("secret")];
    const awsId = String(100_000_000_000 + Math.floor(Math.random() * 899_999_999_999));
    await client.query(
      `INSERT INTO accounts.account (id, aws_id, partition, kind, customer, tags, root_email, state, created_at, seq, mac)
       VALUES ($1, $2, 'aws', 'member', 'Northwind', '{}', 'root@example.com', 'assuming', clock_timestamp(), 1, $3)`,
      [account, awsId, MAC],
    );
    await client.query(
      "INSERT INTO secrets.secret (id, account_id, kind, created_at, seq, mac) VALUES ($1, $2, 'root-password', clock_timestamp(), 1, $3)",
      [secret, account, MAC],
    );
    return secret;
  }

  async function addVersion(client: Client, secret: string, number: number, state = "STAGED"): Promise<string> {
    const id = newId("version");
    await client.query(
      `INSERT INTO secrets.secret_version (id, secret_id, number, state, exposure, data_key_id, sealed_sha256, created_at, seq, mac)
       VALUES ($1, $2, $3, $4, 'CLEAN', 'dk', $5, clock_timestamp(), 1, $5)`,
      [id, secret, number, state, MAC],
    );
    return id;
  }

  const activate = async (client: Client, version: string, evidence: string): Promise<unknown> =>
    (await client.query<{ old: unknown }>("SELECT secrets.activate($1, $2) AS old", [version, evidence])).rows[0]?.old;
  const stateOf = async (client: Client, version: string): Promise<unknown> =>
    (await client.query<{ state: string }>("SELECT state FROM secrets.secret_version WHERE id = $1", [version])).rows[0]?.state;

  const step = async (client: Client, name: (typeof STEPS)[number], version: string): Promise<unknown> =>
    await client.query(`SELECT secrets.${name}($1)`, [version]);
  /** Read back, shown, and nobody knows whether it works. */
  const shown = async (client: Client, version: string): Promise<void> => {
    await client.query("UPDATE secrets.secret_version SET ready = true WHERE id = $1", [version]);
    await step(client, "apply", version);
    await step(client, "doubt", version);
  };

  /** A version in this state, as rotations lead to it. */
  async function inState(client: Client, state: string): Promise<string> {
    const secret = await newSecret(client);
    const first = await addVersion(client, secret, 1);
    if (state === "ACTIVE" || state === "SUPERSEDED") await activate(client, first, "");
    if (state === "SUPERSEDED") {
      const second = await addVersion(client, secret, 2);
      await shown(client, second);
      await activate(client, second, "evd");
    }
    await client.query("UPDATE secrets.secret_version SET ready = true WHERE id = $1", [first]);
    if (["APPLYING", "AMBIGUOUS", "ABANDONED"].includes(state)) await step(client, "apply", first);
    if (["AMBIGUOUS", "ABANDONED"].includes(state)) await step(client, "doubt", first);
    if (state === "ABANDONED") await step(client, "abandon", first);
    assert.equal(await stateOf(client, first), state);
    return first;
  }

  it("are born STAGED, whatever the statement says, also for the owner [VS-2]", async () => {
    for (const as of [asService, asOwner]) {
      await as(async (client) => {
        const secret = await newSecret(client);
        for (const state of STATES) await assert.rejects(addVersion(client, secret, 1, state), refusedWith("23514"), state);
      });
    }
  });

  it("never get a state from the service but through the function [VS-3]", async () => {
    await asService(async (client) => {
      const version = await addVersion(client, await newSecret(client), 1);
      for (const state of STATES) {
        await assert.rejects(
          client.query("UPDATE secrets.secret_version SET state = $2 WHERE id = $1", [version, state]),
          refusedWith("42501"),
        );
      }
      assert.equal(await activate(client, version, ""), null);
      assert.equal(await stateOf(client, version), "ACTIVE");
    });
  });

  it("keep what they are bound to: secret, number, key and bytes are not the service's to change [VS-3]", async () => {
    await asService(async (client) => {
      const version = await addVersion(client, await newSecret(client), 1);
      for (const column of ["secret_id", "number", "data_key_id", "sealed_sha256", "created_at", "id"]) {
        const change = client.query(`UPDATE secrets.secret_version SET ${column} = ${column} WHERE id = $1`, [version]);
        await assert.rejects(change, refusedWith("42501"), column);
      }
    });
  });

  it("are one candidate at a time [VS-4]", async () => {
    await asService(async (client) => {
      const secret = await newSecret(client);
      await addVersion(client, secret, 1);
      await assert.rejects(addVersion(client, secret, 2), refusedWith("23505"));
    });
  });

  it("are one ACTIVE at a time, even where somebody gets past the function [VS-4]", async () => {
    await asOwner(async (client) => {
      const secret = await newSecret(client);
      await activate(client, await addVersion(client, secret, 1), "");
      const second = await addVersion(client, secret, 2);
      await assert.rejects(
        client.query("UPDATE secrets.secret_version SET state = 'ACTIVE' WHERE id = $1", [second]),
        refusedWith("23505"),
      );
    });
  });

  it("succeed one another in one statement, after the successor was shown, and only with evidence [VS-5]", async () => {
    await asService(async (client) => {
      const secret = await newSecret(client);
      const first = await addVersion(client, secret, 1);
      await activate(client, first, "");
      const second = await addVersion(client, secret, 2);
      for (const evidence of ["", "evd"]) await assert.rejects(activate(client, second, evidence), refusedWith("23514"));
      await shown(client, second);
      await assert.rejects(activate(client, second, ""), refusedWith("23514"));
      assert.equal(await stateOf(client, first), "ACTIVE");
      assert.equal(await activate(client, second, "evd"), first);
      assert.deepEqual([await stateOf(client, first), await stateOf(client, second)], ["SUPERSEDED", "ACTIVE"]);
    });
  });

  it("take the steps that the functions know, and no others [VS-13]", async () => {
    const allowed: Record<string, readonly string[]> = {
      STAGED: ["apply", "doubt", "abandon"],
      APPLYING: ["doubt"],
      AMBIGUOUS: ["abandon"],
      ABANDONED: ["doubt"],
      ACTIVE: [],
      SUPERSEDED: [],
    };
    await asService(async (client) => {
      for (const [state, steps] of Object.entries(allowed)) {
        for (const name of STEPS) {
          const version = await inState(client, state);
          const taken = step(client, name, version);
          if (steps.includes(name)) await taken;
          else await assert.rejects(taken, refusedWith("23514"), `${name} of ${state}`);
        }
      }
    });
  });

  it("are neither shown nor in doubt before they were read back, not even by the function [VS-10]", async () => {
    await asService(async (client) => {
      for (const name of ["apply", "doubt"] as const) {
        const version = await addVersion(client, await newSecret(client), 1);
        await assert.rejects(step(client, name, version), refusedWith("23514"), name);
      }
    });
  });

  it("that were given up come back into doubt only while nothing newer has taken their place [VS-12]", async () => {
    await asService(async (client) => {
      const secret = await newSecret(client);
      await activate(client, await addVersion(client, secret, 1), "");
      const second = await addVersion(client, secret, 2);
      await shown(client, second);
      await step(client, "abandon", second);
      const third = await addVersion(client, secret, 3);
      await assert.rejects(step(client, "doubt", second), refusedWith("23514"));
      await shown(client, third);
      await activate(client, third, "evd");
      await assert.rejects(step(client, "doubt", second), refusedWith("23514"));
    });
  });

  it("that were superseded do not come back [VS-5]", async () => {
    await asService(async (client) => {
      const secret = await newSecret(client);
      const first = await addVersion(client, secret, 1);
      await activate(client, first, "");
      const second = await addVersion(client, secret, 2);
      await shown(client, second);
      await activate(client, second, "evd");
      await assert.rejects(activate(client, first, "evd"), refusedWith("23514"));
    });
  });

  it("and their sealed bytes are neither changed nor removed, also not by the owner [VS-6]", async () => {
    await asOwner(async (client) => {
      const version = await addVersion(client, await newSecret(client), 1);
      await client.query("INSERT INTO secrets.sealed_value (version_id, sealed) VALUES ($1, $2)", [version, Buffer.alloc(100)]);
      for (const statement of [
        "UPDATE secrets.sealed_value SET sealed = sealed || '\\x00'",
        "DELETE FROM secrets.sealed_value",
        "TRUNCATE secrets.sealed_value",
        "DELETE FROM secrets.secret_version",
      ]) {
        await assert.rejects(client.query(statement), refusedWith("42501"), statement);
      }
    });
  });
});
