import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { AnchorRunner } from "../../../src/audit/anchor-runner.service.js";
import { parseWitnessAnchor } from "../../../src/audit/anchor-uri.js";
import { CheckpointRepository } from "../../../src/audit/checkpoint.repository.js";
import { createAnchors } from "../../../src/audit/create-anchors.service.js";
import { connectLog } from "../../../src/audit/log-connection.service.js";
import { cosignNote, parseNote, signatureLine } from "../../../src/audit/tlog/note.js";
import { formatVerifierKey } from "../../../src/audit/tlog/verifier-key.js";
import { WitnessWatch } from "../../../src/audit/witness-watch.service.js";
import { withClient } from "../../support/postgres.js";
import { SIGNED_ORIGIN, SigningLog } from "../../support/signing-log.js";
import { noteSigner } from "../../support/tlog-keys.js";

// real: PostgreSQL, both roles, the signer, the client of a witness that is not there. double: guard and key, in memory.

const witness = noteSigner("witness.example.com-w1", "cosignature", Buffer.alloc(32, 4));
const LATE_MS = 150;
const configured = `${formatVerifierKey(witness.key)}@http://127.0.0.1:9`;
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

describe("anchors that custodians have approved", () => {
  let signing: SigningLog | undefined;
  afterEach(async () => {
    await signing?.close();
    signing = undefined;
  });

  it("are missed by the service when the signer does not use them, and not when they cosign", async () => {
    const log = await SigningLog.open();
    signing = log;
    const missing: string[] = [];
    const watch = new WitnessWatch({
      connect: () => connectLog(log.database.connections.rootkeep_service),
      origin: SIGNED_ORIGIN,
      verifierKey: log.verifierKey,
      witnesses: [parseWitnessAnchor(configured)],
      onMissing: (name) => void missing.push(name),
      lateMs: LATE_MS,
    });
    const looks = async (): Promise<number> => {
      const before = missing.length;
      await watch.look();
      await pause(2 * LATE_MS);
      await watch.look();
      return missing.length - before;
    };
    const lineOver = async (text: string): Promise<string> =>
      signatureLine(await cosignNote(text, witness.key, 1_800_000_000, witness.sign));
    const cosign = async (size: number, line: string): Promise<void> => {
      await withClient(log.database.connections.rootkeep_signer, (client) =>
        CheckpointRepository.insertCosignatures(client, SIGNED_ORIGIN, size, [line]),
      );
    };
    const textNow = (): string => parseNote(Buffer.from(log.guard.state?.note ?? "")).text;

    assert.equal(await looks(), 0, "nothing is signed, so nothing is missing");
    log.signer();
    await log.signedTo(1);
    assert.equal(await looks(), 1);
    await cosign(1, await lineOver(textNow()));
    assert.equal(await looks(), 0);
    await log.append();
    await log.signedTo(2);
    assert.equal(await looks(), 1, "it has stopped");
    // A row says nothing by being there: this line names the witness's key and is over another text.
    await cosign(2, await lineOver(textNow().replace(/^.*\n/, "other.example.com/audit/1\n")));
    assert.ok((await looks()) + (await looks()) > 0);
    assert.equal(missing[0], "witness.example.com-w1");
  });

  it("are told of by the signer when they have taken nothing for long", async () => {
    const log = await SigningLog.open();
    signing = log;
    log.signer();
    await log.signedTo(1);
    const connect = () => connectLog(log.database.connections.rootkeep_signer);
    const row = await withClient(log.database.connections.rootkeep_signer, (client) => CheckpointRepository.newest(client, SIGNED_ORIGIN));
    assert.ok(row);
    const told: string[] = [];
    const runner = new AnchorRunner({
      anchors: createAnchors({ buckets: [], witnesses: [configured] }),
      origin: SIGNED_ORIGIN,
      connect,
      everyMs: 20,
      lateMs: LATE_MS,
      events: {
        anchored: () => void told.push("anchored"),
        failed: (_, reason) => void told.push(reason),
        unreached: (name) => void told.push(`unreached ${name}`),
        contradicted: () => void told.push("contradicted"),
      },
    });
    try {
      runner.offer(row);
      await log.until(() => told.some((line) => line.startsWith("unreached")), "the word");
      assert.ok(told.includes("unreached witness.example.com-w1"), told.join("; "));
      assert.ok(!told.includes("anchored"));
    } finally {
      await runner.stop();
    }
  });
});
