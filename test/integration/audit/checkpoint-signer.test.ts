import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { CheckpointRepository } from "../../../src/audit/checkpoint.repository.js";
import type { Guard } from "../../../src/audit/guard.port.js";
import type { LogSigner } from "../../../src/audit/log-signer.port.js";
import { formatCheckpoint } from "../../../src/audit/tlog/checkpoint.js";
import { formatNote, signNote } from "../../../src/audit/tlog/note.js";
import { CompactRange } from "../../../src/audit/tlog/tree.js";
import { MemoryGuard } from "../../support/memory-guard.js";
import { withClient } from "../../support/postgres.js";
import { SIGNED_ORIGIN, SigningLog, TestLogKey } from "../../support/signing-log.js";

// real: PostgreSQL, the signer's own role. double: the guard and the key, in memory.
describe("the signer of the log", () => {
  let signing: SigningLog | undefined;
  afterEach(async () => {
    await signing?.close();
    signing = undefined;
  });

  const rootOf = async ({ database }: SigningLog, size: number): Promise<Buffer> =>
    await withClient(database.superuser, async (client) => {
      const { rows } = await client.query<{ leaf_hash: Buffer }>("SELECT leaf_hash FROM audit.entry WHERE seq < $1 ORDER BY seq", [size]);
      const range = new CompactRange();
      for (const { leaf_hash } of rows) range.append(leaf_hash);
      return range.root();
    });

  it("signs the genesis, and what is appended, over the root of all entries [AL-2]", async () => {
    signing = await SigningLog.open();
    signing.signer();
    await signing.signedTo(1);
    await signing.append(700);
    await signing.until(() => signing?.guarded().size === 701, "701");
    assert.deepEqual(signing.guarded().root, await rootOf(signing, 701));
    await signing.until(() => signing?.said.includes("signed 701") === true, "the row");
    const roots = await withClient(signing.database.connections.rootkeep_signer, (client) =>
      CheckpointRepository.tileRoots(client, SIGNED_ORIGIN, 0, 0, 9),
    );
    assert.equal(roots.length, 2 * 32);
  });

  it("goes on where another signer stopped, and of two only one signs", async () => {
    signing = await SigningLog.open();
    const first = signing.signer();
    await signing.signedTo(1);
    signing.signer();
    await signing.append(300);
    await signing.until(() => signing?.guarded().size === 301, "301");
    await new Promise((resolve) => setTimeout(resolve, 700));
    assert.deepEqual(
      signing.said.filter((line) => !line.startsWith("signed")),
      ["leading"],
    );
    await first.stop();
    await signing.append(5);
    await signing.signedTo(306);
    assert.deepEqual(
      signing.said.filter((line) => !line.startsWith("signed")),
      ["leading", "leading"],
    );
    assert.deepEqual(signing.guarded().root, await rootOf(signing, 306));
  });

  it("killed between guard and table, writes the guard's own note afterwards [AL-5]", async () => {
    signing = await SigningLog.open();
    const { guard } = signing;
    let isDying = false;
    const dying: Guard = {
      uri: "memory:",
      read: () => guard.read(),
      advance: async (from, note) => {
        const isTaken = await guard.advance(from, note);
        if (isDying) throw new Error("killed");
        return isTaken;
      },
    };
    const first = signing.signer({ guard: dying });
    await signing.signedTo(1);
    isDying = true;
    await signing.append(10);
    await signing.until(() => signing?.guarded().size === 11, "the guard");
    isDying = false;
    await signing.signedTo(11);
    await first.stop();
    const row = await withClient(signing.database.connections.rootkeep_signer, (client) =>
      CheckpointRepository.newest(client, SIGNED_ORIGIN),
    );
    assert.equal(row?.note, guard.state?.note);
  });

  it("signs nothing with a key that is not the log's", async () => {
    signing = await SigningLog.open();
    const other = new TestLogKey();
    signing.signer({ key: { uri: "memory:", publicKey: () => other.publicKey(), sign: (message) => other.sign(message) } });
    await signing.until(() => signing?.said.some((line) => line.startsWith("failed")) === true, "failure");
    assert.equal(signing.guard.state, null);
  });

  const HALTS: readonly {
    readonly name: string;
    readonly says: RegExp;
    readonly tamper: (signing: SigningLog) => Promise<void>;
  }[] = [
    { name: "a log that was put back", says: /^halted ROLLBACK_DETECTED/, tamper: (log) => log.putBack(200) },
    {
      name: "a head that names another last entry",
      says: /^halted ROLLBACK_DETECTED/,
      tamper: (log) => log.tamper("UPDATE audit.head SET last_leaf = sha256('other')"),
    },
    {
      name: "an entry that does not follow",
      says: /^halted CHAIN_BROKEN 301/,
      tamper: async (log) => {
        await log.append(2);
        await log.tamper(
          `UPDATE audit.entry SET entry = convert_to(replace(convert_from(entry, 'UTF8'), '"outcome":"committed"', '"outcome":"denied"'), 'UTF8'),
           leaf_hash = sha256('\\x00'::bytea || convert_to(replace(convert_from(entry, 'UTF8'), '"outcome":"committed"', '"outcome":"denied"'), 'UTF8')) WHERE seq = 300`,
        );
        await log.append(2);
      },
    },
    {
      name: "a frontier that leads elsewhere",
      says: /^halted ROLLBACK_DETECTED/,
      tamper: (log) => log.tamper("UPDATE audit.checkpoint SET frontier = overlay(frontier placing '\\x00'::bytea from 1)"),
    },
    {
      name: "a tile's root with a flipped bit",
      says: /^halted ROLLBACK_DETECTED/,
      tamper: (log) => log.tamper("UPDATE audit.tile SET root = set_bit(root, 9, 1 - get_bit(root, 9))"),
    },
    {
      name: "a checkpoint row with another note",
      says: /^halted ROLLBACK_DETECTED/,
      tamper: (log) => log.tamper("UPDATE audit.checkpoint SET note = 'none'"),
    },
    {
      name: "an empty guard past the genesis",
      says: /^halted ROLLBACK_DETECTED .* the guard is empty/,
      tamper: (log) => {
        log.guard.state = null;
        return Promise.resolve();
      },
    },
    {
      name: "a guard of another log",
      says: /^halted ROLLBACK_DETECTED .* no checkpoint of this log/,
      tamper: (log) => {
        log.guard.state = { note: "nothing\n", version: "x" };
        return Promise.resolve();
      },
    },
  ];

  for (const { name, says, tamper } of HALTS) {
    it(`halts before ${name}, and signs nothing more [AL-7]`, async () => {
      signing = await SigningLog.open();
      const { guard } = signing;
      const first = signing.signer();
      await signing.signedTo(1);
      await signing.append(299);
      await signing.until(() => signing?.guarded().size === 300, "300");
      await signing.until(() => signing?.said.includes("signed 300") === true, "row");
      await first.stop();
      await tamper(signing);
      const held = guard.state;
      const second = signing.signer();
      await signing.until(() => second.halted !== undefined, "halt");
      assert.match(signing.said.at(-1) ?? "", says);
      await new Promise((resolve) => setTimeout(resolve, 700));
      assert.deepEqual(guard.state, held);
    });
  }

  it("asks the guard before the key: a history that another signer has signed otherwise is not signed a second time [AL-5]", async () => {
    signing = await SigningLog.open();
    const { key, guard, verifierKey } = signing;
    const sizes: string[] = [];
    const watched: LogSigner = {
      uri: "memory:",
      publicKey: () => key.publicKey(),
      sign: (message) => {
        sizes.push(Buffer.from(message).toString().split("\n")[1] ?? "");
        return key.sign(message);
      },
    };
    const signer = signing.signer({ key: watched });
    await signing.signedTo(1);
    await signing.append(4);
    await signing.until(() => signing?.said.includes("signed 5") === true, "5");
    await new Promise((resolve) => setTimeout(resolve, 700));
    const other = { size: 6, root: Buffer.alloc(32, 7) };
    const text = formatCheckpoint({ origin: SIGNED_ORIGIN, ...other, extensions: [] });
    const note = formatNote({ text, signatures: [await signNote(text, verifierKey, (message) => key.sign(message))] }).toString("utf8");
    guard.state = { note, version: "other" };
    await signing.append();
    await signing.until(() => signer.halted !== undefined, "halt");
    assert.match(signing.said.at(-1) ?? "", /^halted ROLLBACK_DETECTED 6 the log leads to another root/);
    assert.ok(!sizes.includes("6"), sizes.join());
    assert.equal(guard.state.note, note);
  });

  it("halts when the guard was put back to an older checkpoint", async () => {
    signing = await SigningLog.open();
    const first = signing.signer();
    await signing.signedTo(1);
    const older = signing.guard.state;
    await signing.append(3);
    await signing.until(() => signing?.said.some((line) => line === "signed 4") === true, "4");
    await first.stop();
    const restored = new MemoryGuard();
    restored.state = older;
    const second = signing.signer({ guard: restored });
    await signing.until(() => second.halted !== undefined, "halt");
    assert.match(signing.said.at(-1) ?? "", /ROLLBACK_DETECTED 1 the guard is older/);
    assert.deepEqual(restored.state, older);
  });
});
