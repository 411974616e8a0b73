import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { MIGRATIONS } from "../../../migrations/index.js";
import type { Anchor, PublishedCheckpoint } from "../../../src/audit/anchor.port.js";
import { CheckpointRepository } from "../../../src/audit/checkpoint.repository.js";
import { createAnchors } from "../../../src/audit/create-anchors.service.js";
import { openCheckpoint } from "../../../src/audit/tlog/checkpoint.js";
import { cosignNote, parseNote, signatureLine } from "../../../src/audit/tlog/note.js";
import { formatVerifierKey, type VerifierKey } from "../../../src/audit/tlog/verifier-key.js";
import { runMigrations } from "../../../src/database/migrate.service.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { checkpointOf } from "../../support/checkpoints.js";
import { createTestDatabase, withClient } from "../../support/postgres.js";
import { SIGNED_ORIGIN, SigningLog } from "../../support/signing-log.js";
import { noteSigner } from "../../support/tlog-keys.js";
import { sampleLeaves } from "../../support/tlog-tree.js";
import { Witness } from "../../support/witness.js";

// real: the client, HTTP, Ed25519. double: the witness, which keeps the specification until a test makes it not.

const log = noteSigner("log.example.com/audit/1", "ed25519", Buffer.alloc(32, 1));
const thief = noteSigner("log.example.com/audit/1", "ed25519", Buffer.alloc(32, 2));
const stranger = noteSigner("other.example.com/audit/1", "ed25519", Buffer.alloc(32, 3));
const signer = noteSigner("witness.example.com/w1", "cosignature", Buffer.alloc(32, 4));
const otherSigner = noteSigner("witness.example.com/w2", "cosignature", Buffer.alloc(32, 5));
const leaves = sampleLeaves(40);
const sized = (size: number): Promise<PublishedCheckpoint> => checkpointOf(leaves.slice(0, size), log);
const forked = (size: number): Promise<PublishedCheckpoint> => checkpointOf([Buffer.alloc(32, 9), ...leaves.slice(1, size)], log);

const directory = await mkdtemp(join(tmpdir(), "rootkeep-witness-"));
const stops: (() => Promise<unknown>)[] = [() => rm(directory, { recursive: true, force: true })];
after(async () => {
  for (const stop of stops.reverse()) await stop();
});

let count = 0;
async function newWitness(logs: readonly VerifierKey[] = [log.key]): Promise<{ readonly witness: Witness; readonly open: () => Anchor }> {
  const witness = await Witness.start({ signer, logs, statePath: join(directory, String(++count)) });
  stops.push(() => witness.stop());
  return { witness, open: () => createAnchors({ buckets: [], witnesses: [witness.configured] })[0]! };
}

const unavailableFor = (reason: string) => (error: unknown) => isRootkeepError(error, "UNAVAILABLE") && error.reason === reason;
const contradictedFor = (reason: string) => (error: unknown) => isRootkeepError(error, "ROLLBACK_DETECTED") && error.reason === reason;
const stepsOf = ({ exchanges }: Witness) => exchanges.map(({ old, hashes, status }) => [old, hashes, status]);

/** The witness's lines are right under this checkpoint, and there is one. */
function assertCosigned({ note }: PublishedCheckpoint, lines: readonly string[]): void {
  const opened = openCheckpoint(Buffer.from(note + lines.join("")), { logs: [log.key], witnesses: [signer.key] });
  assert.equal(lines.length, 1);
  assert.equal(opened.cosignatures.length, 1);
}

