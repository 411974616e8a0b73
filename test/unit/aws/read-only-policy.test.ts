import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { READ_ONLY_ACTIONS, READ_ONLY_POLICY } from "../../../src/aws/read-only-policy.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..", "..");
const example = (name: string): unknown => JSON.parse(readFileSync(join(root, "docs", "examples", name), "utf8"));

describe("what the vault may do in a customer's account", () => {
  it("is what the example for the customer says, and no more", () => {
    assert.deepEqual(READ_ONLY_POLICY, example("posture-permissions.json"));
  });

  it("is to read: no name of it writes, and none is a pattern", () => {
    // GenerateCredentialReport makes a report of what is there, and changes nothing of it.
    for (const action of READ_ONLY_ACTIONS) assert.match(action, /^[a-z]+:(?:Get|Describe|GenerateCredentialReport$)[A-Za-z]*$/);
  });

  it("needs the account's own external id", () => {
    const { Statement: statements } = example("posture-trust.json") as { Statement: Record<string, unknown>[] };
    assert.equal(statements.length, 1);
    const { Action, Condition } = statements[0] as { Action: unknown; Condition: { StringEquals: Record<string, string> } };
    assert.equal(Action, "sts:AssumeRole");
    assert.deepEqual(Object.keys(Condition.StringEquals), ["sts:ExternalId"]);
  });
});
