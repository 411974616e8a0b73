import assert from "node:assert/strict";
import { type AddressInfo, createConnection, createServer, type Socket } from "node:net";
import { afterEach, describe, it } from "node:test";
import { Leadership, type Turn } from "../../../src/audit/leadership.service.js";
import { connectLog } from "../../../src/audit/log-connection.service.js";
import type { PgConnection } from "../../../src/database/connection.js";
import { DATABASE_ROLES, type DatabaseRole } from "../../../src/database/roles.js";
import { withClient } from "../../support/postgres.js";
import { SigningLog } from "../../support/signing-log.js";

// real: PostgreSQL, every role, signers. double: guard and key, in memory; the network, which can fall silent.

const TURNS = ["append_turn", "signer_turn", "stream_file_turn", "stream_syslog_turn", "stream_webhook_turn"] as const;
const MAY: Readonly<Record<Exclude<DatabaseRole, "rootkeep_migrate">, readonly string[]>> = {
  // The append lock is the owner's own: the service takes it through the function.
  rootkeep_service: ["stream_file_turn", "stream_syslog_turn", "stream_webhook_turn"],
  rootkeep_signer: ["signer_turn"],
  rootkeep_auditor: [],
};

/** A network that can fall silent: no FIN, no RST, no answer. */
class Network {
  readonly #sockets: Socket[] = [];
  readonly #server = createServer((client) => {
    const { host, port } = this.upstream;
    const server = host.startsWith("/") ? createConnection(`${host}/.s.PGSQL.${String(port)}`) : createConnection(port, host);
    client.on("data", (bytes) => {
      if (!this.isSilent) server.write(bytes);
    });
    server.on("data", (bytes) => {
      if (!this.isSilent) client.write(bytes);
    });
    for (const socket of [client, server]) {
      socket.on("error", () => undefined);
      socket.on("close", () => {
        if (!this.isSilent) for (const other of [client, server]) other.destroy();
      });
      this.#sockets.push(socket);
    }
  });
  isSilent = false;

  private constructor(private readonly upstream: PgConnection) {}

  static async to(upstream: PgConnection): Promise<Network> {
    const network = new Network(upstream);
    await new Promise<void>((resolve) => network.#server.listen(0, "127.0.0.1", resolve));
    return network;
  }

  get connection(): PgConnection {
    return { ...this.upstream, host: "127.0.0.1", port: (this.#server.address() as AddressInfo).port };
  }

  stop(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}

describe("whose turn it is", () => {
  let signing: SigningLog | undefined;
  const stops: (() => Promise<void> | void)[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
    await signing?.close();
    signing = undefined;
  });

  it("is locked by nobody who has no right to: no role stops an append or a signature by a lock of its own", async () => {
    signing = await SigningLog.open();
    signing.signer();
    await signing.signedTo(1);
    await signing.stopSigners();
    const { database } = signing;
    for (const role of DATABASE_ROLES.filter((name) => name !== "rootkeep_migrate")) {
      await withClient(database.connections[role], async (client) => {
        for (const turn of TURNS.filter((name) => !MAY[role].includes(name))) {
          // Every mode that conflicts with the one that is used.
          for (const mode of ["SHARE UPDATE EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE"]) {
            await client.query("BEGIN");
            await assert.rejects(client.query(`LOCK TABLE audit.${turn} IN ${mode} MODE`), { code: "42501" }, `${role} ${turn} ${mode}`);
            await client.query("ROLLBACK");
          }
        }
      });
    }
    await withClient(database.connections.rootkeep_auditor, async (auditor) => {
      // What was the lock of the appends, of the signer and of the streams; and all that a reader can lock.
      for (const lock of ["8241996041571201001", "8241996041571201002", "8241996041571202001"])
        await auditor.query("SELECT pg_catalog.pg_advisory_lock($1::bigint)", [lock]);
      await auditor.query("BEGIN");
      for (const table of ["head", "entry", "checkpoint"]) await auditor.query(`LOCK TABLE audit.${table} IN ACCESS SHARE MODE`);
      await signing?.append(3);
      signing?.signer();
      await signing?.signedTo(4);
    });
  });

  it("is somebody's within seconds after a host has died without a word", async () => {
    signing = await SigningLog.open();
    const network = await Network.to(signing.database.connections.rootkeep_signer);
    stops.push(() => {
      network.stop();
    });
    const first = signing.signer({ connection: network.connection });
    await signing.signedTo(1);
    await signing.append();
    await signing.signedTo(2);
    network.isSilent = true;
    const second = signing.signer();
    await signing.append(5);
    const silentAt = performance.now();
    await signing.until(() => signing?.said.includes("signed 7") === true, "the other signer", 25_000);
    const seconds = (performance.now() - silentAt) / 1_000;
    // Nothing was signed of what was there: the one that stood by has said so.
    assert.ok(
      signing.said.some((line) => /^waiting 1\d$/.test(line)),
      signing.said.join("; "),
    );
    assert.ok(seconds > 5 && seconds < 20, `${seconds.toFixed(1)} s`);
    // The first thinks itself that it leads no more.
    network.stop();
    await Promise.all([first.stop(), second.stop()]);
  });

  it("passes on at once when the leader goes, and is not thought to be held by one whose session was ended", async () => {
    signing = await SigningLog.open();
    const { database } = signing;
    const turn: Turn = "signer_turn";
    const lost: string[] = [];
    const candidate = (name: string): Leadership => {
      const leadership = new Leadership({
        connect: () => connectLog(database.connections.rootkeep_signer),
        turn,
        onLost: () => void lost.push(name),
      });
      stops.push(() => leadership.release());
      return leadership;
    };
    const [one, two] = [candidate("one"), candidate("two")];
    assert.deepEqual([await one.take(), await two.take(), await one.take(), await two.take()], [true, false, true, false]);
    await one.release();
    assert.deepEqual([one.isHeld, await two.take(), await one.take()], [false, true, false]);
    await withClient(database.superuser, (client) =>
      client.query("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE relation = 'audit.signer_turn'::regclass AND granted"),
    );
    await signing.until(() => lost.length > 0, "the loss");
    assert.deepEqual([lost, two.isHeld, await one.take()], [["two"], false, true]);
  });

  it("keeps nobody from cleaning up: the session that leads holds back no old rows", async () => {
    signing = await SigningLog.open();
    signing.signer();
    await signing.signedTo(1);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const rows = await withClient(signing.database.superuser, async (client) => {
      const answer = await client.query<{ backend_xid: string | null; backend_xmin: string | null }>(
        `SELECT backend_xid, backend_xmin FROM pg_stat_activity a JOIN pg_locks l USING (pid)
         WHERE l.relation = 'audit.signer_turn'::regclass AND a.state = 'idle in transaction'`,
      );
      return answer.rows;
    });
    assert.notEqual(rows.length, 0);
    // One session for the turn, and perhaps one that asks who has it.
    assert.deepEqual(new Set(rows.map((row) => JSON.stringify(row))), new Set(['{"backend_xid":null,"backend_xmin":null}']));
  });
});
