import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  AccountCoverage,
  approvalsNeeded,
  type CoveredAccount,
  type LiveEntry,
  type NeededApprovals,
} from "../../../src/approvals/account-coverage.js";
import { CATALOGUE } from "../../../src/approvals/catalogue.js";
import { checkPolicy, type Policy } from "../../../src/approvals/policy.js";
import { type Id, newId } from "../../../src/kernel/ids.js";
import { covers, type Scope } from "../../../src/people/scope.js";

const NEEDS = { standalone: 1, member: 2, management: 2, govcloud: null } as const;
const needed: NeededApprovals = { of: (scope) => NEEDS[scope], scopes: [] };

function account(
  customer: string,
  tags: Readonly<Record<string, string>> = {},
  kind: CoveredAccount["kind"] = "standalone",
): CoveredAccount {
  return { id: newId("account"), customer, tags, partition: "aws", kind };
}

function entry(personId: string, role: LiveEntry["role"], scope: Scope): LiveEntry {
  return { personId, role, scope };
}

const ALL: Scope = { kind: "all" };

describe("accounts with too few people", () => {
  it("need one who asks, and one approver more than the strictest purpose: who asks may be one of them", () => {
    const look = (entries: readonly LiveEntry[]): number => {
      const coverage = new AccountCoverage(entries, needed);
      coverage.add(account("Acme"));
      return coverage.result().uncovered;
    };
    const asks = entry("rita", "requester", ALL);
    assert.equal(look([]), 1);
    assert.equal(look([asks, entry("anna", "approver", ALL)]), 1);
    assert.equal(look([asks, entry("anna", "approver", ALL), entry("anna", "approver", { kind: "customer", values: ["Acme"] })]), 1);
    assert.equal(look([entry("anna", "approver", ALL), entry("arno", "approver", ALL)]), 1);
    assert.equal(look([asks, entry("anna", "approver", ALL), entry("arno", "approver", { kind: "customer", values: ["Other"] })]), 1);
    assert.equal(look([asks, entry("anna", "approver", ALL), entry("arno", "approver", { kind: "customer", values: ["Acme"] })]), 0);
  });

  it("are told apart by customer, by the tags that entries name, and one by one", () => {
    const [plain, tagged, single, member, gov] = [
      account("Acme"),
      account("Acme", { tier: "gold", colour: "red" }),
      account("Acme"),
      account("Acme", { tier: "gold" }, "member"),
      { ...account("Acme"), partition: "aws-us-gov" as const },
    ];
    const coverage = new AccountCoverage(
      [
        entry("rita", "requester", ALL),
        entry("anna", "approver", { kind: "customer", values: ["Acme"] }),
        entry("arno", "approver", { kind: "tag", values: ["tier=gold"] }),
        entry("axel", "approver", { kind: "account", values: [single.id] }),
      ],
      needed,
    );
    for (const one of [plain, tagged, single, member, gov]) coverage.add(one);
    const { accounts, uncovered, groups } = coverage.result();
    assert.equal(accounts, 5);
    assert.equal(uncovered, 2);
    const examples = groups.flatMap((group) => group.examples);
    assert.deepEqual(new Set(examples), new Set<Id<"account">>([plain.id, member.id]));
    assert.equal(groups.find(({ purposeScope }) => purposeScope === "member")?.approversNeeded, 3);
  });

  it("come out as one by one, whatever the entries", () => {
    const [customers, tiers] = [
      ["Acme", "Other", "Third"],
      ["gold", "a=b", "none"],
    ] as const;
    const pick = <T>(from: readonly T[], at: number): T => from[at % from.length] as T;
    const accounts = Array.from({ length: 200 }, (_, at) =>
      account(pick(customers, at), at % 3 === 0 ? {} : { tier: pick(tiers, at >> 2) }),
    );
    const scopes: Scope[] = [
      { kind: "customer", values: ["Acme"] },
      { kind: "customer", values: ["Acme", "Other"] },
      { kind: "tag", values: ["tier=a=b"] },
      { kind: "tag", values: ["tier=gold", "tier=none"] },
      { kind: "account", values: accounts.slice(0, 60).map(({ id }) => id) },
      { kind: "account", values: accounts.slice(40, 90).map(({ id }) => id) },
    ];
    const entries = scopes.flatMap((scope, at) => [
      entry(`p${String(at % 4)}`, "approver", scope),
      entry(`q${String(at)}`, "requester", scope),
    ]);
    const coverage = new AccountCoverage(entries, needed);
    for (const one of accounts) coverage.add(one);
    const expected = accounts.filter((one) => {
      const reach = entries.filter(({ scope }) => covers(scope, one));
      const people = (role: string) => new Set(reach.filter((live) => live.role === role).map(({ personId }) => personId)).size;
      return people("requester") < 1 || people("approver") < 2;
    });
    assert.ok(expected.length > 0 && expected.length < accounts.length);
    assert.equal(coverage.result().uncovered, expected.length);
  });

  it("are judged by the catalogue's strictest purpose that opens something, and by every policy that matches", () => {
    const [plain, tagged, single] = [account("Acme"), account("Acme", { tier: "gold" }), account("Acme")];
    const policy = (approvals: number, scope: Scope): Policy => {
      const checked = checkPolicy({ name: `p${String(approvals)}`, scope, purposes: "all", approvals });
      if ("errors" in checked) throw new Error(JSON.stringify(checked.errors));
      return checked.policy;
    };
    const free = approvalsNeeded(CATALOGUE, []).of("standalone", plain);
    assert.ok(free !== null && free < 4);
    const strict = approvalsNeeded(CATALOGUE, [
      policy(4, { kind: "tag", values: ["tier=gold"] }),
      policy(5, { kind: "account", values: [single.id] }),
    ]);
    const coverage = new AccountCoverage([], strict);
    for (const one of [plain, tagged, single]) coverage.add(one);
    const asked = new Map(coverage.result().groups.flatMap(({ approversNeeded, examples }) => examples.map((id) => [id, approversNeeded])));
    assert.deepEqual([asked.get(plain.id), asked.get(tagged.id), asked.get(single.id)], [free + 1, 5, 6]);
  });
});