describe("the conversation with a witness", () => {
  it("goes as the specification has it, one exchange after the other", async () => {
    const { witness, open } = await newWitness();
    const anchor = open();
    // It has seen nothing; then it follows, with proofs from where it stood.
    assertCosigned(await sized(1), await anchor.publish(await sized(1)));
    assertCosigned(await sized(5), await anchor.publish(await sized(5)));
    assertCosigned(await sized(5), await anchor.publish(await sized(5)));
    // A client that knows nothing asks where it stands.
    assertCosigned(await sized(13), await open().publish(await sized(13)));
    // One that is behind is told so.
    assertCosigned(await sized(21), await anchor.publish(await sized(21)));
    // Neither older nor other trees.
    await assert.rejects(open().publish(await sized(20)), contradictedFor("witness_holds_a_larger_tree"));
    await assert.rejects(anchor.publish(await forked(21)), contradictedFor("witness_holds_another_tree"));
    await assert.rejects(anchor.publish(await forked(34)), contradictedFor("witness_holds_another_tree"));
    // Nothing of that has moved it.
    assertCosigned(await sized(34), await anchor.publish(await sized(34)));
    assert.deepEqual(stepsOf(witness), [
      [0, 0, 200],
      [1, 3, 200],
      [5, 0, 200],
      [0, 0, 409],
      [5, 5, 200],
      [5, 6, 409],
      [13, 6, 200],
      [0, 0, 409],
      [21, 0, 409],
      [21, 7, 422],
      [21, 7, 200],
    ]);
  });

  it("finds out another tree of the same size as witnesses of either year say it, also when it knows nothing", async () => {
    for (const isOlderSpec of [false, true]) {
      const { witness, open } = await newWitness();
      witness.isOlderSpec = isOlderSpec;
      const anchor = open();
      await anchor.publish(await sized(6));
      for (const one of [anchor, open()]) await assert.rejects(one.publish(await forked(6)), contradictedFor("witness_holds_another_tree"));
    }
  });

  it("takes a size in answer to the very same size for another tree", async () => {
    const { witness, open } = await newWitness();
    const anchor = open();
    await anchor.publish(await sized(6));
    witness.reply = { status: 409, body: "6\n", contentType: "text/x.tlog.size" };
    await assert.rejects(anchor.publish(await sized(6)), contradictedFor("witness_holds_another_tree"));
  });

  it("finds out a rollback that it brought about itself", async () => {
    const { open } = await newWitness();
    const anchor = open();
    await anchor.publish(await sized(9));
    await assert.rejects(anchor.publish(await sized(8)), contradictedFor("witness_holds_a_larger_tree"));
  });

  it("goes on with a witness that was started anew, and with one that has forgotten everything", async () => {
    const { witness, open } = await newWitness();
    const anchor = open();
    await anchor.publish(await sized(3));
    const { port } = witness;
    let running = witness;
    for (const [statePath, size] of [
      [join(directory, String(count)), 4],
      [join(directory, "forgotten"), 5],
    ] as const) {
      await running.stop();
      await assert.rejects(anchor.publish(await sized(size)), unavailableFor("witness_unreachable"));
      running = await Witness.start({ signer, logs: [log.key], statePath, port });
      assertCosigned(await sized(size), await anchor.publish(await sized(size)));
    }
    await running.stop();
  });

  it("keeps several logs apart", async () => {
    const { witness, open } = await newWitness([log.key, stranger.key]);
    const anchor = open();
    await anchor.publish(await sized(9));
    await anchor.publish(await checkpointOf(leaves.slice(0, 2), stranger));
    assert.deepEqual(stepsOf(witness), [
      [0, 0, 200],
      [0, 0, 200],
    ]);
  });

  it("gives up on a witness that always stands elsewhere", async () => {
    const { witness, open } = await newWitness();
    let size = 1;
    Object.defineProperty(witness, "reply", {
      get: () => ({ status: 409, body: `${String(size++)}\n`, contentType: "text/x.tlog.size" }),
    });
    await assert.rejects(open().publish(await sized(20)), unavailableFor("witness_keeps_moving"));
    assert.equal(witness.exchanges.length, 3);
  });
});

describe("a witness that cosigns too much", () => {
  const lineAt = async (text: string, time: number): Promise<string> =>
    signatureLine(await cosignNote(text, signer.key, time, signer.sign));

  it("adds one line, however many it sends: with a hundred more no reader would take the note [AL-11]", async () => {
    const { witness, open } = await newWitness();
    const checkpoint = await sized(2);
    const { text } = parseNote(Buffer.from(checkpoint.note));
    const lines = await Promise.all(Array.from({ length: 100 }, (_, index) => lineAt(text, 1_800_000_099 - index)));
    witness.reply = { status: 200, body: lines.join("") };
    const taken = await open().publish(checkpoint);
    assertCosigned(checkpoint, taken);
    // The earliest: it bounds the checkpoint's time best.
    assert.deepEqual(taken, [await lineAt(text, 1_800_000_000)]);
  });

  it("is one of at most fifty: each adds a line to the note", () => {
    const witnesses = Array.from({ length: 51 }, (_, index) => {
      const { key } = noteSigner(`witness.example.com/${String(index)}`, "cosignature", Buffer.alloc(32, index + 1));
      return `${formatVerifierKey(key)}@https://witness.example.com`;
    });
    assert.equal(createAnchors({ buckets: [], witnesses: witnesses.slice(1) }).length, 50);
    assert.throws(
      () => createAnchors({ buckets: [], witnesses }),
      (error) => isRootkeepError(error, "MALFORMED"),
    );
  });

  it("has one line in the table too, whatever a signer inserts, and the first one stays [AL-11]", async () => {
    const signing = await SigningLog.open();
    try {
      signing.signer();
      await signing.signedTo(1);
      const { text } = parseNote(Buffer.from(signing.guard.state?.note ?? ""));
      const other = signatureLine(await cosignNote(text, otherSigner.key, 1_800_000_000, otherSigner.sign));
      await withClient(signing.database.connections.rootkeep_signer, async (client) => {
        const insert = (lines: readonly string[]) => CheckpointRepository.insertCosignatures(client, SIGNED_ORIGIN, 1, lines);
        for (let time = 1_800_000_000; time < 1_800_000_120; time += 60) {
          await insert(await Promise.all(Array.from({ length: 60 }, (_, index) => lineAt(text, time + index))));
        }
        await insert([other]);
        assert.deepEqual(
          await CheckpointRepository.cosignatures(client, SIGNED_ORIGIN, 1),
          [await lineAt(text, 1_800_000_000), other].sort(),
        );
        await assert.rejects(insert(["no signature line\n"]), { code: /^2/ });
        await assert.rejects(
          client.query("INSERT INTO audit.cosignature (origin, size, line, key) VALUES ($1, 1, $2, 'x+00000000')", [SIGNED_ORIGIN, other]),
          { code: "428C9" },
        );
      });
    } finally {
      await signing.close();
    }
  });
});

