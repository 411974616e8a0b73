import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { RollbackMarker } from "../../../src/audit/stream/rollback-marker.js";
import { entryRecord, markerRecord } from "../../../src/audit/stream/stream-record.js";
import { syslogFrame } from "../../../src/audit/stream/syslog-frame.js";
import { webhookHeaders, webhookId } from "../../../src/audit/stream/webhook-signature.js";
import { Secret } from "../../../src/kernel/secret.js";
import { ocsfProblems } from "../../support/ocsf-schema.js";
import { ROOT, readVectors } from "./vector-file.js";

const vectors = readVectors("log-stream.json", {
  lines: ["name", "entry", "plain", "ocsf"],
  markers: ["marker", "plain", "ocsf"],
  frames: ["host", "entry", "frame"],
  webhooks: ["secret", "body", "id", "timestamp", "signature"],
});
const page = readFileSync(fileURLToPath(new URL("docs/spec/log-stream.md", ROOT)), "utf8");

describe("log stream vectors", () => {
  for (const { name, entry, plain, ocsf } of vectors.lines) {
    it(`writes ${name} as a plain line, whose entry hashes to its leaf by four lines of anybody's code [LS-1] [LS-2]`, () => {
      assert.equal(entryRecord(Buffer.from(entry, "utf8"), "plain").line, plain);
      const own = plain.slice(plain.indexOf('"entry":') + 8, -1);
      const leaf = createHash("sha256")
        .update(Buffer.from([0]))
        .update(own)
        .digest("hex");
      assert.equal((JSON.parse(plain) as { leaf: string }).leaf, leaf);
    });
    it(`writes ${name} as an event of OCSF [LS-5] [LS-6]`, () => {
      assert.equal(entryRecord(Buffer.from(entry, "utf8"), "ocsf").line, ocsf);
      assert.deepEqual(ocsfProblems(JSON.parse(ocsf) as Record<string, unknown>), []);
    });
  }

  it("write a marker [LS-3]", () => {
    for (const { marker, plain, ocsf } of vectors.markers) {
      const given = JSON.parse(marker) as RollbackMarker;
      assert.deepEqual([markerRecord(given, "plain").line, markerRecord(given, "ocsf").line], [plain, ocsf]);
    }
  });

  it("frame a syslog message [LS-10]", () => {
    for (const { host, entry, frame } of vectors.frames)
      assert.equal(syslogFrame(entryRecord(Buffer.from(entry, "utf8"), "plain"), host).toString("utf8"), frame);
  });

  it("sign a batch [LS-11]", () => {
    for (const { secret, body, id, timestamp, signature } of vectors.webhooks) {
      assert.equal(webhookId(Buffer.from(body)), id);
      assert.deepEqual(webhookHeaders(Secret.of(secret), id, Number(timestamp), Buffer.from(body)), {
        "webhook-id": id,
        "webhook-timestamp": timestamp,
        "webhook-signature": signature,
      });
      const key = Buffer.from(secret.slice(6), "base64");
      assert.equal(signature, `v1,${createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64")}`);
    }
  });

  it("are what the page shows", () => {
    const [, , intent] = vectors.lines;
    const [marker] = vectors.markers;
    const [, , frame] = vectors.frames;
    const [webhook] = vectors.webhooks;
    const shown = [intent?.plain, intent?.ocsf, marker?.plain, frame?.frame.slice(0, frame.frame.indexOf("{")), webhook?.signature];
    for (const text of shown) assert.ok(text !== undefined && page.includes(text), text);
  });
});
