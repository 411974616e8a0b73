import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { canonicalJson, type JsonValue } from "../../../src/audit/canonical-json.js";
import { type DestructionBody, destructionHash, horizonEnd, parseDestruction } from "../../../src/audit/destruction.js";
import { certificateText, parseCertificate } from "../../../src/audit/destruction-certificate.js";
import { finalityOf } from "../../../src/audit/destruction-finality.js";
import { certificatePage } from "../../../src/audit/destruction-page.js";
import type { Entry } from "../../../src/audit/entry.js";

const DESTROYED_AT = "2026-02-01T09:00:00.000Z";
const [ACCOUNT, KEY] = ["acc_0123456789abcdefghjkmnpqrs", "dk_0123456789abcdefghjkmnpqrs"];
const ROOT_KEY = "8f".repeat(32);

const BODY: DestructionBody = {
  format: "rootkeep-destruction/1",
  log: "rootkeep.example/audit/prod/1",
  deployment: "prod",
  account: { id: ACCOUNT, awsId: "111122223333", partition: "aws" },
  request: { id: "req_0123456789abcdefghjkmnpqrs", hash: "1f".repeat(32) },
  askedBy: "per_0123456789abcdefghjkmnpqrs",
  approvedBy: ["per_1123456789abcdefghjkmnpqrs"],
  destroyedAt: DESTROYED_AT,
  keys: [{ id: KEY, domain: "password", version: 1, rootKey: { kind: "aws-kms", uriSha256: ROOT_KEY }, isEscrowed: false }],
  versions: [
    {
      ...{ id: "ver_0123456789abcdefghjkmnpqrs", secretId: "sec_0123456789abcdefghjkmnpqrs", kind: "root-password", number: 1 },
      ...{ state: "ACTIVE", dataKeyId: KEY, sealedSha256: "00".repeat(32) },
    },
  ],
  backups: { horizonDays: 35, until: "2026-03-08T09:00:00.000Z", isRootKeyShared: false },
};
const DELETED = {
  ...{ action: "key.destroyed", outcome: "committed", time: "2026-02-20T00:00:00.000000Z" },
  target: { type: "root-key", id: ROOT_KEY },
} as unknown as Entry;

const withBackups = (backups: DestructionBody["backups"], isEscrowed = false): DestructionBody => ({
  ...BODY,
  backups,
  keys: BODY.keys.map((key) => ({ ...key, isEscrowed })),
});

describe("what a certificate of destruction says", () => {
  it("is read as it was written, and has one hash", () => {
    const text = certificateText({ body: BODY, entries: [{ seq: 3, bytes: Buffer.from("{}"), proof: "p" }], keys: "k" });
    const { body, entries } = parseCertificate(Buffer.from(text, "utf8"));
    assert.deepEqual(body, BODY);
    assert.deepEqual(entries, [{ seq: 3, bytes: Buffer.from("{}"), proof: "p" }]);
    assert.equal(destructionHash(body), destructionHash(BODY));
    assert.throws(() => parseCertificate(Buffer.from(text.replace("/1", "/2"), "utf8")), /unknown format/);
    assert.throws(() => parseCertificate(Buffer.from(text.replace('"p"', "7"), "utf8")), /without its proof/);
  });

  it("is refused when a member is missing, is another's, or contradicts the rest [DC-2] [DC-4] [DC-5] [DC-6]", () => {
    const [key] = BODY.keys;
    const changes: [object, RegExp][] = [
      [{ format: "rootkeep-destruction/2" }, /DC-2/],
      [{ more: 1 }, /DC-2/],
      [{ account: { ...BODY.account, id: "x" } }, /DC-2/],
      [{ request: { id: BODY.request.id, hash: "1F".repeat(32) } }, /DC-2/],
      [{ approvedBy: [] }, /DC-4/],
      [{ approvedBy: [BODY.askedBy] }, /DC-4/],
      [{ destroyedAt: "2026-02-30T09:00:00.000Z" }, /DC-2/],
      [{ keys: [] }, /DC-5/],
      [{ keys: [key, key] }, /DC-5/],
      [{ keys: [{ ...key, rootKey: { kind: "file" } }] }, /DC-5/],
      [{ versions: BODY.versions.map((version) => ({ ...version, dataKeyId: "dk_1123456789abcdefghjkmnpqrs" })) }, /DC-5/],
      [{ backups: { ...BODY.backups, until: "2026-03-07T09:00:00.000Z" } }, /DC-6/],
      [{ backups: { ...BODY.backups, horizonDays: null } }, /DC-6/],
    ];
    for (const [change, rule] of changes) {
      const value = JSON.parse(canonicalJson({ ...BODY, ...change })) as JsonValue;
      assert.throws(() => parseDestruction(value), rule, JSON.stringify(change));
    }
    assert.equal(horizonEnd(new Date(DESTROYED_AT), 35), BODY.backups.until);
    assert.equal(horizonEnd(new Date(DESTROYED_AT), null), null);
  });

  it("is provisional until the horizon, and without a date where nobody said one; final only where the root key is gone [DC-9]", () => {
    const shared = { ...BODY.backups, isRootKeyShared: true };
    assert.deepEqual(
      [finalityOf(BODY, []), finalityOf(withBackups(shared), [])].map(({ isFinal, since }) => [isFinal, since]),
      [
        [false, BODY.backups.until],
        [false, BODY.backups.until],
      ],
    );
    assert.match(finalityOf(withBackups(shared), []).sentence, /^Provisional until 2026-03-08.+shared with other accounts/);
    const undated = finalityOf(withBackups({ horizonDays: null, until: null, isRootKeyShared: true }), []);
    assert.deepEqual([undated.isFinal, undated.since], [false, null]);
    assert.match(undated.sentence, /without a date/);
    const final = finalityOf(BODY, [DELETED]);
    assert.deepEqual([final.isFinal, final.since], [true, DELETED.time]);
    assert.equal(finalityOf(withBackups(BODY.backups, true), [DELETED]).isFinal, false, "the escrow quorum opens a backup, too");
    assert.equal(
      finalityOf({ ...BODY, keys: [...BODY.keys, { ...BODY.keys[0], rootKey: { kind: "file", uriSha256: "aa".repeat(32) } } as never] }, [
        DELETED,
      ]).isFinal,
      false,
    );
  });

  it("is shown with every text escaped, and nothing that a browser would fetch or run", () => {
    const body = { ...BODY, deployment: `<script>alert("x")</script>&` };
    const page = certificatePage({ body, entries: [], keys: "" });
    assert.ok(page.includes("&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&amp;"));
    assert.ok(!/<script|src=|href=|url\(/i.test(page));
  });
});
