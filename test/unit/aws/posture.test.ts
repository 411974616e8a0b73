import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CredentialSlot, RootReport } from "../../../src/aws/aws-account.port.js";
import { judgePosture, type PostureEvidence, type PostureExpectation, type PostureItem } from "../../../src/aws/posture.js";

const NONE: CredentialSlot = { isPresent: false, isActive: false, since: "none" };
const REPORT: RootReport = {
  generatedAt: "2026-11-26T12:00:00.000Z",
  passwordEnabled: true,
  passwordLastUsed: "none",
  passwordLastChanged: "2026-11-02T10:05:12.000Z",
  mfaActive: true,
  accessKeys: [NONE, NONE],
  certificates: [NONE, NONE],
};
const GOOD: PostureEvidence = {
  summary: { mfaEnabled: true, accessKeysPresent: false, signingCertificatesPresent: false, passwordPresent: true },
  report: REPORT,
  organization: { isMember: true, isManagement: false, state: "ACTIVE" },
  contacts: { billing: "present", operations: "absent", security: "unknown" },
  denied: [],
};
const EXPECTED: PostureExpectation = { kind: "member", passwordSince: new Date("2026-11-02T10:05:12.900Z") };

interface Changes {
  readonly summary?: Partial<PostureEvidence["summary"]>;
  readonly report?: Partial<RootReport> | null;
  readonly organization?: Partial<PostureEvidence["organization"]>;
}

function withChanges({ summary = {}, report = {}, organization = {} }: Changes): PostureEvidence {
  return {
    ...GOOD,
    summary: { ...GOOD.summary, ...summary },
    report: report === null ? null : { ...REPORT, ...report },
    organization: { ...GOOD.organization, ...organization },
  };
}

function found(changes: Changes, item: PostureItem, expectation: Partial<PostureExpectation> = {}): string {
  const { verdict, findings } = judgePosture(withChanges(changes), { ...EXPECTED, ...expectation });
  const one = findings.find((finding) => finding.item === item);
  return `${verdict} ${String(one?.verdict)} ${String(one?.restsOn.join(" "))}`;
}

const present: CredentialSlot = { isPresent: true, isActive: false, since: "2020-01-01T00:00:00.000Z" };
const unknown: CredentialSlot = { isPresent: null, isActive: null, since: null };

describe("the judgement of posture evidence", () => {
  it("is secured when every item is ok, and names what each rests on", () => {
    const { verdict, findings } = judgePosture(GOOD, EXPECTED);
    assert.equal(verdict, "secured");
    assert.deepEqual(
      findings.map(({ item, verdict: one, restsOn }) => `${item} ${one} ${restsOn.join(" ")}`),
      [
        "accessKeys ok summary.accessKeysPresent report.accessKeys.1 report.accessKeys.2",
        "signingCertificates ok summary.signingCertificatesPresent report.certificates.1 report.certificates.2",
        "mfa ok summary.mfaEnabled report.mfaActive",
        "password ok report.passwordLastChanged",
        "state ok organization.isMember organization.isManagement organization.state",
      ],
    );
  });

  it("is insecure by a root key, also an inactive one, whichever source shows it", () => {
    assert.equal(found({ report: { accessKeys: [NONE, present] } }, "accessKeys"), "insecure bad report.accessKeys.2");
    assert.equal(found({ summary: { accessKeysPresent: true } }, "accessKeys"), "insecure bad summary.accessKeysPresent");
    assert.equal(found({ summary: { accessKeysPresent: true }, report: null }, "accessKeys"), "insecure bad summary.accessKeysPresent");
  });

  it("is insecure by a signing certificate and by an MFA that is off", () => {
    assert.equal(found({ report: { certificates: [present, NONE] } }, "signingCertificates"), "insecure bad report.certificates.1");
    assert.equal(found({ summary: { mfaEnabled: false } }, "mfa"), "insecure bad summary.mfaEnabled");
    assert.equal(found({ report: { mfaActive: false } }, "mfa"), "insecure bad report.mfaActive");
  });

  it("is never secured by what AWS did not say: each field alone", () => {
    const gaps: readonly [PostureItem, Changes][] = [
      ["accessKeys", { summary: { accessKeysPresent: null } }],
      ["accessKeys", { report: { accessKeys: [NONE, unknown] } }],
      ["accessKeys", { report: { accessKeys: [] } }],
      ["signingCertificates", { summary: { signingCertificatesPresent: null } }],
      ["signingCertificates", { report: { certificates: [unknown, NONE] } }],
      ["mfa", { summary: { mfaEnabled: null } }],
      ["mfa", { report: { mfaActive: null } }],
      ["password", { report: { passwordLastChanged: null } }],
      ["state", { organization: { isMember: null } }],
      ["state", { organization: { isManagement: null } }],
      ["state", { organization: { state: null } }],
      ["accessKeys", { report: null }],
      ["signingCertificates", { report: null }],
      ["mfa", { report: null }],
      ["password", { report: null }],
    ];
    for (const [item, changes] of gaps) assert.match(found(changes, item), /^unknown unknown \S/, JSON.stringify(changes));
  });

  it("holds the password's age against the one that we keep", () => {
    const older = { report: { passwordLastChanged: "2026-11-02T10:05:11.000Z" } };
    assert.match(found(older, "password"), /^insecure bad/);
    assert.match(found({ report: { passwordLastChanged: "none" } }, "password"), /^insecure bad/);
    assert.match(found({}, "password", { passwordSince: null }), /^unknown unknown/);
    assert.equal(found({ summary: { passwordPresent: false } }, "password"), "insecure bad summary.passwordPresent");
    // Many accounts do not say it: that is no no, and no yes is needed.
    assert.equal(found({ summary: { passwordPresent: null } }, "password"), "secured ok report.passwordLastChanged");
  });

  it("takes only the state ACTIVE, and an organization as it is registered", () => {
    for (const state of ["PENDING_ACTIVATION", "SUSPENDED", "PENDING_CLOSURE", "CLOSED"] as const) {
      assert.match(found({ organization: { state } }, "state"), /^insecure bad organization.state$/, state);
    }
    const outside = { organization: { isMember: false, isManagement: false, state: null } };
    assert.equal(found(outside, "state", { kind: "standalone" }), "secured ok organization.isMember");
    assert.equal(found({}, "state", { kind: "standalone" }), "insecure bad organization.isMember");
    assert.match(found(outside, "state"), /^insecure bad organization.isMember$/);
    assert.match(found({ organization: { isManagement: true } }, "state"), /^insecure bad/);
    assert.match(found({ organization: { isManagement: true } }, "state", { kind: "management" }), /^secured ok/);
  });
});
