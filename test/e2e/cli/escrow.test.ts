import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { runCli } from "../../support/run-cli.js";

// real: the command line as a program, files. double: none; it needs no service.
describe("the escrow identity on the command line, offline", () => {
  const directory = mkdtempSync(join(tmpdir(), "rootkeep-escrow-cli-"));
  const out = join(directory, "shares");
  const share = (index: number): string => join(out, `share-${String(index)}.txt`);
  const check = (...files: string[]) => ["key", "escrow", "check", ...files.flatMap((file) => ["--share", file])];
  after(() => rmSync(directory, { recursive: true, force: true }));
  let recipient = "";

  it("is made as share files of mode 0600 in a directory of mode 0700, and leaves itself nowhere", async () => {
    const { status, stdout, stderr } = await runCli([
      "key",
      "escrow",
      "create",
      "--shares",
      "4",
      "--threshold",
      "3",
      "--out",
      out,
      "--json",
    ]);
    assert.equal(status, 0, stderr);
    recipient = (JSON.parse(stdout) as { recipient: string }).recipient;
    assert.match(recipient, /^age1[0-9a-z]{58}$/);
    assert.deepEqual((await readdir(out)).sort(), ["share-1.txt", "share-2.txt", "share-3.txt", "share-4.txt"]);
    assert.equal((await stat(out)).mode & 0o777, 0o700);
    for (const index of [1, 2, 3, 4]) {
      assert.equal((await stat(share(index))).mode & 0o777, 0o600);
      const text = await readFile(share(index), "latin1");
      assert.ok(text.includes(`share: ${String(index)} of 4\nthreshold: 3\n`) && text.includes(recipient));
      assert.ok(!stdout.includes(/data: (.*)/.exec(text)?.[1] ?? "none"), "no share is printed");
    }
    for (const text of [stdout, stderr]) assert.doesNotMatch(text, /AGE-SECRET-KEY/i);
  });

  it("never writes over what is there", async () => {
    const { status, stderr } = await runCli(["key", "escrow", "create", "--shares", "2", "--threshold", "2", "--out", out]);
    assert.equal(status, 1);
    assert.match(stderr, /exists already/);
    assert.equal((await readdir(out)).length, 4);
  });

  it("is proven by a quorum of its files, from whichever of them, and by a share typed in one line", async () => {
    const one = await runCli([...check(share(4), share(1), share(2)), "--recipient", recipient]);
    assert.equal(one.status, 0, one.stderr);
    assert.equal(one.stdout, `3 shares open what is encrypted to ${recipient}\n`);
    const typed = (await readFile(share(3), "latin1")).replaceAll("\n", " ");
    const two = await runCli([...check(share(1), share(2)), "--ask"], { stdin: `${typed}\n` });
    assert.equal(two.status, 0, two.stderr);
  });

  const damaged = join(directory, "damaged.txt");
  for (const [name, files, rule] of [
    ["a share too few", () => [share(1), share(2)], /shares are 2; this set needs 3 of its 4/],
    ["a share twice", () => [share(1), share(2), share(1)], /hold share 1 twice/],
    ["a damaged share", () => [share(1), damaged, share(3)], /share file 2 is damaged: its checksum does not hold/],
    ["a file that is no share", () => [share(1), new URL(import.meta.url).pathname], /share file 2 is no share of an escrow identity/],
    ["a file that is not there", () => [join(directory, "none.txt")], /cannot be read \(ENOENT\)/],
  ] as const) {
    it(`is not proven with ${name}, and the error says so without a word of a share`, async () => {
      const text = await readFile(share(2), "latin1");
      await writeFile(
        damaged,
        text.replace(/data: (.)/, (_, first) => `data: ${first === "A" ? "B" : "A"}`),
      );
      const { status, stdout, stderr } = await runCli(check(...files()));
      assert.equal(status, 1);
      assert.equal(stdout, "");
      assert.match(stderr, rule);
      assert.ok(!stderr.includes(/data: (.*)/.exec(text)?.[1] ?? "none"));
    });
  }

  it("is not proven with shares of two sets, nor for another recipient", async () => {
    const other = join(directory, "other");
    const made = await runCli(["key", "escrow", "create", "--shares", "4", "--threshold", "3", "--out", other]);
    assert.equal(made.status, 0);
    const mixed = await runCli(check(share(1), share(2), join(other, "share-3.txt")));
    assert.equal(mixed.status, 1);
    assert.match(mixed.stderr, /shares are of two sets/);
    const wrong = await runCli([
      ...check(share(1), share(2), share(3)),
      "--recipient",
      "age1zwlyl6h27gzv0lfntr7fcqrjrzqazap8sy5zylkxwneh7llf0dksu37mwt",
    ]);
    assert.equal(wrong.status, 1);
    assert.match(wrong.stderr, /of another recipient/);
  });

  it("has a threshold between two and the number of shares", async () => {
    for (const [shares, threshold] of [
      ["3", "1"],
      ["3", "4"],
      ["1", "1"],
      ["256", "2"],
    ] as const) {
      const { status } = await runCli([
        "key",
        "escrow",
        "create",
        "--shares",
        shares,
        "--threshold",
        threshold,
        "--out",
        join(directory, "no"),
      ]);
      assert.equal(status, 3);
    }
  });
});
