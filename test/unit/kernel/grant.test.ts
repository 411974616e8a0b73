import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Grant } from "../../../src/kernel/grant.js";

const REQUEST = "req_0123456789abcdefghjkmnpqrs";
const PERSON = "per_0123456789abcdefghjkmnpqrs";
const SPENT = { message: "grant was spent or forged" };
const OTHER = { message: "grant is for another act" };

const minted = (): Grant<"person.enrol"> => Grant.mint("person.enrol", REQUEST, PERSON);

describe("a grant", () => {
  it("is spent on the act and the subject that it was minted for", () => {
    assert.doesNotThrow(() => {
      minted().spend("person.enrol", REQUEST);
    });
  });

  it("is not spent twice", () => {
    const grant = minted();
    grant.spend("person.enrol", REQUEST);
    assert.throws(() => {
      grant.spend("person.enrol", REQUEST);
    }, SPENT);
  });

  it("is not spent on another subject", () => {
    assert.throws(() => {
      minted().spend("person.enrol", "req_1123456789abcdefghjkmnpqrs");
    }, OTHER);
  });

  it("is not spent on another act", () => {
    const grant = minted() as Grant;
    assert.throws(() => {
      grant.spend("person.restore", REQUEST);
    }, OTHER);
  });

  it("is used up by an attempt on something else, so nobody can try subjects one by one", () => {
    const grant = minted();
    assert.throws(() => {
      grant.spend("person.enrol", "req_1123456789abcdefghjkmnpqrs");
    }, OTHER);
    assert.throws(() => {
      grant.spend("person.enrol", REQUEST);
    }, SPENT);
  });

  const copies: Readonly<Record<string, (grant: Grant<"person.enrol">) => unknown>> = {
    "an object of its class that nobody minted": () => Object.create(Grant.prototype) as unknown,
    "a copy with its class": (grant) => Object.assign(Object.create(Grant.prototype) as object, grant),
    "an object that inherits from it": (grant) => Object.create(grant) as unknown,
    "a proxy around it": (grant) => new Proxy(grant, {}),
  };
  for (const [name, copy] of Object.entries(copies)) {
    it(`${name} is none`, () => {
      const forged = copy(minted()) as Grant<"person.enrol">;
      assert.throws(() => {
        forged.spend("person.enrol", REQUEST);
      }, SPENT);
    });
  }

  it("a spread or a structured clone of it has no way to be spent at all", () => {
    for (const copy of [
      { ...(minted() as object) },
      structuredClone({ ...(minted() as object) }),
      JSON.parse(JSON.stringify(minted())),
    ] as unknown[]) {
      assert.equal((copy as { spend?: unknown }).spend, undefined);
      assert.throws(() => Grant.prototype.spend.call(copy as Grant, "person.enrol", REQUEST), SPENT);
    }
  });

  it("cannot be turned to another act or subject", () => {
    const grant = minted();
    assert.throws(() => Object.assign(grant, { subjectId: "req_1123456789abcdefghjkmnpqrs" }), TypeError);
    assert.throws(() => Object.assign(grant, { operation: "person.restore" }), TypeError);
  });
});
