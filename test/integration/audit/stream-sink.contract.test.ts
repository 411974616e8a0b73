import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { appendFile, chmod, mkdir, mkdtemp, readFile, rename, rm, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { FileSink } from "../../../src/audit/stream/file-sink.adapter.js";
import { entryRecord } from "../../../src/audit/stream/stream-record.js";
import type { StreamSink } from "../../../src/audit/stream/stream-sink.port.js";
import { SyslogSink } from "../../../src/audit/stream/syslog-sink.adapter.js";
import { WebhookSink } from "../../../src/audit/stream/webhook-sink.adapter.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { Secret } from "../../../src/kernel/secret.js";
import { sampleLog } from "../../support/sample-log.js";
import { SyslogReceiver, selfSigned, WebhookReceiver } from "../../support/stream-receivers.js";

// real: the sinks, files, TCP, TLS, HTTP. double: the receivers, which check framing and signatures by themselves.

const DEADLINE_MS = 400;
const SECRET = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const records = sampleLog(40).entries.map((bytes) => entryRecord(bytes, "plain"));
const linesOf = (from: number, to: number): string[] => records.slice(from, to).map(({ line }) => line);
const never = new AbortController().signal;
const directory = await mkdtemp(join(tmpdir(), "rootkeep-stream-"));
const certificate = selfSigned();
const stops: (() => Promise<unknown>)[] = [() => rm(directory, { recursive: true, force: true })];
after(async () => {
  for (const stop of stops.reverse()) await stop();
});

interface Home {
  readonly sink: StreamSink;
  /** Lines that the other side has acknowledged and kept. */
  lines(): Promise<readonly string[]>;
  /** From now on nothing can be delivered; the sink then says one of these reasons. */
  breakIt(): Promise<readonly string[]>;
  mend(): Promise<void>;
}

let count = 0;

async function fileHome(): Promise<Home> {
  const folder = join(directory, `folder-${String(++count)}`);
  await mkdir(folder);
  const path = join(folder, "log.jsonl");
  const away = `${folder}.away`;
  return {
    sink: new FileSink(path),
    lines: async () => (await readFile(path, "utf8")).split("\n").slice(0, -1),
    breakIt: async () => {
      await rename(folder, away);
      return ["stream_file_ENOENT"];
    },
    mend: () => rename(away, folder),
  };
}

async function syslogHome(isTls: boolean): Promise<Home> {
  const receiver = await SyslogReceiver.start(isTls ? certificate : undefined);
  stops.push(() => receiver.stop());
  return {
    sink: new SyslogSink(receiver.url, { authorities: certificate.cert, deadlineMs: DEADLINE_MS }),
    lines: async () => receiver.lines,
    breakIt: async () => {
      receiver.manner = "lose";
      return isTls ? ["syslog_closed_early", "syslog_ECONNRESET"] : ["syslog_ECONNRESET"];
    },
    mend: async () => void (receiver.manner = "take"),
  };
}

async function webhookHome(isTls: boolean): Promise<Home> {
  const receiver = await WebhookReceiver.start(SECRET, isTls ? certificate : undefined);
  stops.push(() => receiver.stop());
  return {
    sink: new WebhookSink(receiver.url, Secret.of(SECRET), { authorities: certificate.cert, deadlineMs: DEADLINE_MS }),
    lines: async () => receiver.lines,
    breakIt: async () => {
      receiver.manner = "lose";
      return ["webhook_answered_503"];
    },
    mend: async () => void (receiver.manner = "take"),
  };
}

const failsFor =
  (...reasons: readonly string[]) =>
  (error: unknown): boolean => {
    assert.ok(isRootkeepError(error, "UNAVAILABLE"));
    assert.ok(reasons.includes(error.reason ?? ""), error.reason);
    return true;
  };

const HOMES: Readonly<Record<string, () => Promise<Home>>> = {
  "a file [LS-9]": fileHome,
  "syslog over TCP [LS-10]": () => syslogHome(false),
  "syslog over TLS [LS-10]": () => syslogHome(true),
  "a webhook over HTTP [LS-11]": () => webhookHome(false),
  "a webhook over HTTPS [LS-11]": () => webhookHome(true),
};

for (const [name, open] of Object.entries(HOMES))
  describe(`a sink: ${name}`, () => {
    it("hands over every line, whole and in order, batch after batch [LS-1] [LS-8]", async () => {
      const { sink, lines } = await open();
      await sink.send(records.slice(0, 1), never);
      await sink.send(records.slice(1, 25), never);
      await sink.send(records.slice(25), never);
      await sink.close();
      assert.deepEqual(await lines(), linesOf(0, 40));
    });

    it("hands over a megabyte in one batch", async () => {
      const { sink, lines } = await open();
      const large = { ...records[2]!, line: JSON.stringify({ text: "ü".repeat(600_000) }) };
      await sink.send([large, records[3]!], never);
      assert.deepEqual(await lines(), [large.line, records[3]!.line]);
    });

    it("says so when the other side has not taken it, and delivers when it can again [LS-8]", async () => {
      const { sink, lines, breakIt, mend } = await open();
      await sink.send(records.slice(0, 2), never);
      const reasons = await breakIt();
      await assert.rejects(sink.send(records.slice(2, 4), never), failsFor(...reasons));
      await assert.rejects(sink.send(records.slice(2, 4), never), failsFor(...reasons));
      await mend();
      await sink.send(records.slice(2, 4), never);
      await sink.close();
      assert.deepEqual(await lines(), linesOf(0, 4));
    });

    it("works again after it was closed", async () => {
      const { sink, lines } = await open();
      await sink.send(records.slice(0, 2), never);
      await sink.close();
      await sink.close();
      await sink.send(records.slice(2, 4), never);
      await sink.close();
      assert.deepEqual(await lines(), linesOf(0, 4));
    });
  });

describe("the file of a stream [LS-9]", () => {
  const newPath = (): string => join(directory, `log-${String(++count)}.jsonl`);
  const send = async (path: string, from: number, to: number): Promise<void> => {
    const sink: StreamSink = new FileSink(path);
    await sink.send(records.slice(from, to), never);
    await sink.close();
  };

  it("is made for its owner's eyes alone, and left as it is where somebody else has set its rights", async () => {
    const path = newPath();
    await send(path, 0, 1);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    await chmod(path, 0o640);
    await send(path, 1, 2);
    assert.equal((await stat(path)).mode & 0o777, 0o640);
  });

  it("is opened anew when it was renamed, removed or replaced between two batches", async () => {
    const path = newPath();
    const sink: StreamSink = new FileSink(path);
    await sink.send(records.slice(0, 2), never);
    await rename(path, `${path}.1`);
    await sink.send(records.slice(2, 4), never);
    await rename(path, `${path}.2`);
    await writeFile(path, "");
    await sink.send(records.slice(4, 5), never);
    await rm(path);
    await sink.send(records.slice(5, 6), never);
    await sink.close();
    const texts = await Promise.all([`${path}.1`, `${path}.2`, path].map((name) => readFile(name, "utf8")));
    assert.deepEqual(
      texts.map((text) => text.split("\n").slice(0, -1)),
      [linesOf(0, 2), linesOf(2, 4), linesOf(5, 6)],
    );
  });

  it("never joins a line to half a line that a kill left behind", async () => {
    const path = newPath();
    await send(path, 0, 2);
    await truncate(path, (await stat(path)).size - 20);
    await send(path, 1, 2);
    const lines = (await readFile(path, "utf8")).split("\n");
    assert.deepEqual([lines[0], lines[2], lines[3]], [...linesOf(0, 2), ""]);
    assert.equal(lines[1], records[1]!.line.slice(0, -19));
  });

  it("takes half a batch back when the disk is full, and gives it whole later", { skip: process.platform !== "linux" }, async () => {
    const path = newPath();
    const program = `
      import { FileSink } from ${JSON.stringify(new URL("../../../src/audit/stream/file-sink.adapter.js", import.meta.url).href)};
      process.on("SIGXFSZ", () => undefined);
      const sink = new FileSink(${JSON.stringify(path)});
      await sink.send([{ line: "a".repeat(500) }]);
      await sink.send([{ line: "b".repeat(400) }, { line: "c".repeat(4000) }]).catch((error) => console.log(error.reason));
    `;
    // A file of more than 1 KiB is refused in the middle of a write, as a full disk would.
    const run = spawnSync("bash", ["-c", 'ulimit -f 1 && exec "$0" --input-type=module -e "$1"', process.execPath, program], {
      encoding: "utf8",
    });
    assert.equal(run.stdout.trim(), "stream_file_EFBIG", run.stderr);
    assert.equal((await readFile(path, "utf8")).length, 501);
    const sink: StreamSink = new FileSink(path);
    await sink.send(records.slice(0, 1), never);
    await sink.close();
    assert.equal((await readFile(path, "utf8")).split("\n")[1], records[0]!.line);
  });

  it("is a file: neither a link, nor a pipe, nor a folder", async () => {
    const [link, pipe, folder] = [newPath(), newPath(), newPath()];
    await symlink(newPath(), link);
    spawnSync("mkfifo", [pipe]);
    await mkdir(folder);
    await assert.rejects(send(link, 0, 1), failsFor("stream_file_ELOOP"));
    await assert.rejects(send(pipe, 0, 1), failsFor("stream_file_is_no_file"));
    await assert.rejects(send(folder, 0, 1), failsFor("stream_file_EISDIR"));
  });

  it("may be appended to by others without harm", async () => {
    const path = newPath();
    const sink: StreamSink = new FileSink(path);
    await sink.send(records.slice(0, 1), never);
    await appendFile(path, "somebody else's line\n");
    await sink.send(records.slice(1, 2), never);
    await sink.close();
    assert.deepEqual((await readFile(path, "utf8")).split("\n"), [linesOf(0, 1)[0], "somebody else's line", linesOf(1, 2)[0], ""]);
  });
});

describe("a syslog receiver [LS-10]", () => {
  it("is told place and hash of each entry in the structured data", async () => {
    const receiver = await SyslogReceiver.start();
    stops.push(() => receiver.stop());
    await new SyslogSink(receiver.url).send(records.slice(2, 4), never);
    assert.deepEqual(
      receiver.messages.map(({ data }) => data),
      records.slice(2, 4).map(({ seq, leaf }) => `[rootkeep@32473 seq="${String(seq)}" leaf="${leaf}"]`),
    );
    for (const { head } of receiver.messages) assert.match(head, /^<109>1 2026-01-01T00:00:0[23]\.000000Z \S+ rootkeep - secret\.reveal$/);
  });

  it("that never says farewell has acknowledged nothing", async () => {
    const receiver = await SyslogReceiver.start();
    stops.push(() => receiver.stop());
    receiver.manner = "hold";
    const sink = new SyslogSink(receiver.url, { deadlineMs: DEADLINE_MS });
    await assert.rejects(sink.send(records.slice(0, 2), never), failsFor("syslog_is_not_acknowledged"));
    assert.equal(receiver.attempts.length, 1);
  });

  it("that says farewell before us has acknowledged nothing, whatever the socket took", async () => {
    for (const tls of [undefined, certificate]) {
      const receiver = await SyslogReceiver.start(tls);
      stops.push(() => receiver.stop());
      receiver.manner = "close";
      const sink = new SyslogSink(receiver.url, { authorities: certificate.cert });
      await assert.rejects(sink.send(records.slice(0, 2), never), failsFor("syslog_closed_early"));
    }
  });

  it("that is not there, or shows another certificate than a trusted one, gets nothing", async () => {
    const receiver = await SyslogReceiver.start(certificate);
    const other = selfSigned();
    await assert.rejects(
      new SyslogSink(receiver.url, { authorities: other.cert }).send(records.slice(0, 2), never),
      failsFor("syslog_DEPTH_ZERO_SELF_SIGNED_CERT"),
    );
    await assert.rejects(new SyslogSink(receiver.url).send(records.slice(0, 2), never), failsFor("syslog_DEPTH_ZERO_SELF_SIGNED_CERT"));
    assert.equal(receiver.attempts.length, 0);
    await receiver.stop();
    await assert.rejects(new SyslogSink(receiver.url).send(records.slice(0, 2), never), failsFor("syslog_ECONNREFUSED"));
  });

  it("is checked by name", async () => {
    const receiver = await SyslogReceiver.start(certificate);
    stops.push(() => receiver.stop());
    const byOtherName = receiver.url.replace("localhost", "127.0.0.2");
    const sink = new SyslogSink(byOtherName, { authorities: certificate.cert, deadlineMs: DEADLINE_MS });
    // The receiver listens on 127.0.0.1 alone; only a system that routes all of 127/8 to it gets as far as the name.
    await assert.rejects(sink.send(records.slice(0, 2), never), failsFor("syslog_ERR_TLS_CERT_ALTNAME_INVALID", "syslog_ECONNREFUSED"));
  });

  it("is left at once when the service stops", async () => {
    const receiver = await SyslogReceiver.start();
    stops.push(() => receiver.stop());
    receiver.manner = "hold";
    const stop = new AbortController();
    const sending = new SyslogSink(receiver.url, { deadlineMs: 60_000 }).send(records.slice(0, 2), stop.signal);
    while (receiver.attempts.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    stop.abort();
    await assert.rejects(sending, failsFor("syslog_is_not_acknowledged"));
  });
});

describe("a webhook's receiver [LS-11]", () => {
  const open = async (isTls = false): Promise<{ receiver: WebhookReceiver; sink: WebhookSink }> => {
    const receiver = await WebhookReceiver.start(SECRET, isTls ? certificate : undefined);
    stops.push(() => receiver.stop());
    return { receiver, sink: new WebhookSink(receiver.url, Secret.of(SECRET), { deadlineMs: DEADLINE_MS }) };
  };

  it("sees the same id for the same batch, however often it comes, and another for another", async () => {
    const { receiver, sink } = await open();
    receiver.manner = "lose";
    await assert.rejects(sink.send(records.slice(0, 2), never));
    receiver.manner = "take";
    await sink.send(records.slice(0, 2), never);
    await sink.send(records.slice(2, 4), never);
    const ids = receiver.headers.map((headers) => headers["webhook-id"]);
    assert.equal(ids[0], ids[1]);
    assert.notEqual(ids[1], ids[2]);
    assert.equal(receiver.headers[0]!["content-type"], "application/x-ndjson");
    assert.ok(Math.abs(Number(receiver.headers[0]!["webhook-timestamp"]) - Date.now() / 1000) < 60);
  });

  it("is not followed to another address", async () => {
    const { receiver, sink } = await open();
    receiver.manner = "lose";
    for (const status of [302, 307, 400, 404, 413, 500]) {
      receiver.status = status;
      await assert.rejects(sink.send(records.slice(0, 2), never), failsFor(`webhook_answered_${String(status)}`));
    }
  });

  it("that knows another secret takes nothing, and one that says nothing is given up", async () => {
    const { receiver, sink } = await open();
    const stranger = new WebhookSink(receiver.url, Secret.of(`whsec_${Buffer.alloc(32, 8).toString("base64")}`));
    await assert.rejects(stranger.send(records.slice(0, 2), never), failsFor("webhook_answered_401"));
    receiver.manner = "hold";
    await assert.rejects(sink.send(records.slice(0, 2), never), failsFor("webhook_timed_out"));
    assert.deepEqual(receiver.lines, []);
  });

  it("is spoken to over TLS only with a trusted certificate", async () => {
    const { receiver, sink } = await open(true);
    await assert.rejects(sink.send(records.slice(0, 2), never), failsFor("webhook_DEPTH_ZERO_SELF_SIGNED_CERT"));
    assert.equal(receiver.attempts.length, 0);
  });
});
