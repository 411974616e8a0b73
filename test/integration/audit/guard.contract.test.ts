import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { createGuard } from "../../../src/audit/create-guard.service.js";
import type { Guard } from "../../../src/audit/guard.port.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { startMoto } from "../../support/moto.js";
import { S3Double } from "../../support/s3-double.js";

// real: the adapters, the AWS SDK, HTTP, the file system. double: AWS S3 (moto, and our own for what moto does not show).

/** Where guards stand; each of `place` is a fresh one. */
interface Home {
  place(): Promise<{
    /** Another object for the same guard, as another process would have. */
    open(): Guard;
    /** Puts bytes where the note is. */
    spoil(bytes: Buffer): Promise<void>;
  }>;
  unreachable(): Guard;
}

const NOTE_BYTES_MAX = 65_536;
const stops: (() => Promise<unknown>)[] = [];
after(async () => {
  for (const stop of stops) await stop();
});

async function fileHome(): Promise<Home> {
  const directory = await mkdtemp(join(tmpdir(), "rootkeep-guard-"));
  stops.push(() => rm(directory, { recursive: true, force: true }));
  let count = 0;
  await writeFile(join(directory, "file"), "");
  return {
    place: async () => {
      const path = join(directory, `not there yet/${String(++count)}`);
      const spoil = async (bytes: Buffer): Promise<void> => {
        const name = (await readdir(join(path, "state"))).filter((file) => file.endsWith(".note")).at(-1)!;
        await writeFile(join(path, "state", name), bytes);
      };
      return { open: () => createGuard(`file:${path}`), spoil };
    },
    unreachable: () => createGuard(`file:${join(directory, "file/guard")}`),
  };
}

const CREDENTIALS = { accessKeyId: "testing", secretAccessKey: "testing" };

async function motoHome(endpoint: string): Promise<Home> {
  const client = new S3Client({ endpoint, region: "eu-central-1", credentials: CREDENTIALS, forcePathStyle: true });
  await client.send(new CreateBucketCommand({ Bucket: "guards", CreateBucketConfiguration: { LocationConstraint: "eu-central-1" } }));
  return s3Home({ endpoint, credentials: CREDENTIALS }, async (key, bytes) => {
    await client.send(new PutObjectCommand({ Bucket: "guards", Key: key, Body: bytes }));
  });
}

async function doubleHome(): Promise<Home> {
  const double = await S3Double.start();
  stops.push(() => double.stop());
  return s3Home(double.options, async (key, bytes) => {
    double.put(key, bytes);
  });
}

function s3Home(options: NonNullable<Parameters<typeof createGuard>[1]>, put: (key: string, bytes: Buffer) => Promise<void>): Home {
  let count = 0;
  return {
    place: async () => {
      const key = `some/guard-${String(++count)}.note`;
      return { open: () => createGuard(`s3://guards/${key}?region=eu-central-1`, options), spoil: (bytes) => put(key, bytes) };
    },
    unreachable: () => createGuard("s3://guards/note?region=eu-central-1", { ...options, endpoint: "http://127.0.0.1:1" }),
  };
}

const isUnavailable = (error: unknown): boolean => isRootkeepError(error, "UNAVAILABLE") && error.reason !== undefined;

function contract(name: string, skip: string | false, start: () => Promise<Home>): void {
  describe(`guard: ${name}`, { skip }, () => {
    const home = skip === false ? start() : undefined;
    const place = async () => await ((await home) as Home).place();

    it("holds nothing at first", async () => {
      const { open } = await place();
      assert.equal(await open().read(), null);
      assert.equal(await open().read(), null);
    });

    it("keeps what it was advanced to, byte for byte, for every other reader", async () => {
      const { open } = await place();
      const guard = open();
      assert.equal(await guard.advance(null, "first\n\n— ä\n"), true);
      const first = await guard.read();
      assert.equal(first?.note, "first\n\n— ä\n");
      assert.equal(await guard.advance(first, "second"), true);
      assert.equal((await open().read())?.note, "second");
    });

    it("refuses an advance from what it no longer holds, and stays as it is", async () => {
      const { open } = await place();
      const guard = open();
      await guard.advance(null, "first");
      const first = await guard.read();
      await guard.advance(first, "second");
      assert.equal(await open().advance(first, "third"), false);
      assert.equal(await open().advance(null, "third"), false);
      assert.equal((await guard.read())?.note, "second");
    });

    it("refuses an advance from something when it holds nothing", async () => {
      const { open } = await place();
      const { open: openOther } = await place();
      await openOther().advance(null, "note");
      const state = await openOther().read();
      assert.equal(await open().advance(state, "note"), false);
      assert.equal(await open().read(), null);
    });

    it("lets exactly one of several advances at once through, from nothing and from something", async () => {
      const { open } = await place();
      for (let round = 0; round < 12; round++) {
        const state = await open().read();
        const notes = ["a", "b", "c", "d"].map((writer) => `${String(round)} ${writer}`);
        const taken = await Promise.all(notes.map((note) => open().advance(state, note)));
        assert.deepEqual(taken.filter(Boolean), [true], `round ${String(round)}`);
        assert.equal((await open().read())?.note, notes[taken.indexOf(true)]);
      }
    });

    it("is not fooled by a note that comes back", async () => {
      const { open } = await place();
      const guard = open();
      await guard.advance(null, "first");
      const early = await guard.read();
      for (const note of ["second", "third", "fourth"]) assert.equal(await guard.advance(await guard.read(), note), true);
      assert.equal(await guard.advance(early, "fork"), false);
    });

    it("calls bytes that are no text unavailable, never nothing", async () => {
      const { open, spoil } = await place();
      await open().advance(null, "note");
      for (const bytes of [Buffer.from([0xff, 0xfe]), Buffer.from("a\0b"), Buffer.alloc(0)]) {
        await spoil(bytes);
        await assert.rejects(open().read(), isUnavailable);
      }
    });

    it("keeps a note of 64 KiB, and neither takes nor reads a larger one", async () => {
      const { open, spoil } = await place();
      const guard = open();
      assert.equal(await guard.advance(null, "n".repeat(NOTE_BYTES_MAX)), true);
      assert.equal((await guard.read())?.note.length, NOTE_BYTES_MAX);
      await assert.rejects(guard.advance(await guard.read(), "n".repeat(NOTE_BYTES_MAX + 1)), /larger/);
      await spoil(Buffer.alloc(NOTE_BYTES_MAX + 1, "n"));
      await assert.rejects(guard.read(), isUnavailable);
    });

    it("does not take an empty note", async () => {
      const { open } = await place();
      await assert.rejects(open().advance(null, ""), /empty/);
      assert.equal(await open().read(), null);
    });

    it("says that it cannot be reached", async () => {
      const guard = ((await home) as Home).unreachable();
      await assert.rejects(guard.read(), isUnavailable);
      await assert.rejects(guard.advance(null, "note"), isUnavailable);
    });
  });
}

const moto = await startMoto();
if ("stop" in moto) stops.push(() => moto.stop());

contract("file:", false, fileHome);
contract("s3: over moto", "absent" in moto ? moto.absent : false, () => motoHome("absent" in moto ? "" : moto.endpoint));
contract("s3: over the double", false, doubleHome);
