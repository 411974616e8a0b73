import assert from "node:assert/strict";
import { ERRORS, type ErrorCode } from "../../src/kernel/errors.js";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** What is looked at of an answer; supertest's answers are of this form. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: unknown;
}

/** Every answer is for the one who asked, at this moment, and no browser may make anything of it. */
export function assertHeaders({ headers }: RawAnswer, where = ""): void {
  assert.match(headers["x-request-id"] ?? "", UUID, where);
  assert.equal(headers["cache-control"], "no-store", where);
  assert.equal(headers["x-content-type-options"], "nosniff", where);
  assert.equal(headers["referrer-policy"], "no-referrer", where);
  assert.match(headers["content-security-policy"] ?? "", /^default-src 'none'; frame-ancestors 'none'$/, where);
  for (const name of ["x-powered-by", "server", "access-control-allow-origin", "set-cookie", "etag"])
    assert.equal(headers[name], undefined, name);
}

/** The answer is the problem document of `code`, whole, and nothing else (RFC 9457, and the closed table). */
export function assertProblem(response: RawAnswer, code: ErrorCode, where = ""): Readonly<Record<string, unknown>> {
  const text = `${where} ${JSON.stringify(response.body)}`;
  assertHeaders(response, text);
  const body = response.body as Record<string, unknown>;
  assert.equal(body["code"], code, text);
  assert.equal(response.status, ERRORS[code].http, text);
  assert.equal(body["status"], response.status, text);
  assert.equal(response.headers["content-type"], "application/problem+json", text);
  assert.equal(body["title"], ERRORS[code].message, text);
  assert.equal(body["type"], `tag:rootkeep.local,2026:error:${code}`, text);
  assert.equal(body["requestId"], response.headers["x-request-id"], text);
  assert.equal(body["instance"], `urn:uuid:${String(body["requestId"])}`, text);
  assert.equal(typeof body["detail"], "string", text);
  for (const item of body["errors"] as Record<string, unknown>[]) {
    assert.deepEqual(
      Object.keys(item)
        .filter((name) => name !== "line")
        .toSorted(),
      ["field", "rule"],
    );
  }
  assert.equal(response.headers["www-authenticate"], response.status === 401 ? 'Bearer realm="rootkeep"' : undefined, text);
  // A refused opening must not look like one that went well.
  for (const name of ["audit-seq", "audit-leaf", "location"]) assert.equal(response.headers[name], undefined, text);
  return body;
}
