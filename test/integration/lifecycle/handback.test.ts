import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { setState } from "../../../src/accounts/account-life.service.js";
import { lockAccount } from "../../../src/accounts/account-registry.service.js";
import { draftEntry, SYSTEM_ACTOR } from "../../../src/audit/draft.js";
import { type ErrorCode, isRootkeepError } from "../../../src/kernel/errors.js";
import type { Id } from "../../../src/kernel/ids.js";
import { eventOf, evidenceOf, LifeCrew, PAPER } from "../../support/life-crew.js";
import { approve } from "../../support/policies.js";
import { formOf } from "../../support/vault.js";

const code = (wanted: ErrorCode, rule?: RegExp) => (error: unknown) =>
  isRootkeepError(error) && error.code === wanted && (rule === undefined || rule.test(String(error.facts["rule"])));
const ORDER = { document: PAPER, target: "standalone" };

describe("handing an account back", () => {
  let crew: LifeCrew;
  before(async () => {
    crew = await LifeCrew.open();
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
    const certificate = (seq: number) => evidenceOf({ kind: "destruction", reference: String(seq) });
    await assert.rejects(crew.claim(checklist, "R13", certificate(1)), code("NOT_ALLOWLISTED"));
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
    await assert.rejects(crew.claim(checklist, "R13", certificate(1), ada), code("NOT_FOUND"));
    await crew.vault.decide({ operation: "account.destroy", subject: { accountId: account } });
    const gone = crew.vault.log.newestSeq(`destruction/${account}`) ?? -1;
    assert.equal((await crew.claim(checklist, "R13", certificate(gone), ada)).state, "PASSED");
    assert.equal((await crew.vault.life.views.read(crew.eve.personId, checklist)).row.state, "DONE");
  });

  it("moves nothing by evidence that has been overtaken: the step is shown stale and can be evidenced anew [LC-14]", async () => {
    const account = await crew.vault.import("300000000004");
    await crew.move(account, "releasing", ORDER);
    const checklist = await crew.openChecklist(account);
    await crew.workThrough(checklist, "R5");
    const [first, second] = [await rotated(account), await rotated(account)];
    await assert.rejects(crew.claim(checklist, "R6", rotation(first)), code("STATE_CONFLICT", /settled that the version works/));
    assert.equal((await crew.claim(checklist, "R6", rotation(second))).state, "PASSED");
    await rotated(account);
    const view = await crew.vault.life.views.read(crew.eve.personId, checklist);
    assert.equal(view.steps.find(({ step }) => step.id === "R6")?.standing, "STALE");
    assert.ok(view.next.includes("R6"));
    await assert.rejects(crew.claim(checklist, "R7", eventOf("EmailUpdated")), code("STATE_CONFLICT", /come first/));
    await crew.claim(checklist, "R6", rotation(await rotated(account)));
    await crew.claim(checklist, "R7", eventOf("EmailUpdated"));
  });

  it("takes no rotation of another account, of another kind, or from before the step was open [LC-7]", async () => {
    const [account, other] = [await crew.vault.import("300000000005"), await crew.vault.import("300000000006")];
    const early = await rotated(account, "rotate-after-use");
    for (const one of [account, other]) await crew.move(one, "releasing", ORDER);
    const checklist = await crew.openChecklist(account);
    await crew.workThrough(checklist, "R5");
    await assert.rejects(crew.claim(checklist, "R6", rotation(early)), code("STATE_CONFLICT", /before the step was open/));
    await assert.rejects(crew.claim(checklist, "R6", rotation(await rotated(other))), code("NOT_FOUND"));
    const seed = (await crew.vault.secrets.ofAccount(account)).find(({ kind }) => kind === "mfa-seed")?.versions[0]?.id ?? "";
    await assert.rejects(crew.claim(checklist, "R6", rotation(seed)), code("STATE_CONFLICT", /root-password/));
  });

  const rotation = (reference: string) => evidenceOf({ kind: "rotation", reference });
  /** Rob sets a new password; Eve says, with CloudTrail's word, that it works, and Amy agrees. @returns its version. */
  async function rotated(account: Id<"account">, purpose = "release-handback"): Promise<string> {
    const { vault, rob, amy, eve } = crew;
    const { grantId } = await vault.grant(rob, purpose === "release-handback" ? [amy, eve] : [amy], account, purpose);
    const shown = await vault.reveals.reveal(rob, grantId, "root-password", await rob.app.next(), null, "candidate");
    shown.value.wipe();
    await vault.grants.giveBack(rob, grantId);
    const evidence = { kind: "cloudtrail", eventIds: [randomUUID(), randomUUID()] };
    const subject = { versionId: shown.versionId, verdict: "works", evidence };
    const { requestId } = await vault.requests.submit(eve, formOf({ operation: "candidate.settle", subject }));
    await approve(vault, amy, requestId);
    return shown.versionId;
  }
});
