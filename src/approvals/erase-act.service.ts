import { isCommittedField } from "../audit/commitment.js";
import { draftEntry, personActor } from "../audit/draft.js";
import { type Erasable, type ErasedOpenings, type ErasureAbout, erasable } from "../audit/erasable.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { plusSeconds } from "../kernel/clock.js";
import { RootkeepError } from "../kernel/errors.js";
import { type Id, isId } from "../kernel/ids.js";
import { LIMITS } from "../kernel/limits.js";
import { assertKnownPerson } from "../people/people.service.js";
import { Approval } from "./approval.entity.js";
import { GlassUse } from "./glass-use.entity.js";
import type { GuardedAct } from "./guarded-act.port.js";
import { CUSTODIAN_ACT, custodianForm, partiesOf } from "./people-acts.service.js";
import { Request, type RequestState } from "./request.entity.js";
import { erasedText } from "./request-body.js";

const OVER: ReadonlySet<RequestState> = new Set<RequestState>(["RETURNED", "CLOSED", "DENIED", "EXPIRED", "REVOKED", "WITHDRAWN"]);
/** What these have approved is gone on with by invitation, whose statements bind to the request's text. */
const INVITING: ReadonlySet<string> = new Set(["person.enrol", "authenticator.reset", "identity.link"]);

/**
 * The guarded act `disclosure.erase`: two custodians erase openings of commitments, of one entry, or all about a person or a request; of a
 * request also what its row and its approvals repeat. Which openings, is fixed when it is asked for, and shown to who approves: these, and no others, go.
 * The database deletes them when the entry that names them is appended, in the same transaction (`audit.erase`).
 */
export function eraseAct(): GuardedAct {
  return {
    ...CUSTODIAN_ACT,
    operation: "disclosure.erase",
    async check(tx, form) {
      const about = aboutOf(form.subject);
      if (about.kind === "request") await overRequest(tx, about.id);
      if (about.kind === "person") await assertKnownPerson(tx, about.id as Id<"person">);
      const { openings, remaining }: Erasable = await erasable(tx.manager, about);
      if (openings.length === 0) throw new RootkeepError("NOT_FOUND");
      const subject = { about: { ...about }, openings: openings.map(({ seq, fields }) => ({ seq, fields: [...fields] })), remaining };
      return custodianForm(subject, about.kind === "person" ? { personId: about.id as Id<"person"> } : {});
    },
    async apply(tx, decided) {
      const { about, openings } = decided.body.subject as unknown as { about: ErasureAbout; openings: readonly ErasedOpenings[] };
      const { requestId, askedBy, approvedBy } = partiesOf(decided);
      const rows = about.kind === "request" ? await eraseRequest(tx, about.id) : [];
      const draft = draftEntry({
        action: "disclosure.erase",
        outcome: "committed",
        actor: personActor(askedBy),
        target: about.kind === "entry" ? { type: "entry", id: String(about.seq) } : { type: about.kind, id: about.id },
        request: { id: requestId },
        details: { approvedBy, erased: openings.map(({ seq, fields }) => ({ seq, fields: [...fields] })) },
      });
      return [{ draft, rows }];
    },
  };
}

function aboutOf(subject: Readonly<Record<string, unknown>>): ErasureAbout {
  const { seq, field, requestId, personId } = subject;
  const members = Object.keys(subject).sort().join();
  if (members === "requestId" && isId("request", requestId)) return { kind: "request", id: requestId };
  if (members === "personId" && isId("person", personId)) return { kind: "person", id: personId };
  const isEntry = members === "field,seq" && Number.isSafeInteger(seq) && (seq as number) >= 0;
  if (isEntry && typeof field === "string" && isCommittedField(field)) return { kind: "entry", seq: seq as number, field };
  throw new RootkeepError("MALFORMED", { fields: [{ field: "subject", rule: "has seq and field, or requestId, or personId" }] });
}

/**
 * The request, locked, if nothing is done with it any more. Its text is what later acts bind to, and what whoever reviews a break-glass reads:
 * those who took part in it do not take that away before.
 */
async function overRequest(tx: WorkTransaction, id: string): Promise<Request> {
  const row = await tx.lock(Request, id);
  if (row === null) throw new RootkeepError("NOT_FOUND");
  const restsAt = INVITING.has(row.operation) ? plusSeconds(row.expiresAt, LIMITS.invitationSeconds) : row.submittedAt;
  if (!OVER.has(row.state) || restsAt > (await tx.clock())) throw new RootkeepError("STATE_CONFLICT", { facts: { state: row.state } });
  if ((await usesOf(tx, row.id)).some(({ state }) => state === "OPEN")) throw new RootkeepError("REVIEW_DUE");
  return row;
}

/** The service may not write a request's text (law L3); the database's function takes out the people's words, and nothing else. */
async function eraseRequest(tx: WorkTransaction, id: string): Promise<(Request | Approval | GlassUse)[]> {
  const row = await overRequest(tx, id);
  const approvals = await tx.readAll(Approval, { requestId: row.id }, "lock");
  const body = erasedText(row.body);
  await tx.manager.query("SELECT approvals.erase_request($1, $2)", [row.id, body]);
  tx.adopt(Request, row, { body });
  for (const approval of approvals) tx.adopt(Approval, approval, { reason: "" });
  const uses = await usesOf(tx, row.id);
  for (const use of uses) tx.change(GlassUse, use, { findings: "" });
  return [row, ...approvals, ...uses];
}

/** Break-glass uses of the request: every one, and proven so, as one that was hidden would let its request be erased unread. */
async function usesOf(tx: WorkTransaction, requestId: string): Promise<GlassUse[]> {
  const found = (await tx.readProven(GlassUse)).filter((use) => use.requestId === requestId);
  const uses: GlassUse[] = [];
  for (const { id } of found) {
    const use = await tx.lock(GlassUse, id);
    if (use === null) throw new RootkeepError("ROW_REFUSED", { reason: "missing" });
    uses.push(use);
  }
  return uses;
}
