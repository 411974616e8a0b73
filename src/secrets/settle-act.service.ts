import type { DecidedRequest, GuardedAct } from "../approvals/guarded-act.port.js";
import { partiesOf } from "../approvals/people-acts.service.js";
import type { AuditLog } from "../audit/audit-log.service.js";
import { draftEntry, personActor } from "../audit/draft.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { RootkeepError } from "../kernel/errors.js";
import type { Id } from "../kernel/ids.js";
import { scopedAccountOf } from "../people/scoped-account.js";
import { requireRole } from "../people/standing.service.js";
import { appliersOf, CANDIDATE_STATES } from "./candidate.js";
import { type AskedVerdict, evidenceDetails, parseVerdict, verdictObstacle } from "./candidate-verdict.js";
import type { ReopeningsOfLog } from "./exposure.js";
import { SecretVersion } from "./secret-version.entity.js";
import { doubt, type FoundCandidate, isHeld, lockCandidate } from "./show-candidate.service.js";

/** Policy of the act: one asks, another approves, and neither was to set the candidate. */
const SETTLING_POLICY = Object.freeze({ version: "settling-1", approvals: 1 });

type LogOfReaders = ReopeningsOfLog & Pick<AuditLog, "passwordReaders">;

/**
 * The guarded act `candidate.settle`: two people say whether a candidate works, and what shows it (design §5; decision 0032). The word of
 * whoever was to set it is not enough, and neither is that of one person.
 */
export function settleAct(log: LogOfReaders): GuardedAct {
  return {
    operation: "candidate.settle",
    requesterRole: "requester",
    approverRole: "approver",
    isTicketNeeded: false,
    approvedState: "CLOSED",

    async check(tx, form, requesterId) {
      const asked = parseVerdict(form.subject);
      await assertMayAsk(tx, asked, log, requesterId);
      const { version, account } = await judged(tx, asked, log, [requesterId]);
      const { id, awsId, partition } = account;
      const { versionId, verdict, evidence } = asked;
      return {
        ...{
          account: { id: id as Id<"account">, awsId, partition },
          purpose: null,
          secrets: [],
          policy: SETTLING_POLICY,
          minutes: 0,
          flags: [],
        },
        // Whoever approves reads here what was said of it, and by whom it was to be set.
        subject: { versionId, verdict, evidence: evidenceDetails(evidence), report: version.report, appliers: [...appliersOf(version)] },
        personId: appliersOf(version).at(-1) ?? null,
        scoped: scopedAccountOf(account),
        disclosures: [],
      };
    },

    async termsNow(tx, body, mode) {
      const { versionId } = parseVerdict(verdictOf(body.subject));
      const now = await tx.clock();
      // In the order of an opening, before anything else is locked.
      const found = await lockCandidate(tx, versionId, log, now, mode);
      if (found === null) throw new RootkeepError("NOT_FOUND");
      return { scoped: scopedAccountOf(found.account), approvals: SETTLING_POLICY.approvals };
    },

    async apply(tx, decided) {
      const asked = parseVerdict(verdictOf(decided.body.subject));
      const parties = partiesOf(decided);
      const { version, account } = await judged(tx, asked, log, [decided.row.requesterId, ...decided.approvers]);
      const superseded = await settle(tx, version, asked, decided);
      const draft = draftEntry({
        action: "candidate.settle",
        outcome: "committed",
        actor: personActor(parties.askedBy),
        target: { type: "secret-version", id: version.id },
        request: { id: parties.requestId, hash: decided.row.hash.toString("hex") },
        details: {
          approvedBy: parties.approvedBy,
          verdict: asked.verdict,
          evidence: evidenceDetails(asked.evidence),
          state: version.state,
          ...(superseded === null ? {} : { superseded: superseded.id }),
        },
        stream: account.id,
      });
      return [{ draft, rows: superseded === null ? [version] : [version, superseded] }];
    },
  };
}

/** What of a request's subject was asked; the rest was added for whoever approves. */
function verdictOf({ versionId, verdict, evidence }: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return { versionId, verdict, evidence };
}

