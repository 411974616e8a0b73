import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { LogSigner } from "../../../src/audit/log-signer.port.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { createLogKey } from "../../../src/keys/log-keys.service.js";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const PAGE = readFileSync(join(root, "docs/spec/log-key.md"), "utf8");
const READER = join(root, "test/conformance/second-readers/sign_with_log_key.py");

interface Vectors {
  readonly signs: readonly { source: string; keystore: unknown; publicKey: string; message: string; signature: string }[];
  readonly refused: readonly { name: string; keystore: unknown }[];
}
const { signs, refused } = JSON.parse(readFileSync(join(root, "test/conformance/vectors/log-key.json"), "utf8")) as Vectors;

/** A directory that holds `files`, for as long as `act` runs. */
async function withFiles<T>(files: Readonly<Record<string, string | Buffer>>, act: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), "rootkeep-log-key-"));
  try {
    for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), content, { mode: 0o600 });
    return await act(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** The signer over a file with this text. */
const withKeystore = <T>(text: string, act: (signer: LogSigner) => Promise<T>): Promise<T> =>
  withFiles({ "log-key.json": text }, (directory) => act(createLogKey(`file:${join(directory, "log-key.json")}`)));

describe("a key file of the log", () => {
  for (const { source, keystore, publicKey, message, signature } of signs) {
    it(`signs as published: ${source} [LK-1] [LK-2]`, async () => {
      await withKeystore(JSON.stringify(keystore), async (signer) => {
        assert.equal((await signer.publicKey()).toString("hex"), publicKey);
        assert.equal((await signer.sign(Buffer.from(message, "hex"))).toString("hex"), signature);
      });
    });
  }

  for (const { name, keystore } of refused) {
    it(`is refused: ${name} [LK-2]`, async () => {
      await withKeystore(JSON.stringify(keystore), (signer) =>
        assert.rejects(
          signer.publicKey(),
          (error) => isRootkeepError(error, "KEY_UNAVAILABLE") && error.reason === "keystore_is_malformed" && error.cause === undefined,
        ),
      );
    });
  }

  it("is refused beyond 4,096 bytes, whatever fills them [LK-2]", async () => {
    const text = JSON.stringify(signs[0]?.keystore);
    await withKeystore(text.padEnd(4_096), async (signer) => assert.equal((await signer.publicKey()).length, 32));
    await withKeystore(text.padEnd(4_097), (signer) => assert.rejects(signer.publicKey(), (error) => isRootkeepError(error)));
  });

  it("stands on its page as the first vector has it", () => {
    assert.ok(PAGE.includes(`\n${JSON.stringify(signs[0]?.keystore)}\n`));
    assert.ok(PAGE.includes(signs[0]?.publicKey ?? "absent"));
  });
});

const hasOpenssl = spawnSync("sh", ["-c", "command -v sed base64 tail && openssl version"]).status === 0;
describe("the page's commands", { skip: hasOpenssl ? false : "a tool is missing: sed, base64, tail or openssl" }, () => {
  const commands = /```sh\n([\s\S]*?)```/.exec(PAGE)?.[1] ?? "false";

  // openssl 3.0 reads no empty message.
  for (const { source, keystore, publicKey, message, signature } of signs.filter((vector) => vector.message !== "")) {
    it(`write the public key and the signature, and leave no key behind: ${source}`, async () => {
      const files = { "log-key.json": JSON.stringify(keystore), message: Buffer.from(message, "hex") };
      await withFiles(files, async (directory) => {
        const { status, stderr } = spawnSync("sh", ["-ec", commands], { cwd: directory, encoding: "utf8" });
        assert.equal(status, 0, stderr);
        assert.equal((await readFile(join(directory, "public-key"))).toString("hex"), publicKey);
        assert.equal((await readFile(join(directory, "signature"))).toString("hex"), signature);
        assert.deepEqual((await readdir(directory)).sort(), ["log-key.json", "message", "public-key", "signature"]);
      });
    });
  }
});

const hasPython = spawnSync("python3", ["-c", "import cryptography"]).status === 0;
describe("a second reader in another language", { skip: hasPython ? false : "python3 with the package cryptography is missing" }, () => {
  const read = (lines: readonly { keystore: unknown; message: string }[]): string[] => {
    const input = lines.map(({ keystore, message }) => JSON.stringify({ keystore: JSON.stringify(keystore), message })).join("\n");
    const { stdout, stderr } = spawnSync("python3", [READER], { input, encoding: "utf8" });
    assert.equal(stderr, "");
    return stdout.trimEnd().split("\n");
  };

  it("signs the same bytes [LK-1] [LK-2]", () => {
    assert.deepEqual(
      read(signs),
      signs.map(({ publicKey, signature }) => `signs ${publicKey} ${signature}`),
    );
  });

  it("refuses the same files [LK-2]", () => {
    assert.deepEqual(
      read(refused.map(({ keystore }) => ({ keystore, message: "" }))),
      refused.map(() => "refuses"),
    );
  });

  it("takes the file that the service makes", async () => {
    await withFiles({}, async (directory) => {
      const path = join(directory, "log-key.json");
      const signer = createLogKey(`file:${path}`, { create: true });
      const [publicKey, signature] = [await signer.publicKey(), await signer.sign(Buffer.from("00ff", "hex"))];
      const keystore: unknown = JSON.parse(await readFile(path, "utf8"));
      assert.deepEqual(read([{ keystore, message: "00ff" }]), [`signs ${publicKey.toString("hex")} ${signature.toString("hex")}`]);
    });
  });
});
