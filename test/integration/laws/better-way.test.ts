import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { CATALOGUE, CATALOGUE_ROWS } from "../../../src/approvals/catalogue.js";
import { loadCatalogue } from "../../../src/approvals/load-catalogue.js";
import { isRootRoute, type PurposeScope } from "../../../src/approvals/purpose.js";
import { RootkeepError } from "../../../src/kernel/errors.js";
import type { Id } from "../../../src/kernel/ids.js";
import { openersOf } from "../../support/blind-rows.js";
import { type Actor, formOf, Vault } from "../../support/vault.js";

// real: PostgreSQL, the shipped catalogue, every service. double: none.
describe("the best reveal is none [L7]", () => {
  let vault: Vault;
  let rita: Actor;
  const accounts = new Map<PurposeScope, Id<"account">>();

  before(async () => {
    vault = await Vault.open();
    const [ada] = await vault.found();
    rita = await vault.enrol("Rita Requester", ["requester"]);
    const lines = ["standalone", "management", "member"].map(
      (kind, index) =>
        `10000000000${String(index)},aws,${kind},Acme,root-${kind}@example.com,Tr0ub4dor-and-3-horses,GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ`,
    );
    const govcloud = "200000000000,aws-us-gov,standalone,Acme,root-gov@example.com,Tr0ub4dor-and-3-horses,GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    const csv = ["aws_account_id,partition,kind,customer,root_email,password,mfa_seed", ...lines, govcloud, ""].join("\n");
    await vault.imports.run(ada, Buffer.from(csv), { onError: "reject", fromLine: 1 });
    for (const { id, kind, partition } of await vault.accounts.list("", 10)) {
      accounts.set(partition === "aws" ? (kind as PurposeScope) : "govcloud", id as Id<"account">);
    }
  });
  after(() => vault.drop());

  it("refuses every request whose task has another way, names the way, and stores no request", async () => {
    let tried = 0;
    for (const entry of CATALOGUE.entries) {
      if (isRootRoute(entry.route) && entry.way === null) continue;
      for (const scope of entry.scope) {
        for (const kinds of [[], ["root-password"], ["mfa-seed"], ["root-password", "mfa-seed"]]) {
          const form = {
            operation: "secret.reveal",
            accountId: accounts.get(scope) ?? null,
            purpose: entry.slug,
            ticket: "INC-7",
            kinds,
          } as const;
          await assert.rejects(vault.requests.submit(rita, formOf(form)), (error: unknown) => {
            assert.ok(error instanceof RootkeepError, `${entry.slug} on ${scope}`);
            assert.equal(error.code, "BETTER_WAY", `${entry.slug} on ${scope}`);
            assert.equal(error.facts["way"], entry.way);
            return true;
          });
          tried++;
        }
      }
    }
    assert.ok(tried > 50, "the catalogue has referrals");
    assert.deepEqual(await vault.requests.listFor(rita.personId, { requesterId: rita.personId }, "", 10), []);
  });

  it("keeps a member's root console shut where its organization can do the task", async () => {
    const brokered = CATALOGUE.entries.filter(
      ({ route, scope }) => (route === "ASSUME_ROOT" || route === "ORG_API") && scope.includes("member"),
    );
    assert.ok(brokered.length > 0);
    for (const { slug } of brokered) {
      const form = formOf({ operation: "secret.reveal", accountId: accounts.get("member") ?? null, purpose: slug, ticket: "INC-7" });
      await assert.rejects(
        vault.requests.submit(rita, form),
        (error: unknown) => error instanceof RootkeepError && error.code === "BETTER_WAY",
      );
    }
  });

  it("keeps it shut, too, where another catalogue names the console for members beside the organization's way", async () => {
    const way = "The organization does it.";
    const brokered = { slug: "tax-invoice-view", title: "View tax invoices", scope: ["govcloud"], route: "ORG_API", way } as const;
    const others = CATALOGUE_ROWS.map((row) =>
      row.slug === brokered.slug ? { ...row, scope: row.scope.filter((scope) => scope !== "govcloud") } : row,
    ).filter(({ scope }) => scope.length > 0);
    const catalogue = loadCatalogue([...others, { ...brokered, calls: ["organizations:X"], approvals: 1, maxMinutes: 15 }]);
    const form = formOf({ operation: "secret.reveal", accountId: accounts.get("member") ?? null, purpose: brokered.slug, ticket: "INC-7" });
    await assert.rejects(openersOf(vault, catalogue).requests.submit(rita, form), (error: unknown) => {
      return error instanceof RootkeepError && error.code === "BETTER_WAY" && error.facts["way"] === way;
    });
  });

  it("takes a request that needs root, of every kind of account that the catalogue has one for", async () => {
    for (const scope of ["standalone", "management", "member"] as const) {
      const entry = CATALOGUE.entries.find((row) => row.slug === "tax-invoice-view" && row.scope.includes(scope));
      const form = formOf({
        operation: "secret.reveal",
        accountId: accounts.get(scope) ?? null,
        purpose: entry?.slug ?? "",
        ticket: "INC-7",
      });
      await vault.requests.submit(rita, form);
    }
  });
});
