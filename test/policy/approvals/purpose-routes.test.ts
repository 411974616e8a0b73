import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { CATALOGUE } from "../../../src/approvals/catalogue.js";
import { isReferral, PURPOSE_KINDS, PURPOSE_SCOPES } from "../../../src/approvals/purpose.js";
import { routePurpose } from "../../../src/approvals/route-purpose.js";

const GOLDEN = new URL("../../../../test/golden/purpose-routes.txt", import.meta.url);
const SLUGS = [...new Set(CATALOGUE.entries.map(({ slug }) => slug))];

function decide(slug: string, scope: (typeof PURPOSE_SCOPES)[number], kind: (typeof PURPOSE_KINDS)[number]): string {
  const decision = routePurpose(CATALOGUE, slug, scope, [kind]);
  return decision.decision === "better-way" ? `better-way(${decision.route})` : decision.decision;
}

function matrix(): string {
  const rows = SLUGS.flatMap((slug) =>
    PURPOSE_SCOPES.map((scope) => [slug, scope, ...PURPOSE_KINDS.map((kind) => decide(slug, scope, kind))]),
  );
  return `${[["purpose", "account", ...PURPOSE_KINDS], ...rows]
    .map((row) =>
      row
        .map((cell, at) => cell.padEnd(at === 0 ? 30 : 24))
        .join("")
        .trimEnd(),
    )
    .join("\n")}\n`;
}

describe("what each purpose opens on each kind of account", () => {
  it("is the reviewed table", () => {
    const text = matrix();
    if (process.env["ROOTKEEP_UPDATE_GOLDEN"] === "1") writeFileSync(GOLDEN, text);
    assert.equal(existsSync(GOLDEN) ? readFileSync(GOLDEN, "utf8") : "", text);
  });
});

describe("every purpose is decided for every kind of account", () => {
  it("and who is refused is told the route and the way", () => {
    for (const slug of SLUGS) {
      for (const scope of PURPOSE_SCOPES) {
        const routed = routePurpose(CATALOGUE, slug, scope, ["root-password"]);
        assert.notEqual(routed.decision, "not-for-this-kind", `${slug} on ${scope}`);
        assert.notEqual(routed.decision, "unknown", `${slug} on ${scope}`);
        if (routed.decision === "better-way") assert.ok(routed.way.length > 10 && routed.route !== "ROOT_CONSOLE", `${slug} on ${scope}`);
      }
    }
  });
});

describe("law L7 holds for every row of the catalogue", () => {
  for (const entry of CATALOGUE.entries) {
    for (const scope of entry.scope) {
      it(`${entry.slug} on ${scope} by ${entry.route}`, () => {
        for (const kinds of [["root-password"], ["mfa-seed"], ["root-password", "mfa-seed"], ["mail-code", "root-password"]] as const) {
          const { decision, ...rest } = routePurpose(CATALOGUE, entry.slug, scope, kinds);
          if (entry.route === "ROOT_CONSOLE" || (entry.route === "SUPPORT" && entry.way === null)) {
            assert.equal(decision, kinds.every((kind) => entry.kinds.includes(kind)) ? "root" : "kinds-not-in-purpose");
          } else {
            assert.equal(decision, "better-way");
            assert.ok("way" in rest && rest.way.length > 0);
          }
        }
      });
    }
  }

  it("no task that AWS took off its list of root tasks is opened", () => {
    const former = ["support-plan-change", "account-name-change", "contact-change", "payment-currency-change", "region-change"];
    for (const slug of [...former, "member-email-change", "member-account-close", "root-credential-audit"]) {
      for (const scope of PURPOSE_SCOPES) {
        for (const kind of PURPOSE_KINDS) assert.equal(decide(slug, scope, kind), "better-way(ROLE)");
      }
    }
  });
});

describe("only purposes that end with a new password heal a burnt one", () => {
  it("and they are rotation, password change, mailbox recovery, onboarding and hand-back", () => {
    const healing = CATALOGUE.entries.filter((entry) => !isReferral(entry) && entry.heals).map(({ slug }) => slug);
    assert.deepEqual(healing, [
      "account-password-change",
      "mailbox-recovery",
      "onboard-takeover",
      "release-handback",
      "rotate-after-use",
      "rotate-scheduled",
      "rotate-suspected-compromise",
      "rotate-verify",
    ]);
  });
});
