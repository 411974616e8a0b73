import assert from "node:assert/strict";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { readRegularFile } from "../../../src/verify/export-directory.js";
import { EXPORT_CHECKS, ReportBuilder } from "../../../src/verify/report.js";

const NOWHERE = { origin: null, from: null, to: null, entries: 0 };

describe("the report", () => {
  it("lets nothing that could not be read hide what was found to be false", () => {
    const report = new ReportBuilder(EXPORT_CHECKS);
    report.incomplete("layout", "unreadable");
    report.tampered("layout", "false", 3);
    const { verdict, firstBadSeq, checks } = report.build(NOWHERE, "");
    assert.deepEqual({ verdict, firstBadSeq }, { verdict: "tampered", firstBadSeq: 3 });
    assert.deepEqual(checks[1], { check: "layout", status: "failed", message: "false", count: 2, seq: 3 });
  });
  it("names the earliest bad place of all checks, and keeps the first failure of each", () => {
    const report = new ReportBuilder(EXPORT_CHECKS);
    report.tampered("time", "one", 9);
    report.tampered("time", "two", 4);
    report.tampered("chain", "three", 7);
    report.note("chain", "ok", "fine");
    const { firstBadSeq, checks } = report.build(NOWHERE, "");
    assert.equal(firstBadSeq, 7);
    assert.equal(checks.find(({ check }) => check === "chain")?.status, "failed");
    assert.equal(checks.find(({ check }) => check === "time")?.message, "one");
  });
});

describe("a file of an export", () => {
  let folder = "";
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "rootkeep-file-"));
  });
  after(async () => {
    await rm(folder, { recursive: true, force: true });
  });
  it("is read whole, or is not there", async () => {
    await writeFile(join(folder, "file"), "12345");
    assert.equal(String(await readRegularFile(join(folder, "file"), 5)), "12345");
    assert.equal(await readRegularFile(join(folder, "none"), 5), null);
    assert.equal(await readRegularFile(join(folder, "file", "none"), 5), null);
  });
  it("is refused when it is a link, a device, a directory or too large", async () => {
    await symlink(join(folder, "file"), join(folder, "link"));
    await assert.rejects(readRegularFile(join(folder, "link"), 5));
    await assert.rejects(readRegularFile("/dev/null", 5), /no regular file/);
    await assert.rejects(readRegularFile(folder, 5_000_000), /no regular file/);
    await assert.rejects(readRegularFile(join(folder, "file"), 4), /too large/);
  });
});
