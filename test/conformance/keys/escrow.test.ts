import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { Secret } from "../../../src/kernel/secret.js";
import { decryptWith, encryptTo, identityOf, recipientOf } from "../../../src/keys/escrow-age.js";
import { combineShares } from "../../../src/keys/escrow-quorum.js";
import { formatShare, parseShare } from "../../../src/keys/escrow-share.js";

// real: age, Shamir's scheme, Python. double: none.
const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const READER = join(ROOT, "test/conformance/second-readers/open_escrow.py");
const NO_PYTHON =
  spawnSync("python3", ["-c", "import cryptography"]).status === 0 ? false : "python3 with the package cryptography is missing";

interface Vectors {
  readonly quorums: readonly { name: string; recipient: string; scalar: string; threshold: number; shares: readonly string[] }[];
  readonly wraps: readonly { name: string; deployment: string; data_key: Readonly<Record<string, string>>; key: string | null }[];
  readonly refused: readonly { name: string; text: string; rule: string }[];
}
const { quorums, wraps, refused } = JSON.parse(readFileSync(join(ROOT, "test/conformance/vectors/escrow.json"), "utf8")) as Vectors;
const [quorum] = quorums;

/** Every choice of `count` of `items`. */
function choices<T>(items: readonly T[], count: number): T[][] {
  if (count === 0) return [[]];
  return items.flatMap((item, at) => choices(items.slice(at + 1), count - 1).map((rest) => [item, ...rest]));
}

/** What the second reader says, given these shares. */
async function byHand(shares: readonly string[], input: string): Promise<ReturnType<typeof spawnSync>> {
  const directory = await mkdtemp(join(tmpdir(), "rootkeep-escrow-"));
  try {
    const files = shares.map((_, at) => join(directory, `share-${String(at)}.txt`));
    for (const [at, file] of files.entries()) await writeFile(file, shares[at] ?? "", { mode: 0o600 });
    return spawnSync("python3", [READER, ...files], { input, encoding: "utf8" });
  } finally {
    await rm(directory, { recursive: true });
  }
}

describe("the published shares", () => {
  for (const { name, recipient, scalar, threshold, shares } of quorums) {
    it(`of ${name} give the published identity, whichever of them come together [ES-2] [ES-5]`, async () => {
      const expected = await recipientOf(await identityOf(Secret.of(Buffer.from(scalar, "hex"))));
      assert.equal(expected, recipient);
      for (const some of choices(shares, threshold)) {
        const identity = await combineShares(some.map((text) => parseShare(text, "share")));
        assert.equal(await recipientOf(identity), recipient);
      }
      await combineShares(shares.map((text) => parseShare(text, "share")));
    });

    it(`of ${name} are what the program writes, and are read in one line as well [ES-3] [ES-4]`, () => {
      for (const text of shares) {
        assert.equal(formatShare(parseShare(text, "share")), text);
        assert.deepEqual(parseShare(text.replaceAll("\n", "  "), "share"), parseShare(text, "share"));
        assert.deepEqual(parseShare(`\r\n${text.replaceAll("\n", "\t\r\n")}`, "share"), parseShare(text, "share"));
      }
    });
  }

  for (const { name, text, rule } of refused) {
    it(`are no longer shares with ${name} [ES-4]`, () => {
      assert.throws(
        () => parseShare(text, "share file 2"),
        (error) =>
          isRootkeepError(error, "MALFORMED") && error.fields[0]?.rule === rule && error.fields[0].field === "share file 2" && !error.cause,
      );
    });
  }
});

describe("the published wraps", () => {
  it("hold exactly the facts of their row and the key [ES-6]", async () => {
    const identity = await identityOf(Secret.of(Buffer.from(quorum?.scalar ?? "", "hex")));
    const [wrap] = wraps;
    const plaintext = (await decryptWith(identity, Buffer.from(wrap?.data_key["escrow"] ?? "", "hex"))) ?? Buffer.alloc(0);
    const page = readFileSync(join(ROOT, "docs/spec/escrow.md"), "utf8");
    assert.equal(plaintext.subarray(0, 4).toString("hex"), /^([0-9a-f]{8}) +8 fields$/m.exec(page)?.[1]);
    assert.ok(plaintext.includes("rootkeep-escrow-wrap/1") && plaintext.toString("hex").endsWith(wrap?.key ?? "none"));
  });

  it("of a recipient that is none are not made", async () => {
    for (const recipient of ["", "age1", quorum?.recipient.slice(0, -1) ?? "", quorum?.recipient.replace(/.$/, "q") ?? "", "age1pq1qqqq"])
      await assert.rejects(encryptTo(recipient, Buffer.alloc(32)), /no escrow recipient/);
  });
});

describe("a second reader in another language", { skip: NO_PYTHON }, () => {
  const rows = wraps.map(({ deployment, data_key }) => `${JSON.stringify({ deployment, data_key })}\n`).join("");

  it("combines the same shares, opens the same wraps and refuses the same (L10) [ES-5] [ES-6] [ES-7]", async () => {
    const expected = wraps.map(({ key }) => (key === null ? "refuses" : `opens ${key}`));
    for (const some of [quorum?.shares.slice(0, 3) ?? [], quorum?.shares.slice(2) ?? [], quorum?.shares ?? []]) {
      const { stdout, stderr, status } = await byHand(some, rows);
      assert.equal(status, 0, String(stderr));
      assert.deepEqual(String(stdout).split("\n").slice(0, -1), expected);
    }
    assert.ok(expected.includes("refuses") && expected.some((line) => line.startsWith("opens")));
  });

  for (const { name, text } of refused) {
    it(`takes no share with ${name} [ES-4]`, async () => {
      const { stdout, status } = await byHand([text, ...(quorum?.shares.slice(1, 4) ?? [])], rows);
      assert.notEqual(status, 0);
      assert.equal(stdout, "");
    });
  }

  it("opens nothing with too few shares, one twice, or shares of two sets [ES-5]", async () => {
    const [one = "", two = "", three = ""] = quorum?.shares ?? [];
    const other = quorums[1]?.shares[0] ?? "";
    for (const shares of [[one, two], [one, two, two], [one, two, three, other], []]) {
      const { stdout, stderr, status } = await byHand(shares, rows);
      assert.notEqual(status, 0);
      assert.equal(stdout, "");
      assert.match(String(stderr), /no identity/);
    }
  });

  it("is short enough to be read before it is needed", () => {
    assert.ok(readFileSync(READER, "utf8").split("\n").length <= 170);
  });
});

describe("the page of the format", () => {
  const page = readFileSync(join(ROOT, "docs/spec/escrow.md"), "utf8");

  it("shows a share that is one, and it is the published one [ES-3]", () => {
    const [, example = ""] = /```\n(rootkeep-escrow-share[\s\S]*?)```/.exec(page) ?? [];
    assert.equal(formatShare(parseShare(example, "example")), quorums[1]?.shares[0]);
    assert.ok(page.includes(parseShare(quorums[1]?.shares[1] ?? "", "share").bytes.length === 33 ? "07H7C9I3N2nG" : "none"));
  });
});
