// What must hold of any log of an account's life, said anew: it imports none of the code that decides.
import type { LoggedEntry } from "../grants/engine.js";

const DAY = 86_400_000;
const EDGES = new Set(
  (
    "invited>assuming assuming>secured secured>active invited>abandoned assuming>abandoned secured>abandoned active>quarantined active>closing " +
    "active>releasing assuming>quarantined assuming>closing assuming>releasing secured>quarantined secured>closing secured>releasing " +
    "quarantined>rotating quarantined>closing quarantined>releasing rotating>active rotating>quarantined closing>closed closing>active " +
    "closed>sealed_final closed>reopening reopening>active releasing>released releasing>active"
  ).split(" "),
);
/** Moves that an account which is still being taken over does not make. */
const IN_USE_ONLY = /^(?:assuming|secured)>(?:quarantined|closing|releasing)$/;

/** Steps that a move by checklist rests on: of a standalone account whose credentials are here, handed back as standalone. */
const NEEDED: Readonly<Record<string, string>> = {
  "assuming>secured": "O1 O2 O3 O4 O5 O6 O7 O8 O9 O10 O11 O12",
  "secured>active": "O13",
  "closing>closed": "C4 C5",
  "closed>sealed_final": "C7",
  "reopening>active": "P1 P2 P3",
  "releasing>released": "R0 R1 R2 R4 R5 R6 R7 R8 R9 R10 R11 R12a R12b",
};
const BY_CUSTODIANS =
  /^(?:.+>(?:quarantined|closing|releasing|reopening|sealed_final|abandoned)|quarantined>rotating|rotating>active|closing>active|releasing>active)$/;
const UNWAIVABLE = new Set("O13 C4 C5 C7 P1 P2 P3 R0 R3 R5 R7 R8 R9 R10 R11 R12a R12b R13".split(" "));
const NO_WAY_BACK = new Set(["C4", "R7", "R11"]);
const FRESH_DAYS: Readonly<Record<string, number>> = { O12: 7, C7: 7 };

interface Tick {
  readonly ms: number;
  readonly by: readonly string[];
  readonly isWaived: boolean;
}

/** What of the log so far the next entry is judged by. */
class Chronicle {
  state: string;
  closedMs: number | null = null;
  /** Of the checklist of each entry: claims that stand, ticks, and whatever was ever claimed. */
  readonly claims = new Map<string, { readonly seq: number; readonly by: string }>();
  readonly ticks = new Map<string, Tick>();

  constructor(
    initial: string,
    readonly isDeclared: boolean,
  ) {
    this.state = initial;
  }

  has(step: string, ms: number): boolean {
    const tick = [...this.ticks].filter(([key]) => key.endsWith(`:${step}`)).at(-1)?.[1];
    const fresh = FRESH_DAYS[step];
    return tick !== undefined && (tick.isWaived || fresh === undefined || ms - tick.ms <= fresh * DAY);
  }

  /** Who claimed what counts of a step. */
  claimant(checklist: string, step: string): string | undefined {
    const tick = this.ticks.get(`${checklist}:${step}`);
    return tick?.by[0];
  }
}

/** The first thing that is wrong with the log of an account, or null. @param suspended since which entry somebody was. */
export function wrongWith(
  entries: readonly LoggedEntry[],
  account: { readonly initial: string; readonly isDeclared: boolean },
  suspended: ReadonlyMap<string, number>,
): string | null {
  const known = new Chronicle(account.initial, account.isDeclared);
  for (const entry of entries) {
    const wrong = judge(known, entry, suspended);
    if (wrong !== null) return `${wrong} (entry ${String(entry.seq)})`;
  }
  return null;
}

function judge(known: Chronicle, entry: LoggedEntry, suspended: ReadonlyMap<string, number>): string | null {
  const details = entry.details ?? {};
  const by = entry.actor.id ?? "";
  const ms = Date.parse(entry.time);
  const since = suspended.get(by);
  // Who asks for a waiver or a move the grants' model tries; here whoever is named.
  const isOwnAct = entry.action !== "checklist.waive" && entry.action.startsWith("checklist.");
  if (since !== undefined && entry.seq >= since && isOwnAct) return "acted while suspended";
  const checklist = entry.target?.id ?? "";
  const step = String(details["step"]);
  const key = `${checklist}:${step}`;
  switch (entry.action) {
    case "checklist.claim":
      known.claims.set(key, { seq: entry.seq, by });
      return details["state"] === "CLAIMED" ? null : "ticked by one";
    case "checklist.attest": {
      const claim = known.claims.get(key);
      if (claim === undefined || claim.seq !== details["claim"]) return "attested what was not claimed last";
      if (claim.by === by) return "attested by who claimed it";
      const gone = suspended.get(claim.by);
      if (gone !== undefined && entry.seq >= gone) return "counted a claim of somebody suspended";
      if (step === "O13" && ["O6", "O7", "O8"].some((other) => known.claimant(checklist, other) === claim.by))
        return "verified by who did it";
      known.ticks.set(key, { ms, by: [claim.by, by], isWaived: false });
      return null;
    }
    case "checklist.waive":
      if (UNWAIVABLE.has(step)) return `waived ${step}`;
      if (details["approvedBy"] === by) return "waived by one";
      known.ticks.set(key, { ms, by: [by, String(details["approvedBy"])], isWaived: true });
      return null;
    case "account.move":
      return judgeMove(known, details, ms);
    default:
      return null;
  }
}

function judgeMove(known: Chronicle, { from, to, evidence }: Readonly<Record<string, unknown>>, ms: number): string | null {
  const edge = `${String(from)}>${String(to)}`;
  const facts = evidence as Readonly<Record<string, unknown>>;
  if (from !== known.state) return `moved from ${String(from)}, and was ${known.state}`;
  if (!EDGES.has(edge)) return `no such edge: ${edge}`;
  if (IN_USE_ONLY.test(edge) && !known.isDeclared) return `${edge} of an account that is not in use`;
  if (to === "abandoned" && known.isDeclared) return "abandoned an account that is in use";
  const missing = (NEEDED[edge] ?? "").split(" ").filter((step) => step !== "" && !known.has(step, ms));
  if (missing.length > 0) return `${edge} without ${missing.join(" ")}`;
  if (BY_CUSTODIANS.test(edge) && (facts["askedBy"] === undefined || facts["askedBy"] === facts["approvedBy"])) return `${edge} by one`;
  if ((to === "closing" || to === "releasing" || edge === "invited>assuming") && !/^[0-9a-f]{64}$/.test(String(facts["document"])))
    return `${edge} without a paper`;
  const days = known.closedMs === null ? 0 : (ms - known.closedMs) / DAY;
  if (to === "sealed_final" && days < 90) return `sealed after ${String(days)} days`;
  if (to === "reopening" && days >= 90) return `reopened after ${String(days)} days`;
  const isTakenBack = edge === "closing>active" || edge === "releasing>active";
  const begun =
    isTakenBack &&
    [...known.claims.keys()].find((key) => key.startsWith(`${String(facts["checklist"])}:`) && NO_WAY_BACK.has(key.split(":")[1] ?? ""));
  if (typeof begun === "string") return `taken back after ${begun}`;
  if (to === "closed") known.closedMs = ms;
  known.state = String(to);
  return null;
}