describe("lines of before there was one for each witness", () => {
  it("are thinned out by the migration: the earliest of each key stays", async () => {
    const at = MIGRATIONS.findIndex(({ name }) => name.startsWith("OneCosignature"));
    const database = await createTestDatabase({ migrations: MIGRATIONS.slice(0, at) });
    try {
      const { note } = await sized(2);
      const { text } = parseNote(Buffer.from(note));
      const lines = await Promise.all(
        [signer, otherSigner].flatMap((by) =>
          [7, 5, 6].map(async (second) => signatureLine(await cosignNote(text, by.key, 1_800_000_000 + second, by.sign))),
        ),
      );
      await withClient(database.connections.rootkeep_signer, async (client) => {
        await CheckpointRepository.insert(client, "o", { size: 2, root: Buffer.alloc(32), note, frontier: Buffer.alloc(32) }, []);
        await CheckpointRepository.insertCosignatures(client, "o", 2, lines);
        assert.equal((await CheckpointRepository.cosignatures(client, "o", 2)).length, 6);
      });
      await runMigrations(database.connections.rootkeep_migrate, MIGRATIONS.slice(0, at + 1));
      await withClient(database.superuser, async (client) => {
        assert.deepEqual(await CheckpointRepository.cosignatures(client, "o", 2), [lines[1], lines[4]].sort());
        await assert.rejects(client.query("DELETE FROM audit.cosignature"), /append-only/);
      });
    } finally {
      await database.drop();
    }
  });
});

describe("a witness that does not cosign", () => {
  it("says why: it knows not the log, not the key, or is in trouble", async () => {
    const { witness, open } = await newWitness();
    await assert.rejects(open().publish(await checkpointOf(leaves.slice(0, 2), stranger)), unavailableFor("witness_does_not_know_the_log"));
    await assert.rejects(open().publish(await checkpointOf(leaves.slice(0, 2), thief)), unavailableFor("witness_does_not_know_the_key"));
    for (const [status, reason] of [
      [400, "witness_refused_the_request"],
      [429, "witness_unavailable"],
      [500, "witness_unavailable"],
      [204, "witness_unavailable"],
    ] as const) {
      witness.reply = { status, body: "" };
      await assert.rejects(open().publish(await sized(2)), unavailableFor(reason));
    }
  });

  it("is not believed without its signature over this very checkpoint", async () => {
    const { witness, open } = await newWitness();
    const { note } = await sized(2);
    const { text } = parseNote(Buffer.from(note));
    const other = parseNote(Buffer.from((await sized(3)).note)).text;
    const lineOver = async (over: string, by = signer): Promise<string> =>
      signatureLine(await cosignNote(over, by.key, 1_800_000_000, by.sign));
    const good = await lineOver(text);
    const bodies = [
      "",
      "nonsense",
      await lineOver(other),
      await lineOver(text, otherSigner),
      good + (await lineOver(other)),
      good.trimEnd(),
    ];
    for (const body of bodies) {
      witness.reply = { status: 200, body };
      await assert.rejects(open().publish(await sized(2)), unavailableFor("witness_has_not_cosigned"), JSON.stringify(body));
    }
    witness.reply = { status: 200, body: (await lineOver(text, otherSigner)) + good };
    assert.deepEqual(await open().publish(await sized(2)), [good]);
  });

  it("does not make us believe a rollback by an answer that makes no sense", async () => {
    const { witness, open } = await newWitness();
    const type = "text/x.tlog.size";
    for (const [body, contentType] of [
      ["99\n", "text/plain"],
      ["99", type],
      ["099\n", type],
      ["-1\n", type],
      ["", type],
      ["0\n", type],
    ] as const) {
      witness.reply = { status: 409, body, contentType };
      await assert.rejects(open().publish(await sized(2)), unavailableFor("witness_answer_is_malformed"), JSON.stringify(body));
    }
  });

  it("cannot flood us, nor send us elsewhere", async () => {
    const { witness, open } = await newWitness();
    witness.reply = { status: 200, body: Buffer.alloc(65_537, "\n") };
    await assert.rejects(open().publish(await sized(2)), unavailableFor("witness_answer_is_too_large"));
    const elsewhere = createAnchors({ buckets: [], witnesses: [witness.configured.replace(/witness\/$/, "")] })[0]!;
    witness.reply = null;
    await assert.rejects(elsewhere.publish(await sized(2)), unavailableFor("witness_unavailable"));
  });

  it("cannot keep us waiting", async () => {
    const { witness, open } = await newWitness();
    witness.isSilent = true;
    await assert.rejects(open().publish(await sized(2)), unavailableFor("witness_unreachable"));
  });
});
