import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { newId } from "../../../src/kernel/ids.js";
import { type JudgedCandidate, parseVerdict, VERDICTS, verdictObstacle } from "../../../src/secrets/candidate-verdict.js";

const NOW = new Date("2026-06-01T12:00:00.000Z");
const [versionId, setter, verifier] = [newId("version"), newId("person"), newId("person")];
const EVENT = "0f0e0d0c-0b0a-4908-8706-050403020100";
const CLOUDTRAIL = { kind: "cloudtrail", eventIds: [EVENT] } as const;

const IN_DOUBT: JudgedCandidate = {
  state: "AMBIGUOUS",
  kind: "root-password",
  createdAt: new Date("2026-05-31T12:00:00.000Z"),
  appliers: [setter],
  readers: new Set([setter, verifier]),
  isHeld: false,
  hasNewer: false,
};

describe("a verdict on a candidate", () => {
  it("is read as it is written, and nothing else is", () => {
    for (const verdict of VERDICTS) {
      assert.deepEqual(parseVerdict({ versionId, verdict, evidence: CLOUDTRAIL }), { versionId, verdict, evidence: CLOUDTRAIL });
    }
    const odd: object[] = [
      {},
      { versionId: "ver_x", verdict: "works", evidence: CLOUDTRAIL },
      { versionId, verdict: "perhaps", evidence: CLOUDTRAIL },
      { versionId, verdict: "works", evidence: { ...CLOUDTRAIL, note: "x" } },
      { versionId, verdict: "works", evidence: { kind: "cloudtrail", eventIds: Array.from({ length: 9 }, () => EVENT) } },
      { versionId, verdict: "works", evidence: { kind: "sign-in", personId: verifier, at: "yesterday" } },
      { versionId, verdict: "works", evidence: { kind: "sign-in", personId: verifier, at: 17 } },
      { versionId, verdict: "works", evidence: null },
    ];
    for (const subject of odd)
      assert.throws(
        () => parseVerdict(subject as Record<string, unknown>),
        (error) => isRootkeepError(error, "MALFORMED"),
      );
  });

  it("is given in the states in which there is something to find out, and in no others", () => {
    const states = ["STAGED", "APPLYING", "ACTIVE", "SUPERSEDED", "DESTROYED", "AMBIGUOUS", "ABANDONED", "COMPROMISED"] as const;
    const given = states.flatMap((state) =>
      VERDICTS.filter((verdict) => {
        const evidence = state === "STAGED" ? ({ kind: "never-shown" } as const) : CLOUDTRAIL;
        return verdictObstacle({ ...IN_DOUBT, state }, { versionId, verdict, evidence }, NOW) === null;
      }).map((verdict) => `${state} ${verdict}`),
    );
    assert.deepEqual(given, ["STAGED does-not-work", "AMBIGUOUS works", "AMBIGUOUS does-not-work", "ABANDONED may-work"]);
  });

  it("takes the sign-in of somebody who saw the candidate and was not to set it, in between", () => {
    const obstacle = (personId: typeof verifier, at: string, candidate = IN_DOUBT): string | null =>
      verdictObstacle(candidate, { versionId, verdict: "works", evidence: { kind: "sign-in", personId, at } }, NOW);
    assert.equal(obstacle(verifier, "2026-06-01T11:00:00.000Z"), null);
    assert.match(obstacle(setter, "2026-06-01T11:00:00.000Z") ?? "", /somebody else/);
    assert.match(obstacle(newId("person"), "2026-06-01T11:00:00.000Z") ?? "", /by the log/);
    assert.equal(obstacle(newId("person"), "2026-06-01T11:00:00.000Z", { ...IN_DOUBT, kind: "mfa-seed" }), null);
    for (const at of ["2026-06-01T13:00:00.000Z", "2026-05-30T12:00:00.000Z"]) assert.match(obstacle(verifier, at) ?? "", /between/);
  });

  it("waits while somebody may be setting the value, and brings nothing back that was overtaken", () => {
    const judged = (changed: Partial<JudgedCandidate>, verdict: (typeof VERDICTS)[number]): string | null =>
      verdictObstacle({ ...IN_DOUBT, ...changed }, { versionId, verdict, evidence: CLOUDTRAIL }, NOW);
    for (const verdict of ["works", "does-not-work"] as const) assert.match(judged({ isHeld: true }, verdict) ?? "", /checked out/);
    assert.equal(judged({ state: "ABANDONED" }, "may-work"), null);
    assert.match(judged({ state: "ABANDONED", hasNewer: true }, "may-work") ?? "", /newer/);
  });
});
