import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { AuditRepository } from "../../../src/audit/audit.repository.js";
import type { JsonObject } from "../../../src/audit/canonical-json.js";
import { leafHashHex } from "../../../src/audit/chain.js";
import { connectLog } from "../../../src/audit/log-connection.service.js";
import { CursorFile } from "../../../src/audit/stream/cursor-file.adapter.js";
import { FileSink } from "../../../src/audit/stream/file-sink.adapter.js";
import { LogStream } from "../../../src/audit/stream/log-stream.service.js";
import type { StreamSink } from "../../../src/audit/stream/stream-sink.port.js";
import { WebhookSink } from "../../../src/audit/stream/webhook-sink.adapter.js";
import type { StreamFormat } from "../../../src/config/reference.js";
import { Secret } from "../../../src/kernel/secret.js";
import { MarkSearch } from "../../support/marks.js";
import { withClient } from "../../support/postgres.js";
import { SigningLog } from "../../support/signing-log.js";
import { WebhookReceiver } from "../../support/stream-receivers.js";
import { Vault } from "../../support/vault.js";

// real: PostgreSQL, the log, the stream, files, HTTP. double: the webhook's receiver.

const SECRET = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const WAIT_MS = 20_000;

const directory = await mkdtemp(join(tmpdir(), "rootkeep-log-stream-"));
const stops: (() => Promise<unknown>)[] = [];
after(async () => {
  for (const stop of stops.reverse()) await stop();
  await rm(directory, { recursive: true, force: true });
});

let count = 0;

async function until(isSo: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + WAIT_MS;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A stream of `signed`, running, with what it said. */
class Running {
  readonly said: string[] = [];
  readonly #stream: LogStream;

  constructor(signed: Pick<SigningLog, "database">, sink: StreamSink, home: string, format: StreamFormat = "plain") {
    this.#stream = new LogStream({
      sink,
      format,
      cursor: new CursorFile(home, sink.name),
      connect: () => connectLog(signed.database.connections.rootkeep_service),
      events: {
        leading: (name) => void this.said.push(`${name} leading`),
        failed: (name, reason) => void this.said.push(`${name} failed ${reason}`),
        behind: (name, entries) => void this.said.push(`${name} behind ${String(entries)}`),
        rolledBack: (name, delivered, size, resumed) =>
          void this.said.push(`${name} rolled back ${String(delivered)} ${String(size)} ${String(resumed)}`),
      },
      lookEveryMs: 10,
      retryFirstMs: 20,
      behindSeconds: 0.05,
    });
    this.#stream.start();
    stops.push(() => this.stop());
  }

  async stop(): Promise<void> {
    await this.#stream.stop();
  }
}

/** A folder for cursor and file, and the lines in the file. */
async function newHome(): Promise<{ home: string; path: string; lines: () => Promise<string[]> }> {
  const home = join(directory, `home-${String(++count)}`);
  await mkdir(home);
  const path = join(home, "log.jsonl");
  const lines = async (): Promise<string[]> => (await readFile(path, "utf8").catch(() => "")).split("\n").slice(0, -1);
  return { home, path, lines };
}

const entriesOf = async ({ database }: Pick<SigningLog, "database">): Promise<Buffer[]> =>
  await withClient(database.connections.rootkeep_service, (client) => AuditRepository.range(client, 0, 100_000));
const parsed = (line: string): JsonObject => JSON.parse(line) as JsonObject;
const seqsOf = (lines: readonly string[]): unknown[] => lines.map((line) => parsed(line)["seq"] ?? parsed(line)["marker"]);
const upTo = (size: number): number[] => Array.from({ length: size }, (_, index) => index);

/** The entry's own bytes, cut out of its line. */
function cutOut(line: string): Buffer {
  return Buffer.from(line.slice(line.indexOf('"entry":') + '"entry":'.length, -1), "utf8");
}

