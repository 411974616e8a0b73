import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { Secret } from "../../../src/kernel/secret.js";
import { decryptWith, recipientOf } from "../../../src/keys/escrow-age.js";
import { combineShares, createEscrow, provesQuorum } from "../../../src/keys/escrow-quorum.js";
import { type EscrowShare, formatShare, parseShare } from "../../../src/keys/escrow-share.js";
import { wrapForEscrow } from "../../../src/keys/escrow-wrap.js";

const refusedWith =
  (rule: RegExp) =>
  (error: unknown): boolean =>
    isRootkeepError(error, "MALFORMED") && error.fields.length === 1 && rule.test(error.fields[0]?.rule ?? "");

describe("a new escrow identity", () => {
  it("comes together again from any of its quorums and proves itself by opening a fresh challenge [ES-1] [ES-5]", async () => {
    const { recipient, shares } = await createEscrow(5, 3);
    assert.equal(shares.length, 5);
    for (const picks of [
      [0, 1, 2],
      [4, 2, 0],
      [1, 3, 4],
      [0, 1, 2, 3, 4],
    ]) {
      const identity = await combineShares(picks.map((at) => shares[at] as EscrowShare));
      assert.equal(await recipientOf(identity), recipient);
      assert.ok(await provesQuorum(identity, recipient));
      assert.equal(identity.extractable, false);
    }
  });

  it("is another one each time, in other sets, and no two shares are alike [ES-1] [ES-2]", async () => {
    const made = await Promise.all([createEscrow(3, 2), createEscrow(3, 2)]);
    assert.equal(new Set(made.map(({ recipient }) => recipient)).size, 2);
    assert.equal(new Set(made.map(({ shares }) => shares[0]?.set)).size, 2);
    assert.equal(new Set(made.flatMap(({ shares }) => shares.map(({ bytes }) => Buffer.from(bytes).toString("hex")))).size, 6);
  });

  it("needs a quorum of at least two [ES-2]", async () => {
    for (const [shares, threshold] of [
      [1, 1],
      [2, 1],
      [2, 3],
      [256, 2],
      [0, 0],
    ] as const)
      await assert.rejects(createEscrow(shares, threshold), (error) => isRootkeepError(error, "MALFORMED"));
  });
});

describe("shares that do not make a quorum", () => {
  it("are refused with what is wrong with them: too few, one twice, of two sets, none [ES-5]", async () => {
    const { shares } = await createEscrow(4, 3);
    const { shares: others } = await createEscrow(4, 3);
    const [one, two, three] = shares as [EscrowShare, EscrowShare, EscrowShare];
    await assert.rejects(combineShares([one, two]), refusedWith(/^are 2; this set needs 3 of its 4$/));
    await assert.rejects(combineShares([one, two, two]), refusedWith(/^hold share 2 twice$/));
    await assert.rejects(combineShares([one, two, others[2] as EscrowShare]), refusedWith(/^are of two sets/));
    await assert.rejects(combineShares([]), refusedWith(/^are missing$/));
    await assert.rejects(
      combineShares([one, two, { ...three, bytes: three.bytes.with(32, two.bytes[32] ?? 0) }]),
      refusedWith(/one point twice/),
    );
  });

  it("with one changed are refused, also where its checksum was made anew [ES-5]", async () => {
    const { shares } = await createEscrow(3, 2);
    const [one, two] = shares as [EscrowShare, EscrowShare];
    // X25519 sets or clears five bits of the first and the last byte: a change there may give the same identity, and then does no harm.
    for (const at of [1, 15, 30]) {
      const changed = { ...two, bytes: two.bytes.with(at, (two.bytes[at] ?? 0) ^ 1) };
      await assert.rejects(combineShares([one, parseShare(formatShare(changed), "share")]), refusedWith(/do not combine/));
    }
    // A threshold that was written down does not open with fewer than it really takes.
    const lowered = (await createEscrow(3, 3)).shares.map((share) => ({ ...share, threshold: 2 }));
    await assert.rejects(combineShares(lowered.slice(0, 2)), refusedWith(/do not combine/));
  });

  it("do not prove a quorum of another recipient [ES-5]", async () => {
    const [ours, theirs] = await Promise.all([createEscrow(2, 2), createEscrow(2, 2)]);
    assert.equal(await provesQuorum(await combineShares(theirs.shares), ours.recipient), false);
  });
});

describe("a data key that is wrapped for the quorum", () => {
  it("opens to the key and its facts for the quorum alone, and is another file each time [ES-6] [ES-7]", async () => {
    const [ours, theirs] = await Promise.all([createEscrow(2, 2), createEscrow(2, 2)]);
    const key = Secret.of(Buffer.alloc(32, 0xa5));
    const facts = { id: "dk_1", accountId: null, awsAccountId: null, domain: "people", use: "records" } as const;
    const wrap = () => wrapForEscrow(ours.recipient, "prod", facts, key);
    const [file, again] = await Promise.all([wrap(), wrap()]);
    assert.notDeepEqual(file, again);
    const opened = await decryptWith(await combineShares(ours.shares), file);
    assert.equal(opened?.subarray(-32).toString("hex"), "a5".repeat(32));
    assert.ok(opened.includes("dk_1") && opened.includes("records"));
    assert.equal(await decryptWith(await combineShares(theirs.shares), file), null);
    key.expose((bytes) => assert.equal(bytes[0], 0xa5, "the key stays the caller's"));
  });

  it("names one recipient [ES-6]", async () => {
    const { recipient } = await createEscrow(2, 2);
    const facts = { id: "dk_1", accountId: null, awsAccountId: null, domain: "people", use: "seal" } as const;
    const file = await wrapForEscrow(recipient, "prod", facts, Secret.of(Buffer.alloc(32)));
    assert.equal(file.toString("latin1").split("\n-> ").length, 2);
  });
});
