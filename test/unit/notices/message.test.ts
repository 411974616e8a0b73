import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ATTEMPTS_MAX, retrySeconds } from "../../../src/kernel/retry.js";
import { composeMessage } from "../../../src/notices/message.js";
import { FACT_NAMES, type Facts, TOPICS, type Topic } from "../../../src/notices/notice.js";

const ORIGIN = { deployment: "test", publicUrl: "https://vault.example.com" };
const TIME = "2026-01-01T00:00:00.000Z";
const REQUEST = "req_0123456789abcdefghjkmnpqrs";

describe("a message", () => {
  it("holds nothing but constants, ids and slugs, whoever wrote the facts: no header, markup, mention or link of theirs", () => {
    const nasty = fc.oneof(
      fc.string({ unit: "binary", maxLength: 60 }),
      fc.constantFrom(
        "x\r\nBcc: eve@evil.example",
        "<!channel>",
        "@here",
        "[a](https://evil.example)",
        "*bold*",
        "<https://evil.example|x>",
        "a\u202eb",
      ),
    );
    fc.assert(
      fc.property(fc.constantFrom(...(Object.keys(TOPICS) as Topic[])), fc.constantFrom(...FACT_NAMES), nasty, (topic, name, value) => {
        const { subject, text, facts, link } = composeMessage("dlv_1", { topic, facts: { [name]: value }, time: TIME }, ORIGIN);
        assert.match(subject, /^[A-Za-z0-9[\] :-]{1,120}$/);
        assert.match(text, /^[A-Za-z0-9 .,:;_/()\n-]*$/);
        assert.doesNotMatch(text, /[@<>*`|[\]]/);
        assert.match(facts[name] ?? "", /^(?:\(withheld\)|[A-Za-z0-9][A-Za-z0-9._:/-]{0,127})$/);
        assert.equal(link, null);
      }),
      { numRuns: 2_000 },
    );
  });

  it("links to a request by its id, and only where there is a place to link to", () => {
    const notice = { topic: "request.submitted", facts: { request: REQUEST }, time: TIME } as const;
    assert.equal(composeMessage("dlv_1", notice, ORIGIN).link, `https://vault.example.com/v1/requests/${REQUEST}`);
    const { link, text } = composeMessage("dlv_1", notice, { ...ORIGIN, publicUrl: null });
    assert.equal(link, null);
    assert.match(text, new RegExp(`rootkeep request show ${REQUEST}`));
    assert.equal(composeMessage("dlv_1", { ...notice, facts: { request: "req_/../../evil" } }, ORIGIN).link, null);
  });

  it("takes no fact that is not on the list, and none that is no text", () => {
    const facts = { reason: "a customer said so", request: 5 } as unknown as Facts;
    const { text, facts: kept } = composeMessage("dlv_1", { topic: "request.denied", facts, time: TIME }, ORIGIN);
    assert.doesNotMatch(text, /customer/);
    assert.deepEqual(kept, { request: "(withheld)" });
  });

  it("says in its subject what is to be looked at at once", () => {
    for (const topic of Object.keys(TOPICS) as Topic[]) {
      const { subject, isPage } = composeMessage("dlv_1", { topic, facts: {}, time: TIME }, ORIGIN);
      assert.equal(subject.startsWith("[Rootkeep test] PAGE: "), isPage);
    }
  });
});

describe("the wait after a failure", () => {
  it("doubles up to an hour, each with jitter, and ends after the better part of a day", () => {
    assert.deepEqual(
      [1, 2, 5, 11, 20].map((attempts) => retrySeconds(attempts, () => 1)),
      [5, 10, 80, 3_600, 3_600],
    );
    assert.deepEqual(
      [1, 2, 11].map((attempts) => retrySeconds(attempts, () => 0)),
      [2.5, 5, 1_800],
    );
    let total = 0;
    for (let attempts = 1; attempts < ATTEMPTS_MAX; attempts++) total += retrySeconds(attempts, () => 0.5);
    assert.ok(total > 8 * 3_600 && total < 24 * 3_600, String(total));
  });
});