describe("the stream of a log", () => {
  let log: SigningLog;
  before(async () => {
    log = await SigningLog.open();
    stops.push(() => log.close());
    await log.append(20);
  });

  it("begins with the first entry, goes on as the log grows, and holds the entries' own bytes [LS-1] [LS-2]", async () => {
    const { home, path, lines } = await newHome();
    const stream = new Running(log, new FileSink(path), home);
    await until(async () => (await lines()).length === 21, "the entries that are there");
    await log.append(3);
    await until(async () => (await lines()).length === 24, "the entries that came");
    await stream.stop();
    const entries = await entriesOf(log);
    assert.deepEqual((await lines()).map(cutOut), entries);
    for (const line of await lines()) assert.equal(leafHashHex(cutOut(line)), parsed(line)["leaf"]);
    assert.deepEqual(stream.said, ["file leading"]);
  });

  it("goes on after a restart where it stopped, and sends twice what was not noted as sent, but leaves nothing out [LS-8] [LS-12]", async () => {
    const { home, path, lines } = await newHome();
    const cursor = join(home, "stream-file.json");
    const size = (await entriesOf(log)).length;
    const first = new Running(log, new FileSink(path), home);
    await until(async () => (await lines()).length === size, "all entries");
    await first.stop();
    const kept = await readFile(cursor);
    assert.equal((await stat(cursor)).mode & 0o777, 0o600);

    await log.append(2);
    const second = new Running(log, new FileSink(path), home);
    await until(async () => (await lines()).length === size + 2, "the two new ones");
    await second.stop();
    assert.deepEqual(seqsOf(await lines()), upTo(size + 2));

    // As if the kill had come between the receiver's answer and the note of it.
    await writeFile(cursor, kept);
    const third = new Running(log, new FileSink(path), home);
    await until(async () => (await lines()).length === size + 4, "the two again");
    await third.stop();
    assert.deepEqual(seqsOf(await lines()), [...upTo(size + 2), size, size + 1]);
  });

  it("does not go on at a guess where its note cannot be read [LS-12]", async () => {
    const { home, path, lines } = await newHome();
    await writeFile(join(home, "stream-file.json"), "{}");
    const stream = new Running(log, new FileSink(path), home);
    await until(() => stream.said.length > 1, "a word");
    await stream.stop();
    assert.deepEqual(stream.said.slice(0, 2), ["file leading", "file failed stream_cursor_is_malformed"]);
    assert.deepEqual(await lines(), []);
  });

  it("holds up no act while its receiver is away or silent, says so, and then sends everything in order [LS-8]", async () => {
    const { home } = await newHome();
    const receiver = await WebhookReceiver.start(SECRET);
    stops.push(() => receiver.stop());
    receiver.manner = "lose";
    const stream = new Running(log, new WebhookSink(receiver.url, Secret.of(SECRET), { deadlineMs: 300 }), home);
    await until(() => stream.said.some((text) => text.startsWith("webhook behind")), "a word of being behind");
    assert.ok(stream.said.includes("webhook failed webhook_answered_503"), stream.said.join("; "));
    receiver.manner = "hold";
    await until(() => stream.said.includes("webhook failed webhook_timed_out"), "a word of silence");
    await log.append(40);
    const size = (await entriesOf(log)).length;
    assert.deepEqual(receiver.lines, []);
    receiver.manner = "take";
    await until(() => receiver.lines.length >= size, "everything");
    await stream.stop();
    assert.deepEqual(seqsOf(receiver.lines), upTo(size));
  });

  it("survives the loss of its connection", async () => {
    const { home, path, lines } = await newHome();
    const stream = new Running(log, new FileSink(path), home);
    const size = (await entriesOf(log)).length;
    await until(async () => (await lines()).length === size, "all entries");
    await withClient(log.database.superuser, (client) =>
      client.query(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE mode = 'ShareUpdateExclusiveLock' AND relation = 'audit.stream_file_turn'::regclass",
      ),
    );
    await log.append(1);
    await until(async () => (await lines()).length === size + 1, "the next entry");
    await stream.stop();
    assert.deepEqual(seqsOf(await lines()), upTo(size + 1));
    assert.equal(stream.said.filter((text) => text === "file leading").length, 2, stream.said.join("; "));
  });

  it("is sent by one replica, and by the next one when that one goes [LS-12]", async () => {
    const { home, path, lines } = await newHome();
    const [one, two] = [new Running(log, new FileSink(path), home), new Running(log, new FileSink(path), home)];
    const size = (await entriesOf(log)).length;
    await until(async () => (await lines()).length >= size, "all entries");
    await log.append(5);
    await until(async () => (await lines()).length >= size + 5, "five more");
    const [leader, other] = one.said.includes("file leading") ? [one, two] : [two, one];
    assert.deepEqual(other.said, []);
    await leader.stop();
    await log.append(5);
    await until(async () => (await lines()).length >= size + 10, "five more from the other");
    await other.stop();
    assert.deepEqual(other.said, ["file leading"]);
    assert.deepEqual(seqsOf(await lines()), upTo(size + 10));
  });
});

