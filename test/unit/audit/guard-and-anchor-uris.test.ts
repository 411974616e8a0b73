import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseBucketAnchor, parseWitnessAnchor } from "../../../src/audit/anchor-uri.js";
import { createAnchors } from "../../../src/audit/create-anchors.service.js";
import { parseGuardUri } from "../../../src/audit/guard-uri.js";
import { formatVerifierKey } from "../../../src/audit/tlog/verifier-key.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { noteSigner } from "../../support/tlog-keys.js";

const VKEY = "witness.example.com/w1+969980cf+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X";

/** Refused, and the value does not stand in the error. */
function assertMalformed(parse: (text: string) => unknown, text: string, field: string): void {
  assert.throws(
    () => parse(text),
    (error: unknown) =>
      isRootkeepError(error, "MALFORMED") && error.fields[0]?.field === field && !JSON.stringify(error).includes("marker"),
    text,
  );
}

describe("the URI of a guard", () => {
  it("names a local directory", () => {
    for (const [uri, path] of [
      ["file:data/guard", "data/guard"],
      ["file:/var/lib/guard/", "/var/lib/guard"],
      ["file:///var/lib/guard", "/var/lib/guard"],
    ] as const)
      assert.deepEqual(parseGuardUri(uri), { scheme: "file", uri, path });
  });

  it("names an object of a bucket, with its Region", () => {
    const uri = "s3://my-bucket/some/key.note?region=eu-central-1";
    const location = { bucket: "my-bucket", region: "eu-central-1", profile: null, owner: null };
    assert.deepEqual(parseGuardUri(uri), { scheme: "s3", uri, location, key: "some/key.note", isVersioned: false });
    const full = parseGuardUri("s3://my-bucket/key?versioned&region=us-gov-west-1&profile=guard.writer&owner=111122223333");
    assert.ok(full.scheme === "s3" && full.isVersioned);
    assert.deepEqual(full.location, { bucket: "my-bucket", region: "us-gov-west-1", profile: "guard.writer", owner: "111122223333" });
  });

  it("is refused when it is malformed, without being repeated", () => {
    const texts = [
      "",
      "marker",
      "file:",
      "file:///",
      "file://marker/path",
      "file:a\0marker",
      "https://marker/",
      "s3://my-bucket/key",
      "s3://my-bucket?region=eu-central-1",
      "s3://my-bucket/?region=eu-central-1",
      "s3:///key?region=eu-central-1",
      "s3://My-Bucket/key?region=eu-central-1",
      "s3://my.bucket/key?region=eu-central-1",
      "s3://b/key?region=eu-central-1",
      "s3://my-bucket--x-s3/key?region=eu-central-1",
      "s3://my-bucket-s3alias/key?region=eu-central-1",
      "s3://user:marker@my-bucket/key?region=eu-central-1",
      "s3://my-bucket/../key?region=eu-central-1",
      "s3://my-bucket/a//key?region=eu-central-1",
      "s3://my-bucket/key%2fmarker?region=eu-central-1",
      `s3://my-bucket/${"k".repeat(513)}?region=eu-central-1`,
      "s3://my-bucket/key?region=marker.example.com/",
      "s3://my-bucket/key?region=eu-central-1&region=eu-central-1",
      "s3://my-bucket/key?region=eu-central-1&marker=1",
      "s3://my-bucket/key?region=eu-central-1&days=3",
      "s3://my-bucket/key?region=eu-central-1&constructor=1",
      "s3://my-bucket/key?region=eu-central-1&owner=1234",
      "s3://my-bucket/key?region=eu-central-1&profile=",
      "s3://my-bucket/key?region=eu-central-1&versioned=no",
      "s3://my-bucket/key?region=eu-central-1#marker",
    ];
    for (const text of texts) assertMalformed(parseGuardUri, text, "guard");
  });
});

describe("the URI of an anchor's bucket", () => {
  it("names bucket, Region and days", () => {
    assert.deepEqual(parseBucketAnchor("s3://my-bucket?region=eu-central-1&days=365"), {
      name: "my-bucket",
      location: { bucket: "my-bucket", region: "eu-central-1", profile: null, owner: null },
      prefix: "",
      retentionDays: 365,
    });
    const { name, prefix } = parseBucketAnchor("s3://my-bucket/a_b/c?region=eu-central-1&days=1");
    assert.deepEqual([name, prefix], ["my-bucket.a-b-c", "a_b/c/"]);
    assert.match(parseBucketAnchor(`s3://${"b".repeat(63)}/${"p".repeat(500)}?region=eu-central-1&days=1`).name, /^[A-Za-z0-9.-]{64}$/);
  });

  it("is refused without days, or with days that are none", () => {
    for (const days of ["", "&days=", "&days=0", "&days=-1", "&days=1.5", "&days=1e3", "&days=100000", "&days=365&versioned"])
      assertMalformed(parseBucketAnchor, `s3://my-bucket?region=eu-central-1${days}`, "anchors");
  });
});

describe("a witness as it is configured", () => {
  it("is its verifier key and its submission prefix", () => {
    const { name, key, url } = parseWitnessAnchor(`${VKEY}@https://witness.example.com:8443/some/path/`);
    assert.equal(name, "witness.example.com-w1");
    assert.equal(formatVerifierKey(key), VKEY);
    assert.equal(url, "https://witness.example.com:8443/some/path");
    assert.equal(parseWitnessAnchor(`${VKEY}@http://127.0.0.1:80`).url, "http://127.0.0.1");
  });

  it("is refused with a key of another kind or id, or an address that is not private or holds more than a place", () => {
    const logKey = formatVerifierKey(noteSigner("witness.example.com/w1", "ed25519", Buffer.alloc(32)).key);
    for (const key of ["", "marker", logKey, VKEY.replace("969980cf", "969980ce")])
      assertMalformed(parseWitnessAnchor, `${key}@https://witness.example.com`, "witnesses");
    for (const url of [
      "",
      "marker",
      "http://marker.example.com",
      "ftp://marker.example.com",
      "https://user:marker@example.com",
      "https://example.com/?marker",
      "https://example.com/#marker",
    ])
      assertMalformed(parseWitnessAnchor, `${VKEY}@${url}`, "witnesses");
    assertMalformed(parseWitnessAnchor, VKEY, "witnesses");
  });
});

describe("the anchors of a configuration", () => {
  it("are one for each bucket and each witness, in that order", () => {
    const anchors = createAnchors({
      buckets: ["s3://my-bucket?region=eu-central-1&days=1"],
      witnesses: [`${VKEY}@https://witness.example.com`],
    });
    assert.deepEqual(
      anchors.map(({ name }) => name),
      ["my-bucket", "witness.example.com-w1"],
    );
    assert.deepEqual(createAnchors({ buckets: [], witnesses: [] }), []);
  });

  it("name nobody twice: the same bucket with other days, the same key at another address", () => {
    const make = (buckets: readonly string[], witnesses: readonly string[]) => () => createAnchors({ buckets, witnesses });
    const isMalformed = (error: unknown): boolean => isRootkeepError(error, "MALFORMED");
    assert.throws(make(["s3://my-bucket?region=eu-central-1&days=1", "s3://my-bucket?region=eu-central-1&days=2"], []), isMalformed);
    assert.throws(make([], [`${VKEY}@https://a.example.com`, `${VKEY}@https://b.example.com`]), isMalformed);
    make(["s3://my-bucket/a?region=eu-central-1&days=1", "s3://my-bucket/b?region=eu-central-1&days=1"], [])();
  });
});
