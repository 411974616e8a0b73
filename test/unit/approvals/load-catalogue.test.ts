import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CATALOGUE, CATALOGUE_ROWS, CATALOGUE_VERSION } from "../../../src/approvals/catalogue.js";
import { assertNoHole, loadCatalogue } from "../../../src/approvals/load-catalogue.js";
import { isReferral, purposeScopeOf } from "../../../src/approvals/purpose.js";
import { routePurpose } from "../../../src/approvals/route-purpose.js";

const CONSOLE = {
  slug: "x-task",
  title: "Task",
  scope: ["member"],
  route: "ROOT_CONSOLE",
  reveal: ["password", "totp"],
  approvals: 1,
  maxMinutes: 30,
};
const ORG = { slug: "x-task", title: "Task", scope: ["management"], route: "ORG_API", approvals: 1, maxMinutes: 30, way: "Use the API." };
const NO_WAY = { ...CONSOLE, reveal: ["mailOtp"] };
const ROLE = { slug: "y-task", title: "Task", scope: ["member"], route: "ROLE", way: "Use a role." };

describe("the catalogue", () => {
  it("does not load with a purpose that nobody approves, whichever row it is", () => {
    for (const [at, row] of CATALOGUE_ROWS.entries()) {
      for (const approvals of [0, -1, 0.5, undefined, null, "1", Number.NaN]) {
        const rows = CATALOGUE_ROWS.map((other, index) => (index === at ? { ...row, approvals } : other));
        assert.throws(() => loadCatalogue(rows), !("approvals" in row) ? /not of its form/ : /approvals must be/, row.slug);
      }
    }
  });

  it("does not load with two rows for one purpose and kind of account", () => {
    assert.throws(() => loadCatalogue([CONSOLE, { ...CONSOLE, scope: ["standalone", "member"], approvals: 2 }]), /x-task for member twice/);
    assert.throws(() => loadCatalogue([CONSOLE, { ...ORG, scope: ["member"] }]), /twice/);
  });

  const faults: [string, unknown, RegExp][] = [
    ["is no object", "x", /must be an object/],
    ["is a list", [], /must be an object/],
    ["has a field that is not known", { ...CONSOLE, approvers: 1 }, /not of its form/],
    ["has no slug", { ...CONSOLE, slug: "" }, /slug/],
    ["has a slug of another form", { ...CONSOLE, slug: "X_task" }, /slug/],
    ["has no title", { ...CONSOLE, title: " " }, /title/],
    ["has no accounts", { ...CONSOLE, scope: [] }, /scope/],
    ["names an account kind twice", { ...CONSOLE, scope: ["member", "member"] }, /scope/],
    ["names another account kind", { ...CONSOLE, scope: ["any"] }, /scope/],
    ["takes another route", { ...CONSOLE, route: "DIRECT" }, /route/],
    ["shows another thing", { ...CONSOLE, reveal: ["seed"] }, /reveal/],
    ["needs the console and shows nothing", { ...CONSOLE, reveal: [] }, /needs a secret/],
    ["needs too many approvers", { ...CONSOLE, approvals: 6 }, /approvals/],
    ["stands for no time", { ...CONSOLE, maxMinutes: 0 }, /maxMinutes/],
    ["stands for more than a day", { ...CONSOLE, maxMinutes: 1_441 }, /maxMinutes/],
    ["gives no code although it shows codes", { ...CONSOLE, codes: 0 }, /codes/],
    ["gives too many codes", { ...CONSOLE, codes: 7 }, /codes/],
    ["gives codes although it shows none", { ...CONSOLE, reveal: ["password"], codes: 1 }, /codes/],
    ["rotates what it does not show", { ...CONSOLE, reveal: ["totp"], rotateAfter: true }, /rotateAfter/],
    ["has a mark that is no boolean", { ...CONSOLE, rotateAfter: "yes" }, /rotateAfter/],
    ["shows a password on a route that is not root", { ...ORG, reveal: ["password"] }, /no password/],
    ["shows a code on a route that is not root", { ...ORG, reveal: ["totp"] }, /no password/],
    ["shows a candidate on a route that is not root", { ...ORG, reveal: ["newPassword"] }, /no password/],
    ["names no better way on a route that is not root", { ...NO_WAY, route: "ORG_API" }, /must name the way/],
    ["names a better way and opens root anyway", { ...CONSOLE, way: "Use the API." }, /better way/],
    ["is a support case that neither opens nor refers", { ...CONSOLE, route: "SUPPORT", reveal: [] }, /support/],
    ["is a support case that opens and refers", { ...CONSOLE, route: "SUPPORT", way: "Call them." }, /better way|support/],
    ["brokers without a task policy", { ...ORG, route: "ASSUME_ROOT" }, /task policy/],
    ["has a task policy without brokering", { ...ORG, taskPolicy: "S3UnlockBucketPolicy" }, /task policy/],
    ["refers without a way", { ...ROLE, way: "" }, /way/],
    ["refers and shows something", { ...ROLE, reveal: ["mailOtp"] }, /not of its form/],
  ];
  for (const [what, row, rule] of faults) {
    it(`does not load with a row that ${what}`, () => assert.throws(() => loadCatalogue([row]), rule));
  }

  it("loads the rows that those faults were made of, with the stricter meaning for what they leave out", () => {
    const { entries } = loadCatalogue([ROLE, ORG, CONSOLE]);
    assert.deepEqual(
      entries.map(({ slug, route }) => `${slug} ${route}`),
      ["x-task ORG_API", "x-task ROOT_CONSOLE", "y-task ROLE"],
    );
    const purpose = entries[1];
    assert.ok(purpose !== undefined && !isReferral(purpose));
    assert.equal(purpose.codes, 2);
    assert.equal(purpose.heals, false);
    assert.deepEqual(purpose.kinds, ["root-password", "mfa-seed"]);
  });

  it("has no hole: a build that leaves a purpose undecided for a kind of account does not start [L7]", () => {
    assert.equal(assertNoHole(CATALOGUE), CATALOGUE);
    for (const [at, row] of CATALOGUE_ROWS.entries()) {
      const fewer = loadCatalogue(CATALOGUE_ROWS.filter((_row, index) => index !== at));
      if (fewer.entries.some(({ slug }) => slug === row.slug))
        assert.throws(() => assertNoHole(fewer), new RegExp(`decide ${row.slug} for`));
    }
  });

  it("cannot be changed after loading", () => {
    const [entry] = CATALOGUE.entries;
    assert.ok(Object.isFrozen(CATALOGUE) && Object.isFrozen(CATALOGUE.entries) && Object.isFrozen(entry) && Object.isFrozen(entry?.scope));
  });

  it("has a version that depends on its content and not on how it is written", () => {
    assert.match(CATALOGUE_VERSION, /^c1-[0-9a-f]{16}$/);
    assert.equal(loadCatalogue(CATALOGUE_ROWS.toReversed()).version, CATALOGUE_VERSION);
    const [first, ...rest] = CATALOGUE_ROWS;
    assert.ok(first !== undefined);
    const rewritten = { ...first, scope: first.scope.toReversed(), codes: 2 };
    assert.equal(loadCatalogue([rewritten, ...rest]).version, CATALOGUE_VERSION);
    assert.notEqual(loadCatalogue([{ ...first, maxMinutes: 31 }, ...rest]).version, CATALOGUE_VERSION);
    assert.notEqual(loadCatalogue(rest).version, CATALOGUE_VERSION);
  });
});

