import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isOperation, OPERATION_NAMES, OPERATIONS, ROLES, type Role, ruleOf } from "../../../src/kernel/operations.js";

/** Roles that may call `name`; none where the access is no list of roles. */
function rolesOf(name: (typeof OPERATION_NAMES)[number]): readonly Role[] {
  const { access } = ruleOf(name);
  return typeof access === "string" ? [] : access;
}

describe("the list of operations", () => {
  for (const name of OPERATION_NAMES) {
    it(`${name} has a name that can stand in an entry, and a rule that cannot be changed [AE-8]`, () => {
      assert.match(name, /^(?=.{3,64}$)[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)+$/);
      assert.equal(Object.isFrozen(OPERATIONS[name]), true);
      const roles = rolesOf(name);
      assert.equal(new Set(roles).size, roles.length);
      assert.ok(roles.every((role) => ROLES.includes(role)));
      if (typeof ruleOf(name).access !== "string") assert.ok(roles.length > 0);
    });
  }

  it("knows its own names and no others, not even those of every object", () => {
    assert.equal(isOperation("secret.reveal"), true);
    for (const other of ["secret.show", "toString", "__proto__", "constructor", "", undefined, 3]) assert.equal(isOperation(other), false);
  });

  it("opens nothing of a customer's without approval and a fresh second factor [L2]", () => {
    for (const name of ["secret.reveal", "secret.code"] as const) {
      const { guarded, releases, stepUp, access } = ruleOf(name);
      assert.deepEqual({ guarded, releases, stepUp, access }, { guarded: true, releases: true, stepUp: true, access: ["requester"] });
    }
  });

  it("guards nothing that anybody may call", () => {
    for (const name of OPERATION_NAMES) {
      const { access, guarded, stepUp } = ruleOf(name);
      if (access === "anyone" || access === "person") assert.equal(guarded || stepUp, false, name);
    }
  });

  it("asks for a fresh second factor to approve, and to take half an invitation", () => {
    for (const name of ["request.approve", "invitation.link", "invitation.code"] as const) assert.equal(ruleOf(name).stepUp, true, name);
  });

  it("lets a requester decide on nothing, and an approver open nothing", () => {
    for (const name of ["request.approve", "request.deny", "grant.revoke"] as const) assert.ok(!rolesOf(name).includes("requester"), name);
    for (const name of ["secret.reveal", "secret.code", "grant.return"] as const) assert.deepEqual(rolesOf(name), ["requester"], name);
  });

  it("lets an auditor read, and change nothing", () => {
    const changing = OPERATION_NAMES.filter(
      (name) => rolesOf(name).includes("auditor") && !/\.(list|read|history|explain|preview|report|export)$/.test(name),
    );
    assert.deepEqual(changing, []);
  });

  it("says of every operation that only reads how far, or that it is of no account", () => {
    const ofNoAccount = [
      ...["session.list", "session.survey", "identity.list", "person.self", "person.list", "team.list", "config.read", "import.read"],
      ...["purpose.list", "policy.list", "policy.history"],
    ];
    const isReading = /\.(list|read|history|explain|preview|report|export|survey|self)$/;
    const reading = OPERATION_NAMES.filter((name) => isReading.test(name) && name !== "candidate.report");
    assert.deepEqual(
      reading.filter((name) => ruleOf(name).reads === undefined),
      ofNoAccount.sort((one, other) => reading.indexOf(one as never) - reading.indexOf(other as never)),
    );
    assert.ok(OPERATION_NAMES.every((name) => ruleOf(name).reads === undefined || reading.includes(name)));
  });

  it("answers before founding only to probes and founders", () => {
    const early = OPERATION_NAMES.filter((name) => ruleOf(name).beforeFounding === true);
    assert.deepEqual(early, ["sys.live", "sys.ready", "sys.health", "sys.metrics", "sys.openapi", "founding.accept", "founding.confirm"]);
  });
});
