import { draftEntry, personActor } from "../audit/draft.js";
import type { EntryDraft } from "../audit/entry.js";
import type { Transactions } from "../audit/transactions.service.js";
import type { Drafted } from "../database/transaction-runner.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { RootkeepError } from "../kernel/errors.js";
import type { Grant } from "../kernel/grant.js";
import type { Id } from "../kernel/ids.js";
import { assertKnownPerson } from "./people.service.js";
import { PersonTeam } from "./person-team.entity.js";

// One spelling for one team: "Ops" and "ops " must not pass for two teams (a peer once matched groups by whatever name they had).
const TEAM = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;

/** True for the name of a team. */
export function isTeam(value: unknown): value is string {
  return typeof value === "string" && value.length <= 48 && TEAM.test(value);
}

/** The team of a person, and when it became so. */
export interface Membership {
  readonly team: string | null;
  /** Position of the entry that last changed it; -1 where none ever did. */
  readonly seq: number;
}

/** The team of `personId`, held as it is until the transaction ends. That there is none is proven, too: a row that was deleted refuses. */
export async function teamOf(tx: WorkTransaction, personId: Id<"person">): Promise<Membership> {
  const row = await tx.read(PersonTeam, personId);
  return row === null ? { team: null, seq: -1 } : { team: row.team, seq: Number(row.seq) };
}

/** The approved act `person.team`. @throws RootkeepError `NOT_FOUND` for somebody unknown. */
export async function setTeam(
  tx: WorkTransaction,
  grant: Grant<"person.team">,
  { personId, team }: { readonly personId: Id<"person">; readonly team: string | null },
  parties: { requestId: Id<"request">; askedBy: Id<"person">; approvedBy: Id<"person"> },
): Promise<Drafted<EntryDraft>> {
  grant.spend("person.team", parties.requestId);
  await assertKnownPerson(tx, personId);
  const known = await tx.lock(PersonTeam, personId);
  if ((known?.team ?? null) === team) throw new RootkeepError("STATE_CONFLICT", { facts: { rule: "this changes nothing" } });
  if (known !== null) tx.change(PersonTeam, known, { team });
  const row = known ?? tx.insert(PersonTeam, { id: personId, team });
  const draft = draftEntry({
    action: "person.team",
    outcome: "committed",
    actor: personActor(parties.askedBy),
    target: { type: "person", id: personId },
    request: { id: parties.requestId },
    details: { approvedBy: parties.approvedBy, hasTeam: team !== null },
    disclosures: team === null ? [] : [{ field: "team", value: team }],
  });
  return { draft, rows: [row] };
}

/** Teams, for those who watch. */
export class Teams {
  constructor(private readonly transactions: Transactions) {}

  /** Everybody who has a team, in the order of their ids. */
  async list(): Promise<readonly { readonly personId: Id<"person">; readonly team: string }[]> {
    const rows = await this.transactions.peek((tx) => tx.readAll(PersonTeam, {}));
    return rows.flatMap(({ id, team }) => (team === null ? [] : [{ personId: id, team }]));
  }
}
