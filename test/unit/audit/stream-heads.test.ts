import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { describe, it } from "node:test";
import { HeadsTree, headsRoot, type StreamTip, tipHash, verifyTip } from "../../../src/audit/stream-heads.js";
import { naiveRoot } from "../../support/tlog-tree.js";

function sampleTips(count: number): StreamTip[] {
  return Array.from({ length: count }, (_, index) => ({
    stream: `acc_${String(index).padStart(26, "0")}`,
    size: index + 1,
    leaf: hash("sha256", `leaf ${String(index)}`, "buffer"),
  }));
}

describe("the tree of heads", () => {
  it("is the tree of RFC 6962, and proves every tip, at every size up to 70 [AC-3] [AC-4]", async () => {
    const tips = sampleTips(70);
    for (let size = 0; size <= tips.length; size++) {
      const some = tips.slice(0, size);
      const root = await headsRoot(some);
      assert.deepEqual(root, naiveRoot(some.map(tipHash)));
      const tree = await HeadsTree.of(some);
      for (const { stream } of some) verifyTip((await tree.prove(stream))!, size, root);
      assert.equal(await tree.prove("acc_"), undefined);
      assert.equal(await tree.prove("global"), undefined);
    }
  });
  it("is not made of tips out of order, or of a stream that stands twice [AC-3]", async () => {
    const [first, second] = sampleTips(2) as [StreamTip, StreamTip];
    for (const bad of [
      [second, first],
      [first, { ...first, size: 9 }],
      [{ ...first, stream: "" }, second],
    ]) {
      await assert.rejects(headsRoot(bad), /order of their streams/);
      await assert.rejects(HeadsTree.of(bad), /order of their streams/);
    }
  });
  it("gives way while it hashes many tips, and stops where it is told to", async () => {
    const tips = sampleTips(5_000);
    let turns = 0;
    const count = (): Promise<void> => Promise.resolve(void (turns += 1));
    assert.deepEqual(await headsRoot(tips, count), naiveRoot(tips.map(tipHash)));
    assert.equal(turns, 4);
    await assert.rejects(
      headsRoot(tips, () => Promise.reject(new Error("enough"))),
      /enough/,
    );
  });
});
