import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { webhookHeaders } from "../../../src/audit/stream/webhook-signature.js";
import type { Id } from "../../../src/kernel/ids.js";
import { Secret } from "../../../src/kernel/secret.js";
import { composeNote, type TicketNote } from "../../../src/tickets/ticket-note.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..", "..");
const page = readFileSync(join(root, "docs", "spec", "ticket-webhook.md"), "utf8");

function literal(pattern: RegExp): string {
  const found = pattern.exec(page)?.[1];
  assert.ok(found !== undefined, String(pattern));
  return found;
}

describe("the example of docs/spec/ticket-webhook.md", () => {
  const secret = Secret.of(literal(/`(whsec_[^`]+)`/));
  const [asked = "", told = ""] = page.split("A note that is to be written");
  const headersIn = (part: string): Record<string, string> =>
    Object.fromEntries([...part.matchAll(/^ {4}(webhook-[a-z]+): (\S+)$/gm)].map(([, name = "", value = ""]) => [name, value]));
  const signed = (part: string, body: string): Readonly<Record<string, string>> => {
    const headers = headersIn(part);
    return webhookHeaders(secret, headers["webhook-id"] ?? "", Number(headers["webhook-timestamp"]), Buffer.from(body, "utf8"));
  };

  it("is signed as the page says: a question over its reference, a note over its body [TW-3]", () => {
    assert.deepEqual(headersIn(asked), signed(asked, literal(/\?ticket=(\S+)/)));
    assert.deepEqual(headersIn(told), signed(told, literal(/^ {4}(\{"format":"rk-ticket-1","act".*\})$/m)));
  });

  it("is a note as it is composed: constants, ids, slugs, numbers and times alone [TW-1] [TW-10]", () => {
    const { format, act, ticket, id, ...rest } = JSON.parse(literal(/^ {4}(\{"format":"rk-ticket-1","act".*\})$/m)) as {
      format: string;
      act: string;
      ticket: string;
      id: Id<"ticketUpdate">;
    } & Omit<TicketNote, "key">;
    assert.deepEqual([format, act, ticket], ["rk-ticket-1", "append", "OPS-42"]);
    const { event, facts, time } = rest;
    const note = composeNote({ id, event, facts, time }, { deployment: "prod", publicUrl: "https://vault.example.com" });
    assert.deepEqual(note, { key: id, ...rest });
  });
});

describe("a note in a ticket", () => {
  const compose = (facts: object, publicUrl: string | null = "https://vault.example.com"): TicketNote =>
    composeNote(
      { id: "tku_0123456789abcdefghjkmnpqrs", event: "request.denied", facts, time: "2026-01-01T00:00:00.000Z" },
      { deployment: "test", publicUrl },
    );

  it("withholds whatever does not look like an id, a slug, a number or a time, and leaves out what it does not know [TW-10] [L8]", () => {
    const marks = ["Mrs Smith", "pass word", "a@example.com", "<b>", "@channel", "x\ny: z", "\u202Eevil", "", "A".repeat(129), 7, null, {}];
    for (const mark of marks) {
      const note = compose({ by: mark, password: "hunter2" });
      assert.equal(note.facts["by"], "(withheld)", JSON.stringify(mark));
      assert.doesNotMatch(JSON.stringify(note), /hunter2|password/);
    }
  });

  it("links to a request by its id alone, and only where there is an address", () => {
    assert.match(compose({ request: "req_0123456789abcdefghjkmnpqrs" }).text, /https:\/\/vault\.example\.com\/v1\/requests\/req_/);
    for (const note of [compose({ request: "../../login" }), compose({ request: "req_0123456789abcdefghjkmnpqrs" }, null), compose({})])
      assert.doesNotMatch(note.text, /https:/);
  });
});
