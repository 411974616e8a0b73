// real: the program, PostgreSQL, processes and signals, HTTP, files; double: the webhook's receiver.
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { JsonObject } from "../../../src/audit/canonical-json.js";
import { type Crew, castParts, found } from "../../support/crew.js";
import { Program, removeHome } from "../../support/program.js";
import { WebhookReceiver } from "../../support/stream-receivers.js";

const SECRET = `whsec_${Buffer.alloc(32, 9).toString("base64")}`;
const WAIT_MS = 30_000;

/** The tests build on each other. */
describe("a service that sends its log to a file and to a webhook", () => {
  let parent = "";
  let directory = "";
  let service: Program;
  let receiver: WebhookReceiver;
  let crew: Crew;

  before(async () => {
    parent = await mkdtemp(join(tmpdir(), "rootkeep-e2e-"));
    directory = join(parent, "data");
    await mkdir(directory);
    receiver = await WebhookReceiver.start(SECRET);
    service = await start();
  });
  after(async () => {
    await (service as Program | undefined)?.kill();
    await (receiver as WebhookReceiver | undefined)?.stop();
    await removeHome(directory);
    await rm(parent, { recursive: true, force: true });
  });

  const start = async (): Promise<Program> =>
    await Program.start({
      directory,
      environment: {
        ROOTKEEP_STREAM_FORMAT: "ocsf",
        ROOTKEEP_STREAM_FILE: join(directory, "log.jsonl"),
        ROOTKEEP_STREAM_WEBHOOK: receiver.url,
        ROOTKEEP_STREAM_WEBHOOK_SECRET: SECRET,
      },
    });
  const fileLines = async (): Promise<string[]> =>
    (await readFile(join(directory, "log.jsonl"), "utf8").catch(() => "")).split("\n").slice(0, -1);
  const seqsOf = (lines: readonly string[]): number[] =>
    lines.map((line) => ((JSON.parse(line) as JsonObject)["metadata"] as { sequence: number }).sequence);

  /** Both copies hold every entry that the log has now. */
  async function assertCopied(): Promise<void> {
    const head = await crew.cyd.client.get("/v1/audit/head");
    const size = head.count("size");
    const deadline = performance.now() + WAIT_MS;
    while (new Set(seqsOf(await fileLines())).size < size || new Set(seqsOf(receiver.lines)).size < size) {
      assert.ok(performance.now() < deadline, `${String(size)} entries, ${service.output}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    for (const lines of [await fileLines(), receiver.lines]) {
      const seqs = seqsOf(lines);
      // No number is missing where it is first seen.
      const firsts = seqs.filter((seq, index) => seqs.indexOf(seq) === index);
      assert.deepEqual(
        firsts,
        firsts.map((_, index) => index),
      );
    }
  }

  it("sends what is there from the first entry on, and what comes", async () => {
    crew = await found(service.address, await service.invitations());
    await castParts(crew);
    await assertCopied();
    assert.equal(service.events("stream.leading").length, 2);
  });

  it("does what it is asked while the receiver is away, and says that the stream fails", async () => {
    receiver.manner = "lose";
    await crew.ada.ask({ operation: "person.enrol", subject: { name: "Dora Lind", email: "dora@example.com" }, reason: "new colleague" });
    const deadline = performance.now() + WAIT_MS;
    while (service.events("stream.failed").length === 0) {
      assert.ok(performance.now() < deadline);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const [line] = service.events("stream.failed");
    assert.deepEqual([line?.["sink"], line?.["reason"]], ["webhook", "webhook_answered_503"]);
  });

  it("leaves nothing out when it is killed and started again", async () => {
    await service.kill();
    receiver.manner = "take";
    service = await start();
    for (const member of Object.values(crew)) member.moveTo(service.address);
    await assertCopied();
  });

  it("stops at once, and sends nothing twice for having been stopped in good order", async () => {
    await assertCopied();
    const before = seqsOf(receiver.lines);
    await service.stop();
    service = await start();
    for (const member of Object.values(crew)) member.moveTo(service.address);
    // The entry that tells of the start comes a moment after the service listens.
    const deadline = performance.now() + WAIT_MS;
    while (receiver.lines.length <= before.length) {
      assert.ok(performance.now() < deadline, "nothing was sent after the start");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await assertCopied();
    const added = seqsOf(receiver.lines).slice(before.length);
    assert.ok(added.length > 0);
    assert.deepEqual(
      added,
      added.map((_, index) => before.length + index + (added[0]! - before.length)),
    );
    assert.ok(added[0]! > Math.max(...before));
  });
});