describe("routing", () => {
  it("refuses what it does not know", () => {
    const catalogue = loadCatalogue([CONSOLE, ROLE]);
    assert.deepEqual(routePurpose(catalogue, "z-task", "member", ["root-password"]), { decision: "unknown" });
    assert.deepEqual(routePurpose(catalogue, "constructor", "member", ["root-password"]), { decision: "unknown" });
    assert.deepEqual(routePurpose(catalogue, "x-task", "standalone", ["root-password"]), { decision: "not-for-this-kind" });
    assert.deepEqual(routePurpose(catalogue, "x-task", "member", ["mail-code"]), { decision: "kinds-not-in-purpose" });
    assert.deepEqual(routePurpose(catalogue, "x-task", "member", []), { decision: "kinds-not-in-purpose" });
  });

  it("keeps a member's root console shut while the organization can do the same task", () => {
    const decision = routePurpose(loadCatalogue([CONSOLE, ORG]), "x-task", "member", ["root-password"]);
    assert.deepEqual(decision, { decision: "better-way", way: "Use the API.", route: "ORG_API" });
    assert.equal(routePurpose(loadCatalogue([CONSOLE]), "x-task", "member", ["root-password"]).decision, "root");
  });

  it("releases to a better way the mailed code that it needs, and nothing with it", () => {
    const member = (kinds: Parameters<typeof routePurpose>[3]) => routePurpose(CATALOGUE, "account-email-change", "member", kinds).decision;
    assert.equal(member(["mail-code"]), "mail-only");
    assert.equal(member(["mail-code", "root-password"]), "better-way");
    assert.equal(member([]), "better-way");
    assert.equal(routePurpose(CATALOGUE, "account-close", "member", ["mail-code"]).decision, "better-way");
  });

  it("opens no root credential beside a better way, even from a catalogue that was not loaded here", () => {
    const [entry] = loadCatalogue([CONSOLE]).entries;
    assert.ok(entry !== undefined && !isReferral(entry));
    const forged = { version: "c1-", entries: [{ ...entry, route: "ORG_API" as const, way: "Use the API." }] };
    assert.equal(routePurpose(forged, "x-task", "member", ["root-password"]).decision, "better-way");
    const wayless = { version: "c1-", entries: [{ ...entry, route: "ORG_API" as const }] };
    assert.equal(routePurpose(wayless, "x-task", "member", ["root-password"]).decision, "not-for-this-kind");
  });

  it("treats any account of the GovCloud partition as one that has no root console", () => {
    assert.equal(purposeScopeOf({ partition: "aws-us-gov", kind: "member" }), "govcloud");
    assert.equal(purposeScopeOf({ partition: "aws-cn", kind: "member" }), "member");
    const decision = routePurpose(CATALOGUE, "account-close", "govcloud", ["root-password"]);
    assert.ok(decision.decision === "better-way" && decision.route === "NONE" && decision.way.includes("standard account"));
  });
});
