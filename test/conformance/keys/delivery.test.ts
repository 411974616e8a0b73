import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { decodeProtectedHeader, importJWK, type JWK } from "jose";
import { openEnclosed } from "../../../src/cli/delivery.js";
import { LocalError } from "../../../src/cli/failure.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { Secret } from "../../../src/kernel/secret.js";
import { type DeliveryKey, parseDeliveryKey } from "../../../src/keys/delivery-key.js";
import { deliveryPlaintext, enclose } from "../../../src/keys/enclose.js";
import { ROOT, readVectors } from "../audit/vector-file.js";

const READER = fileURLToPath(new URL("test/conformance/second-readers/open_delivery.py", ROOT));
const VECTORS = fileURLToPath(new URL("test/conformance/vectors/delivery.json", ROOT));
const NO_PYTHON =
  spawnSync("python3", ["-c", "import cryptography"]).status === 0 ? false : "python3 with the package cryptography is missing";

const vectors = readVectors("delivery.json", {
  plaintexts: ["name", "value", "bytes", "sha256"],
  keys: ["name", "jwk", "thumbprint"],
  refusedKeys: ["name", "clause", "jwk"],
  deliveries: ["name", "privateJwk", "jwe", "value"],
  refused: ["name", "clause", "privateJwk", "jwe"],
});

/** A client's private key as jose has it. */
type PrivateKey = Parameters<typeof openEnclosed>[1];

const parse = (jwk: string): DeliveryKey => parseDeliveryKey(JSON.parse(jwk) as Record<string, unknown>, "deliverTo");
const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

/** The parts of a client whose private key is `text`, as it keeps them. */
async function clientOf(text: string): Promise<{ privateKey: PrivateKey; key: DeliveryKey }> {
  const { d, ...jwk } = JSON.parse(text) as JWK;
  const privateKey = (await importJWK({ ...jwk, d } as JWK, "ECDH-ES")) as PrivateKey;
  return { privateKey, key: parse(JSON.stringify(jwk)) };
}

async function openHere(privateJwk: string, jwe: string): Promise<string> {
  const { privateKey, key } = await clientOf(privateJwk);
  return (await openEnclosed(jwe, privateKey, key.thumbprint)).expose((value) => value);
}