describe("a log that is not the one that was sent", () => {
  async function sentLog(size: number): Promise<{ log: SigningLog; home: string; path: string; lines: () => Promise<string[]> }> {
    const log = await SigningLog.open();
    stops.push(() => log.close());
    const home = await newHome();
    // Entry by entry, so that there are marks to go back to.
    const stream = new Running(log, new FileSink(home.path), home.home);
    for (let next = 1; next < size; next++) {
      await log.append(1);
      await until(async () => (await home.lines()).length === next + 1, "one entry");
    }
    await stream.stop();
    return { log, ...home };
  }

  it("is told of by a marker when it has become shorter, and is sent again from where both agree [LS-3]", async () => {
    const { log, home, path, lines } = await sentLog(16);
    const before = await lines();
    await log.putBack(10);
    const stream = new Running(log, new FileSink(path), home);
    await until(async () => (await lines()).length > 16, "the marker");
    const marker = parsed((await lines())[16]!);
    const resumed = Number(marker["resumed"]);
    assert.ok(resumed > 0 && resumed <= 10, String(resumed));
    assert.equal(marker["marker"], "stream.rolled_back");
    assert.deepEqual(marker["delivered"], { log: marker["log"], size: 16, head: parsed(before[15]!)["leaf"] });
    assert.deepEqual(marker["found"], { size: 10, head: parsed(before[9]!)["leaf"] });
    await until(async () => (await lines()).length === 17 + 10 - resumed, "the entries again");
    assert.deepEqual(stream.said, ["file leading", `file rolled back 16 10 ${String(resumed)}`]);

    // The log goes on with another history, which is sent as it comes.
    const reborn = await SigningLog.open({ replicaOf: log });
    stops.push(() => reborn.close());
    await reborn.append(2);
    await until(async () => (await lines()).length === 19 + 10 - resumed, "new entries");
    await stream.stop();
    const sent = await lines();
    assert.deepEqual(sent.slice(17).map(cutOut), (await entriesOf(log)).slice(resumed));
    assert.notEqual(sent.at(-1), before[11]);
  });

  it("is found out also when it has grown beyond what was sent, or just as long [LS-3]", async () => {
    for (const regrown of [16, 20]) {
      const { log, home, path, lines } = await sentLog(16);
      await log.putBack(10);
      const reborn = await SigningLog.open({ replicaOf: log });
      stops.push(() => reborn.close());
      await reborn.append(regrown - 10);
      const stream = new Running(log, new FileSink(path), home);
      await until(async () => seqsOf(await lines()).includes(regrown - 1) && (await lines()).length > 17, "the new history");
      await stream.stop();
      const after16 = (await lines()).slice(16);
      const { resumed } = parsed(after16[0]!) as { resumed: number };
      assert.ok(resumed <= 10);
      assert.deepEqual(after16.slice(1).map(cutOut), (await entriesOf(log)).slice(resumed));
    }
  });

  it("is told of once while the receiver is away, and loudly all the same", async () => {
    const log = await SigningLog.open();
    stops.push(() => log.close());
    await log.append(5);
    const { home } = await newHome();
    const receiver = await WebhookReceiver.start(SECRET);
    stops.push(() => receiver.stop());
    const stream = new Running(log, new WebhookSink(receiver.url, Secret.of(SECRET)), home, "ocsf");
    await until(() => receiver.lines.length === 6, "all entries");
    receiver.manner = "lose";
    await log.putBack(2);
    await until(() => stream.said.filter((text) => text.includes("503")).length > 3, "failures");
    assert.deepEqual(
      stream.said.filter((text) => text.includes("rolled")),
      ["webhook rolled back 6 2 0"],
    );
    receiver.manner = "take";
    await until(() => receiver.lines.length === 9, "the marker and the entries");
    await stream.stop();
    const [marker, ...again] = receiver.lines.slice(6).map(parsed);
    assert.equal(marker?.["severity_id"], 5);
    assert.deepEqual(
      again.map((event) => (event["metadata"] as JsonObject)["sequence"]),
      [0, 1],
    );
  });

  it("is not sent beyond a gap, and goes on when the gap is filled [LS-4]", async () => {
    const { log, home, path, lines } = await sentLog(4);
    await log.append(6);
    await log.tamper("CREATE TABLE audit.kept AS SELECT * FROM audit.entry WHERE seq = 7");
    await log.tamper("DELETE FROM audit.entry WHERE seq = 7");
    const stream = new Running(log, new FileSink(path), home);
    await until(() => stream.said.includes("file failed stream_has_a_gap"), "a word");
    assert.deepEqual(seqsOf(await lines()), upTo(4));
    await log.tamper("INSERT INTO audit.entry SELECT * FROM audit.kept");
    await until(async () => (await lines()).length === 10, "the rest");
    await stream.stop();
    assert.deepEqual(seqsOf(await lines()), upTo(10));
  });
});

