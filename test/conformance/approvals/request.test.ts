import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  openingBytes,
  outcomeBytes,
  parseRequest,
  type RequestBody,
  requestHash,
  requestText,
  type Statement,
  statementText,
} from "../../../src/approvals/request-body.js";
import { parseCanonical } from "../../../src/audit/canonical-json.js";
import { encodeFields } from "../../../src/kernel/encoding.js";
import { deriveEventId } from "../../../src/kernel/ids.js";
import { readVectors } from "../audit/vector-file.js";

const requests = readVectors("request.json", { requests: ["name", "body", "text", "hash"], refused: ["name", "clause", "text", "hash"] });
const { statements } = readVectors("approval-statement.json", { statements: ["name", "statement", "text"] });
const { derived } = readVectors("event-id.json", { derived: ["name", "fields", "id"] });

describe("vectors of requests", () => {
  for (const { name, body, text, hash } of requests.requests) {
    it(`${name} has its text and hash, and is read back as it was [RQ-1] [RQ-2] [RQ-3] [RQ-4]`, () => {
      const stated = JSON.parse(body) as RequestBody;
      assert.equal(requestText(stated), text);
      assert.equal(requestHash(text).toString("hex"), hash);
      assert.deepEqual({ ...parseRequest(text, Buffer.from(hash, "hex")) }, stated);
    });
  }

  it("have a hash each, so that nothing of a request can change under an approval [RQ-4]", () => {
    assert.equal(new Set(requests.requests.map(({ hash }) => hash)).size, requests.requests.length);
  });

  it("change their hash with every single member [RQ-4]", () => {
    const [first] = requests.requests;
    const body = JSON.parse(first?.body ?? "") as Record<string, unknown>;
    for (const member of Object.keys(body)) {
      const { [member]: _left, ...rest } = body;
      assert.notEqual(requestHash(requestText(rest as unknown as RequestBody)).toString("hex"), first?.hash, member);
    }
  });

  for (const { name, clause, text, hash } of requests.refused) {
    it(`refuses ${name} [${clause}]`, () => {
      assert.throws(() => parseRequest(text, Buffer.from(hash, "hex")));
    });
  }
});

describe("vectors of statements", () => {
  for (const { name, statement, text } of statements) {
    it(`${name} has its text [AS-1] [AS-2] [AS-3] [AS-4] [AS-6] [AS-7]`, () => {
      assert.equal(statementText(JSON.parse(statement) as Statement), text);
      assert.doesNotThrow(() => parseCanonical(Buffer.from(text, "utf8")));
    });
  }
});

describe("vectors of derived event ids", () => {
  for (const { name, fields, id } of derived) {
    it(`${name} has its id [RQ-7]`, () => {
      assert.equal(deriveEventId(encodeFields(JSON.parse(fields) as string[])), id);
    });
  }

  it("are derived from grant, version and number, and an outcome's from its intent [RQ-7]", () => {
    const [opening, , outcome] = derived;
    const [, grant = "", version = "", number = ""] = JSON.parse(opening?.fields ?? "[]") as string[];
    assert.equal(deriveEventId(openingBytes(grant, version, Number(number))), opening?.id);
    assert.equal(deriveEventId(outcomeBytes(opening?.id ?? "")), outcome?.id);
  });

  it("differ with every field", () => {
    assert.equal(new Set(derived.map(({ id }) => id)).size, derived.length);
  });
});
