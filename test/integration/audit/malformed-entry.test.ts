import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { AuditRepository } from "../../../src/audit/audit.repository.js";
import { canonicalJson, type JsonObject } from "../../../src/audit/canonical-json.js";
import { leafHash } from "../../../src/audit/chain.js";
import { byteaArray } from "../../../src/database/binary-array.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { newEventId } from "../../../src/kernel/ids.js";
import { withClient } from "../../support/postgres.js";
import { SIGNED_ORIGIN, SigningLog } from "../../support/signing-log.js";

// real: PostgreSQL, both roles, the log, the signer. double: guard and key in memory; the entry is written by hand, as the service's role.
describe("an entry that somebody with the service's role appends by hand", () => {
  let signing: SigningLog;
  afterEach(async () => {
    await signing.close();
  });

  async function append(bytesOf: (entry: JsonObject) => string): Promise<void> {
    await withClient(signing.database.connections.rootkeep_service, async (client) => {
      await client.query("BEGIN");
      const { size, lastLeaf, now } = await AuditRepository.lockHead(client);
      const id = newEventId();
      const entry = {
        ...{ action: "service.started", actor: { type: "system" }, id, log: SIGNED_ORIGIN, outcome: "committed" },
        ...{ prev: lastLeaf.toString("hex"), seq: size, time: now, v: 1 },
      };
      const bytes = Buffer.from(bytesOf(entry));
      await client.query("SELECT audit.append($1, $2, $3, $4)", [size, [id], byteaArray([bytes]), byteaArray([leafHash(bytes)])]);
      await client.query("COMMIT");
    });
  }

  it("is refused by the database where its form is not an entry's, and the log goes on", async () => {
    signing = await SigningLog.open();
    signing.signer();
    await signing.signedTo(1);
    for (const members of [{ v: undefined }, { stream: "global", sseq: 0, sprev: "0".repeat(64) }, { actor: undefined }]) {
      await assert.rejects(
        append((entry) => JSON.stringify({ ...entry, ...members })),
        /chain violation/,
      );
    }
    await append(canonicalJson);
    await signing.append();
    await signing.until(() => signing.guarded().size === 3, "3");
    assert.deepEqual(signing.alarms, []);
  });

  it("is refused by service and signer alike where only its bytes are not canonical, which SQL cannot see", async () => {
    signing = await SigningLog.open();
    signing.signer();
    await signing.signedTo(1);
    await append((entry) => canonicalJson(entry).replace('"seq":', '"seq": '));
    await signing.until(() => signing.said.some((line) => line.startsWith("halted CHAIN_BROKEN 1")), "the signer to halt");
    const isBroken = (error: unknown): boolean => isRootkeepError(error, "CHAIN_BROKEN");
    const { rootkeep_service: service } = signing.database.connections;
    await assert.rejects(
      withClient(service, async (client) => signing.log.catchUp(client, await signing.log.readHead(client))),
      isBroken,
    );
    await assert.rejects(signing.append(), isBroken);
    await assert.rejects(SigningLog.open({ replicaOf: signing }), isBroken);
    assert.deepEqual(signing.alarms, ["chain-broken 1"]);
  });
});
