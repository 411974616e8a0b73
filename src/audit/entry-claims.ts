import type { EntryAction } from "./actions.js";

/** What is looked at of an entry. */
export interface ClaimingEntry {
  readonly seq: number;
  readonly id: string;
  readonly action: string;
  readonly outcome: string;
  readonly rows?: readonly string[];
  readonly details?: Readonly<Record<string, unknown>>;
}

/** An entry that nobody here has made. */
export interface ForgedEntry {
  readonly seq: number;
  readonly eventId: string;
  readonly action: string;
}

/** What a judge sees of an entry. */
export interface JudgedEntry {
  readonly seq: number;
  readonly eventId: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly rows: readonly string[];
}

/** Says of an entry whether it carries what only the `records` key makes. */
export type EntryJudge = (entry: JudgedEntry) => boolean;

/**
 * Acts that give somebody something, or take from them. Each changes a deciding row, and its entry lists the row: one that lists none was written by somebody who
 * cannot make the row. One that does list rows is found by them: no row has that place and a right HMAC.
 */
const CHANGES: ReadonlySet<string> = new Set<EntryAction>([
  "request.submit",
  "request.approve",
  "request.opened",
  "secret.reveal",
  "secret.code",
  "secret.waive",
  "secret.suspect",
  "candidate.stage",
  "candidate.report",
  "candidate.settle",
  "allowlist.grant",
  "allowlist.revoke",
  "person.enrol",
  "person.suspend",
  "person.leave",
  "person.restore",
  "person.team",
  "authenticator.reset",
  "identity.link",
  "identity.accept",
  "invitation.link",
  "invitation.code",
  "invitation.accept",
  "invitation.confirm",
  "session.create",
  "policy.change",
  "brake.raise",
  "glass.review",
  "account.import",
  "account.destroyed",
  "account.register",
  "account.change",
  "account.move",
  "checklist.begin",
  "checklist.claim",
  "checklist.attest",
  "checklist.waive",
]);

/** Outcomes by which such an act says that it was done; `allowed` of an opening is the second entry of its intent, and changes nothing. */
function isDone({ action, outcome }: ClaimingEntry): boolean {
  if (action === "secret.reveal" || action === "secret.code") return outcome === "intent";
  return outcome === "committed" || outcome === "allowed";
}

/**
 * Finds entries that somebody else appended: whoever owns the database can write what is well-formed and joins the chain. Nothing here decides;
 * that a forged entry gives nothing is the rows' and the HMACs' doing. It is for somebody to hear of it.
 */
export class EntryClaims {
  readonly #judges = new Map<string, EntryJudge>();
  /** Of actions that may get a judge while the program is put together: the log is read before there is a key to judge with. */
  #unjudged: ClaimingEntry[] = [];
  #forged: ForgedEntry[] = [];

  /** @param judged actions whose entries carry an HMAC of their own. */
  constructor(private readonly judged: ReadonlySet<string>) {}

  /**
   * Has entries of `action` judged, also those that were taken before. Each is judged once.
   * @returns the places of those that are forged, of those taken before.
   */
  judge(action: string, isGenuine: EntryJudge): ReadonlySet<number> {
    this.#judges.set(action, isGenuine);
    const mine = this.#unjudged.filter((entry) => entry.action === action);
    this.#unjudged = this.#unjudged.filter((entry) => entry.action !== action);
    return new Set(mine.filter((entry) => !this.#isGenuine(entry, isGenuine)).map(({ seq }) => seq));
  }

  /** @returns false for an entry that nobody needs to remember: it is forged, or claims nothing. True while nobody can say. */
  take(entry: ClaimingEntry): boolean {
    if (this.judged.has(entry.action)) {
      // A refused call carries no HMAC and claims nothing.
      if (entry.outcome === "denied" || entry.outcome === "error") return false;
      const judge = this.#judges.get(entry.action);
      if (judge !== undefined) return this.#isGenuine(entry, judge);
      this.#unjudged.push(entry);
    } else if (CHANGES.has(entry.action) && isDone(entry) && (entry.rows ?? []).length === 0) this.#forged.push(forgedOf(entry));
    return true;
  }

  /** What was found since the last call, oldest first. */
  drain(): readonly ForgedEntry[] {
    return this.#forged.splice(0).sort((one, other) => one.seq - other.seq);
  }

  #isGenuine(entry: ClaimingEntry, judge: EntryJudge): boolean {
    const isGenuine = judge(judgedOf(entry));
    if (!isGenuine) this.#forged.push(forgedOf(entry));
    return isGenuine;
  }
}

function judgedOf({ seq, id, details = {}, rows = [] }: ClaimingEntry): JudgedEntry {
  return { seq, eventId: id, details, rows };
}

function forgedOf({ seq, id, action }: ClaimingEntry): ForgedEntry {
  return { seq, eventId: id, action };
}