/** Whoever has no part in the account hears nothing of the candidate but that. @throws RootkeepError `NOT_FOUND`, `NOT_ALLOWLISTED` */
async function assertMayAsk(tx: WorkTransaction, { versionId }: AskedVerdict, log: LogOfReaders, personId: Id<"person">): Promise<void> {
  const now = await tx.clock();
  const found = await lockCandidate(tx, versionId, log, now);
  if (found === null) throw new RootkeepError("NOT_FOUND");
  await requireRole(tx, personId, "requester", now, scopedAccountOf(found.account));
}

/**
 * The candidate, locked, if `people` may settle it so.
 * @throws RootkeepError `NOT_FOUND`; `SELF_APPROVAL` for whoever was to set it; `STATE_CONFLICT` naming the rule.
 */
async function judged(
  tx: WorkTransaction,
  asked: AskedVerdict,
  log: LogOfReaders,
  people: readonly Id<"person">[],
): Promise<FoundCandidate> {
  const now = await tx.clock();
  const found = await lockCandidate(tx, asked.versionId, log, now);
  // Only what was staged here can be settled; what an import brought has no candidate's life.
  if (found?.version.ready == null) throw new RootkeepError("NOT_FOUND");
  const { version, secret, account, state } = found;
  const appliers = appliersOf(version);
  if (people.some((person) => appliers.includes(person))) throw new RootkeepError("SELF_APPROVAL");
  const readers = log.passwordReaders(account.id, version.id);
  const held = await isHeld(tx, account, version, now);
  const hasNewer = (await tx.readAll(SecretVersion, { secretId: secret.id })).some((other) => isInTheWay(other, version));
  const candidate = { state, kind: secret.kind, createdAt: version.createdAt, appliers, readers, isHeld: held, hasNewer };
  const rule = verdictObstacle(candidate, asked, now);
  if (rule !== null) throw new RootkeepError("STATE_CONFLICT", { facts: { rule, state } });
  return found;
}

/** True for another candidate, and for a newer version that was not given up. */
function isInTheWay({ id, state, number }: SecretVersion, version: SecretVersion): boolean {
  if (id === version.id || state === "ABANDONED") return false;
  return number > version.number || CANDIDATE_STATES.some((known) => known === state);
}

/** Does what the verdict says. @returns the predecessor that gave way, or null. */
async function settle(
  tx: WorkTransaction,
  version: SecretVersion,
  { verdict }: AskedVerdict,
  decided: DecidedRequest,
): Promise<SecretVersion | null> {
  // Time may have decided what nobody has written down. What nobody was shown is in no doubt.
  const isUndecided = verdict === "works" || version.state === "APPLYING";
  if (verdict === "may-work" || (isUndecided && version.state !== "AMBIGUOUS")) await doubt(tx, version);
  if (verdict === "does-not-work") await abandon(tx, version);
  return verdict === "works" ? await succeed(tx, version, decided) : null;
}

async function abandon(tx: WorkTransaction, version: SecretVersion): Promise<void> {
  await tx.manager.query("SELECT secrets.abandon($1)", [version.id]);
  tx.adopt(SecretVersion, version, { state: "ABANDONED" });
}

async function succeed(tx: WorkTransaction, version: SecretVersion, { row, now }: DecidedRequest): Promise<SecretVersion | null> {
  const [old = null] = await tx.readAll(SecretVersion, { secretId: version.secretId, state: "ACTIVE" }, "lock");
  // The swap itself is the database's, in one statement (I4).
  const [answer]: { old: string | null }[] = await tx.manager.query("SELECT secrets.activate($1, $2) AS old", [version.id, row.id]);
  if (answer?.old !== (old?.id ?? null)) throw new RootkeepError("ROW_REFUSED", { reason: "another predecessor" });
  tx.adopt(SecretVersion, version, { state: "ACTIVE" });
  // Healed: known to those who set and verified it, whom the log names, and to nobody else. See decision 0032.
  tx.change(SecretVersion, version, { exposure: "EXPOSED", settledAt: now });
  if (old !== null) tx.adopt(SecretVersion, old, { state: "SUPERSEDED" });
  return old;
}