describe("vectors of deliveries", () => {
  for (const { name, value, bytes, sha256: digest } of vectors.plaintexts) {
    it(`the plaintext of ${name} is a multiple of 512 bytes, and these [DL-7] [DL-8]`, () => {
      const text = deliveryPlaintext(Buffer.from(value, "utf8"));
      assert.deepEqual([String(text.length), sha256(text), text.length % 512], [bytes, digest, 0]);
      const { pad, value: read } = JSON.parse(text.toString("utf8")) as { pad: string; value: string };
      assert.equal(read, value);
      assert.match(pad, /^0{0,511}$/);
    });
  }

  for (const { name, jwk, thumbprint } of vectors.keys) {
    it(`${name} has its thumbprint [DL-3] [DL-5]`, () => {
      assert.equal(parse(jwk).thumbprint, thumbprint);
    });
  }

  for (const { name, clause, jwk } of vectors.refusedKeys) {
    it(`refuses ${name} as a key, and says nothing of its value [${clause}]`, () => {
      assert.throws(
        () => parse(jwk),
        (error) => {
          assert.ok(isRootkeepError(error, "MALFORMED"));
          const told = JSON.stringify(error.fields);
          assert.match(told, clause === "DL-2" ? /^\[\{"field":"deliverTo\.d","rule":"is a private key/ : /^\[\{"field":"deliverTo/);
          const values = Object.values(JSON.parse(jwk) as Record<string, unknown>).filter((value) => typeof value === "string");
          assert.ok(values.every((value) => value.length < 20 || !told.includes(value)));
          return true;
        },
      );
    });
  }

  for (const { name, privateJwk, jwe, value } of vectors.deliveries) {
    it(`opens ${name} [DL-6] [DL-9]`, async () => {
      assert.equal(await openHere(privateJwk, jwe), value);
    });

    it(`encloses ${name} for that client and no other, in another message each time [DL-6]`, async () => {
      const { privateKey, key } = await clientOf(privateJwk);
      const secret = Secret.of(Buffer.from(value, "utf8"));
      const [one, two] = [await enclose(secret, key), await enclose(secret, key)];
      assert.equal(
        (await openEnclosed(one, privateKey, key.thumbprint)).expose((text) => text),
        value,
      );
      const { epk, ...header } = decodeProtectedHeader(one);
      assert.deepEqual(header, { alg: "ECDH-ES", enc: "A256GCM", kid: key.thumbprint });
      assert.notDeepEqual(epk, decodeProtectedHeader(two)["epk"]);
      assert.equal(one.length, jwe.length, "the length tells of nothing but curve and block");
    });
  }

  for (const { name, clause, privateJwk, jwe } of vectors.refused) {
    it(`refuses ${name} [${clause}]`, async () => {
      await assert.rejects(openHere(privateJwk, jwe), LocalError);
    });
  }

  it("are of one length for a short password, the longest that fits and a code, and say so of one byte more [DL-8]", async () => {
    const key = parse(vectors.keys[0]?.jwk ?? "");
    const lengths = await Promise.all(
      ["x", "x".repeat(491), "287082", "x".repeat(492)].map(async (text) => (await enclose(Secret.of(Buffer.from(text)), key)).length),
    );
    assert.equal(new Set(lengths.slice(0, 3)).size, 1);
    assert.notEqual(lengths[3], lengths[0]);
  });

  it("refuse bytes that are no text [DL-7]", () => {
    assert.throws(() => deliveryPlaintext(Buffer.from([0xff, 0xfe])));
  });
});

describe("a second reader of deliveries, in another language", { skip: NO_PYTHON }, () => {
  const { stdout, stderr } = spawnSync("python3", [READER, VECTORS], { encoding: "utf8" });
  const expected: Record<string, (vector: Readonly<Record<string, string>>) => string | undefined> = {
    plaintexts: ({ sha256: digest }) => digest,
    keys: ({ thumbprint }) => thumbprint,
    refusedKeys: () => "refused",
    deliveries: ({ value }) => value,
    refused: () => "refused",
  };
  for (const [part, want] of Object.entries(expected)) {
    it(`comes to the same results for ${part} [DL-4] [DL-5] [DL-6] [DL-9]`, () => {
      assert.ok(stdout.startsWith("{"), stderr);
      const list: readonly Readonly<Record<string, string>>[] = vectors[part as keyof typeof vectors];
      assert.ok(list.length > 0);
      assert.deepEqual(
        (JSON.parse(stdout) as Record<string, unknown>)[part],
        Object.fromEntries(list.map((vector) => [vector["name"], want(vector)])),
      );
    });
  }

  it("opens what this program encloses now, for both curves [DL-6]", async () => {
    const deliveries = [];
    for (const { name, privateJwk } of vectors.deliveries) {
      const { key } = await clientOf(privateJwk);
      deliveries.push({ name, privateJwk, jwe: await enclose(Secret.of(Buffer.from(`${name} é "now"`)), key) });
    }
    const empty = { plaintexts: [], keys: [], refusedKeys: [], refused: [] };
    const { stdout: text } = spawnSync("python3", [READER, "-"], {
      encoding: "utf8",
      input: JSON.stringify({ ...empty, deliveries }),
    });
    assert.deepEqual(
      (JSON.parse(text) as Record<string, unknown>)["deliveries"],
      Object.fromEntries(deliveries.map(({ name }) => [name, `${name} é "now"`])),
    );
  });

  it("is two pages long at most", () => {
    assert.ok(readFileSync(READER, "utf8").split("\n").length <= 110);
  });
});
