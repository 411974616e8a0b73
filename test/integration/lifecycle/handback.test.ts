import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setState } from "../../../src/accounts/account-life.service.js";
import { lockAccount } from "../../../src/accounts/account-registry.service.js";
import { draftEntry, SYSTEM_ACTOR } from "../../../src/audit/draft.js";
import { type ErrorCode, isRootkeepError } from "../../../src/kernel/errors.js";
import type { EvidenceSource } from "../../../src/lifecycle/evidence.port.js";
import { eventOf, evidenceOf, LifeCrew, PAPER } from "../../support/life-crew.js";

const code = (wanted: ErrorCode, rule?: RegExp) => (error: unknown) =>
  isRootkeepError(error) && error.code === wanted && (rule === undefined || rule.test(String(error.facts["rule"])));
const ORDER = { document: PAPER, target: "standalone" };

describe("handing an account back", () => {
  let crew: LifeCrew;
  /** Certificates that the module beside knows; and snapshots that have been overtaken. */
  const certificates = new Set<string>();
  const overtaken = new Set<string>();
  const destruction: EvidenceSource = {
    kind: "destruction",
    check: (_tx, { reference }) =>
      certificates.has(reference) ? Promise.resolve({ certificate: reference }) : Promise.reject(new Error("no such certificate")),
  };
  const posture: EvidenceSource = {
    kind: "posture",
    check: (_tx, { reference }) => Promise.resolve({ snapshot: reference }),
    stillHolds: (_tx, _account, reference) => Promise.resolve(!overtaken.has(reference)),
  };
  before(async () => {
    crew = await LifeCrew.open({ evidence: [destruction, posture] });
  });
  after(() => crew.vault.drop());

  it("freezes the account: what is open ends in the same transaction, and nothing opens but the hand-back [LC-4] [LC-13]", async () => {
    const account = await crew.vault.import("300000000001");
    const { requestId, grantId } = await crew.vault.grant(crew.rob, [crew.amy], account, "billing-root-only");
    await crew.move(account, "releasing", ORDER);
    assert.equal(await crew.state(account), "releasing");
    assert.equal((await crew.vault.grants.read(grantId)).state, "REVOKED");
    assert.equal((await crew.vault.requests.read(requestId)).state, "REVOKED");
    await assert.rejects(crew.vault.open(crew.rob, grantId), code("APPROVAL_EXPIRED"));
    assert.equal((await crew.vault.accounts.byId(account)).checkoutGrantId, null);
    await assert.rejects(crew.ask(account, "billing-root-only"), code("STATE_CONFLICT"));
    const handback = await crew.ask(account, "release-handback");
    // The order taken back: what was asked for the hand-back waits no longer for anything.
    await crew.move(account, "active");
    assert.equal((await crew.vault.requests.read(handback)).state, "SUBMITTED");
  });

  it("opens nothing for what was asked, or granted, in another state: it is judged at use, whether or not it was ended [LC-4] [L2]", async () => {
    const account = await crew.vault.import("300000000002");
    const waiting = await crew.ask(account, "iam-restore-permissions");
    const { grantId } = await crew.vault.grant(crew.rob, [crew.amy], account, "billing-root-only");
    // As the freeze would leave it if it missed one: the state alone has changed.
    await crew.vault.transactions.run(async (tx) => {
      const row = await lockAccount(tx, account);
      assert.ok(row !== null);
      setState(tx, row, "releasing");
      const draft = draftEntry({
        action: "account.changed",
        outcome: "committed",
        actor: SYSTEM_ACTOR,
        target: { type: "account", id: account },
      });
      return { result: undefined, entries: [{ draft }] };
    });
    await assert.rejects(crew.vault.open(crew.rob, grantId), code("STATE_CONFLICT", /other purposes/));
    await assert.rejects(
      crew.vault.requests.approve(crew.amy, waiting, await crew.amy.app.next(), ""),
      code("STATE_CONFLICT", /other purposes/),
    );
    assert.equal((await crew.vault.requests.read(waiting)).state, "SUBMITTED");
  });

  it("keeps its order, ends with negative evidence by two, and is released; what was held is destroyed afterwards [LC-3] [LC-9] [LC-13]", async () => {
    const account = await crew.vault.import("300000000003");
    await crew.move(account, "releasing", ORDER);
    const checklist = await crew.openChecklist(account);
    await assert.rejects(crew.claim(checklist, "R7", eventOf("EmailUpdated")), code("STATE_CONFLICT", /come first/));
    await assert.rejects(crew.claim(checklist, "R13", evidenceOf({ kind: "destruction", reference: "cert_1" })), code("NOT_ALLOWLISTED"));
    await assert.rejects(crew.waive(checklist, "R0"), code("STATE_CONFLICT", /cannot be waived/));
    const done = await crew.workThrough(checklist, "R12a");
    assert.deepEqual(done, ["R0", "R1", "R2", "R4", "R5", "R6", "R7", "R8", "R9", "R10", "R11", "R12a"], "R3 is of CENTRAL custody");
    assert.equal(await crew.state(account), "releasing");
    await assert.rejects(crew.move(account, "active"), code("STATE_CONFLICT", /R7/));
    assert.equal((await crew.byTwo(checklist, "R12b", evidenceOf({ kind: "attestation" }))).accountState, "released");
    await assert.rejects(crew.ask(account, "release-handback"), code("STATE_CONFLICT"));
    await crew.byTwo(checklist, "R14", evidenceOf({ kind: "document", reference: PAPER }));
    const [ada] = crew.custodians;
    await assert.rejects(crew.claim(checklist, "R13", evidenceOf({ kind: "attestation" }), ada), code("MALFORMED"));
    certificates.add("cert_1");
    assert.equal((await crew.claim(checklist, "R13", evidenceOf({ kind: "destruction", reference: "cert_1" }), ada)).state, "PASSED");
    assert.equal((await crew.vault.life.views.read(crew.eve.personId, checklist)).row.state, "DONE");
  });

  it("moves nothing by evidence that has been overtaken: the step is shown stale and can be evidenced anew [LC-14]", async () => {
    const account = await crew.vault.import("300000000004");
    await crew.move(account, "releasing", ORDER);
    const checklist = await crew.openChecklist(account);
    await crew.workThrough(checklist, "R4");
    await crew.claim(checklist, "R5", evidenceOf({ kind: "posture", reference: "pst_1" }));
    overtaken.add("pst_1");
    const view = await crew.vault.life.views.read(crew.eve.personId, checklist);
    assert.equal(view.steps.find(({ step }) => step.id === "R5")?.standing, "STALE");
    assert.ok(view.next.includes("R5"));
    await assert.rejects(crew.claim(checklist, "R6", eventOf("ChangePassword")), code("STATE_CONFLICT", /come first/));
    await crew.claim(checklist, "R5", evidenceOf({ kind: "posture", reference: "pst_2" }));
    await crew.byTwo(checklist, "R6", eventOf("ChangePassword"));
  });
});
