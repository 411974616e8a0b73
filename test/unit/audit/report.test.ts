import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parse } from "csv-parse/sync";
import type { JsonObject } from "../../../src/audit/canonical-json.js";
import type { Entry } from "../../../src/audit/entry.js";
import { csvRecord } from "../../../src/audit/report-csv.js";
import { isWanted, REPORT_COLUMNS, REPORT_KINDS, reportLine } from "../../../src/audit/report-line.js";

const CRLF = { record_delimiter: "\r\n" } as const;
const PERSON = "per_0123456789abcdefghjkmnpqrs";
const OTHER = "per_1123456789abcdefghjkmnpqrs";
const ACCOUNT = "acc_0123456789abcdefghjkmnpqrs";

function entry(members: JsonObject): Entry {
  const place = { v: 1, log: "rootkeep.test/audit/test/1", seq: 7, prev: "ab".repeat(32), id: "x", time: "2026-01-01T00:00:00.000000Z" };
  return { ...place, outcome: "committed", actor: { type: "person", id: PERSON }, ...members } as unknown as Entry;
}

const lineOf = (members: JsonObject) => reportLine("cd".repeat(32), entry(members)) ?? assert.fail();

describe("a line of a report", () => {
  it("has every column and no other, and none that holds an object", () => {
    const line = lineOf({ action: "request.submit", details: { kinds: ["root-password", "mfa-seed"], approvals: 2, weird: { deep: 1 } } });
    assert.deepEqual(Object.keys(line), [...REPORT_COLUMNS]);
    assert.ok(Object.values(line).every((value) => value === null || typeof value !== "object"));
    assert.deepEqual([line.kind, line.secrets, line.approvals], ["request", "root-password mfa-seed", 2]);
  });

  it("leaves out no act that it does not know, and nothing but heartbeats", () => {
    assert.equal(lineOf({ action: "glass.broken" }).kind, "other");
    assert.equal(reportLine("", entry({ action: "log.heartbeat" })), null);
  });

  it("is of one kind each", () => {
    const kinds = [
      ["request.submit", "request"],
      ["request.expired", "request"],
      ["request.approve", "decision"],
      ["request.deny", "decision"],
      ["request.opened", "grant"],
      ["secret.reveal", "opening"],
      ["secret.code", "code"],
      ["grant.return", "check-in"],
      ["grant.expired", "check-in"],
      ["grant.revoke", "revocation"],
      ["allowlist.lapsed", "allowlist"],
      ["person.enrol", "person"],
      ["session.failed", "sign-in"],
      ["secret.waive", "credential"],
      ["config.approve", "configuration"],
    ] as const;
    for (const [action, kind] of kinds) assert.equal(lineOf({ action }).kind, kind, action);
    assert.ok(kinds.every(([, kind]) => REPORT_KINDS.includes(kind)));
  });

  it("takes neither reasons nor names out of what people wrote, which stand in the log as commitments", () => {
    const details = { commitments: { reason: `c1:${"A".repeat(43)}` }, reason: "a reason", name: "A Name", email: "a@example.com" };
    const text = JSON.stringify(lineOf({ action: "request.submit", details }));
    assert.doesNotMatch(text, /a reason|A Name|example\.com|c1:/);
  });

  it("names the key that an opened value went to, and bears a statement that is none", () => {
    const details = (statement: string) => ({ statement, opening: 1 });
    const opened = lineOf({ action: "secret.reveal", outcome: "intent", details: details('{"opening":{"deliverTo":"thumb"}}') });
    assert.deepEqual([opened.deliverTo, opened.number], ["thumb", 1]);
    for (const text of ["{", "null", "7", '{"opening":7}', '{"opening":{"deliverTo":{}}}'])
      assert.equal(lineOf({ action: "secret.reveal", details: details(text) }).deliverTo, null, text);
  });

  it("says why an act was refused, and of a denial nothing of the kind", () => {
    assert.equal(lineOf({ action: "secret.reveal", outcome: "denied", details: { code: "GRANT_SPENT" } }).refusal, "GRANT_SPENT");
    assert.equal(lineOf({ action: "config.approve", details: { code: "X" } }).refusal, null);
  });

  it("belongs to who acted, whom it is about, and who approved; to its account; to its kind", () => {
    const line = lineOf({ action: "allowlist.grant", stream: ACCOUNT, details: { person: OTHER, approvedBy: ["per_a", "per_b"] } });
    for (const person of [PERSON, OTHER, "per_a", "per_b"]) assert.ok(isWanted(line, { person }), person);
    assert.ok(!isWanted(line, { person: "per_c" }));
    assert.ok(isWanted(line, { account: ACCOUNT, kinds: ["opening", "allowlist"] }));
    assert.ok(!isWanted(line, { account: "acc_x" }) && !isWanted(line, { kinds: ["opening"] }));
  });
});

describe("a record of CSV", () => {
  const FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\n=1", "＝1", "＠x", '=HYPERLINK("http://x","y")', "-"];

  it("is read back as it was [RFC 4180]", () => {
    const cells = ["plain", 'say "hi"', "a,b", "two\nlines", "two\r\nlines", " blank ", "", "ünïcode", 7, null];
    const text = csvRecord(cells);
    assert.ok(text.endsWith("\r\n"));
    const [read] = parse(text, CRLF);
    assert.deepEqual(
      read,
      cells.map((cell) => String(cell ?? "")),
    );
  });

  it("holds nothing that a spreadsheet would run", () => {
    for (const formula of FORMULAS) {
      const [[read = ""] = []] = parse(csvRecord([formula]), CRLF);
      assert.equal(read, `'${formula}`, JSON.stringify(formula));
    }
    assert.equal(csvRecord([-1, 0]), "-1,0\r\n", "a number of our own is none");
  });
});
