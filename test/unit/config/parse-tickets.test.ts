import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConfigError } from "../../../src/config/config.js";
import { parseConfig } from "../../../src/config/parse-config.js";
import { trustedConfig, trustedConfigDigest } from "../../../src/config/trusted.js";

const SECRET = `whsec_${"A".repeat(43)}=`;
const WEBHOOK = {
  ROOTKEEP_TICKETS: "webhook",
  ROOTKEEP_TICKET_WEBHOOK: "https://tickets.example.com/rootkeep",
  ROOTKEEP_TICKET_WEBHOOK_SECRET: SECRET,
};
const parse = (environment: Readonly<Record<string, string>>) => parseConfig(environment, { cwd: "/srv/vault" });

function problemsOf(environment: Readonly<Record<string, string>>): string[] {
  try {
    parse(environment);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    assert.ok(!error.message.includes(SECRET) && !error.message.includes("tickets.example.com"));
    return error.problems.map(({ variable }) => variable);
  }
  return [];
}

describe("the connected ticket system", () => {
  it("is none unless told, the built-in board, or a webhook with its secret", () => {
    assert.deepEqual(parse({}).tickets, { system: "none" });
    assert.deepEqual(parse({ ROOTKEEP_TICKETS: "board" }).tickets, { system: "board" });
    const { tickets } = parse(WEBHOOK);
    assert.ok(tickets.system === "webhook");
    assert.equal(tickets.url, WEBHOOK.ROOTKEEP_TICKET_WEBHOOK);
    assert.doesNotMatch(JSON.stringify(tickets), /AAAA/);
  });

  it("stops the start where a webhook lacks address or secret, or has them and is not used: a check that is not made must not look as if it were", () => {
    const { ROOTKEEP_TICKETS: _system, ...unused } = WEBHOOK;
    assert.deepEqual(problemsOf(unused), ["ROOTKEEP_TICKET_WEBHOOK"]);
    assert.deepEqual(problemsOf({ ...unused, ROOTKEEP_TICKETS: "board" }), ["ROOTKEEP_TICKET_WEBHOOK"]);
    assert.deepEqual(problemsOf({ ROOTKEEP_TICKETS: "webhook" }), ["ROOTKEEP_TICKET_WEBHOOK"]);
    const { ROOTKEEP_TICKET_WEBHOOK_SECRET: _secret, ...bare } = WEBHOOK;
    assert.ok(problemsOf(bare).includes("ROOTKEEP_TICKET_WEBHOOK_SECRET"));
    assert.deepEqual(problemsOf({ ROOTKEEP_TICKETS: "jira" }), ["ROOTKEEP_TICKETS"]);
  });

  it("goes over TLS, or over HTTP on loopback", () => {
    for (const url of ["http://tickets.example.com/x", "ftp://tickets.example.com", "https://user:pw@tickets.example.com/", "tickets"])
      assert.ok(problemsOf({ ...WEBHOOK, ROOTKEEP_TICKET_WEBHOOK: url }).includes("ROOTKEEP_TICKET_WEBHOOK"), url);
    assert.equal(parse({ ...WEBHOOK, ROOTKEEP_TICKET_WEBHOOK: "http://127.0.0.1:8080/x" }).tickets.system, "webhook");
  });

  it("is trusted configuration, system and address but not its secret [L8]; without one the digest is what it was before there were any", () => {
    const digest = (environment: Readonly<Record<string, string>>) => trustedConfigDigest(parse(environment));
    assert.ok(!("tickets" in trustedConfig(parse({}))));
    assert.equal(new Set([digest({}), digest({ ROOTKEEP_TICKETS: "board" }), digest(WEBHOOK)]).size, 3);
    assert.notEqual(digest(WEBHOOK), digest({ ...WEBHOOK, ROOTKEEP_TICKET_WEBHOOK: "https://tickets.evil.example/rootkeep" }));
    assert.equal(digest(WEBHOOK), digest({ ...WEBHOOK, ROOTKEEP_TICKET_WEBHOOK_SECRET: `whsec_${"B".repeat(43)}=` }));
    assert.doesNotMatch(JSON.stringify(trustedConfig(parse(WEBHOOK))), /AAAA/);
  });
});