describe("what a stream carries", () => {
  it("is no opening of a commitment: no name, no address, no reason, no salt, in either format [LS-7]", async () => {
    const vault = await Vault.open();
    stops.push(() => vault.drop());
    await vault.found();
    const reason = "the quick brown reason of nobody's business";
    await vault.requests.submit(vault.custodians![0], {
      operation: "person.enrol",
      ticket: null,
      reason,
      accountId: null,
      purpose: null,
      kinds: [],
      minutes: null,
      subject: { name: "Zebedee Quill", email: "zebedee.quill@example.com" },
    });
    const { rows } = await withClient(vault.database.superuser, (client) =>
      client.query<{ value: string; salt: Buffer }>("SELECT value, salt FROM audit.disclosure"),
    );
    const marks = rows.flatMap(({ value, salt }) => [
      { name: "value", text: value },
      { name: "salt", text: salt.toString("hex") },
      { name: "salt in base64", text: salt.toString("base64url") },
    ]);
    // Short values, such as "all", turn up in any text.
    const search = new MarkSearch(marks.filter(({ text }) => text.length >= 8));
    assert.ok(rows.some(({ value }) => value === reason) && rows.length > 2);
    const size = (await entriesOf(vault)).length;
    for (const format of ["plain", "ocsf"] as const) {
      const { home, path, lines } = await newHome();
      const stream = new Running(vault, new FileSink(path), home, format);
      await until(async () => (await lines()).length === size, "all entries");
      await stream.stop();
      const text = await readFile(path, "utf8");
      assert.match(text, /"reason":"c1:/);
      assert.deepEqual(search.in(text, format), []);
    }
    assert.deepEqual(search.in(`a line with "${reason}"`, "control"), [{ name: "value", place: "control" }]);
  });

  it("is kept apart from where it is sent: a file that cannot be written loses nothing", async () => {
    const log = await SigningLog.open();
    stops.push(() => log.close());
    await log.append(3);
    const { home } = await newHome();
    const folder = join(home, "away");
    const path = join(folder, "log.jsonl");
    const stream = new Running(log, new FileSink(path), home);
    await until(() => stream.said.includes("file failed stream_file_ENOENT"), "a failure");
    await rename((await newHome()).home, folder);
    await until(async () => (await readFile(path, "utf8").catch(() => "")).split("\n").length === 5, "the entries");
    await stream.stop();
  });
});
