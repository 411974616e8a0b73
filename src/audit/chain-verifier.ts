import type { JsonObject } from "./canonical-json.js";
import { leafHashHex } from "./chain.js";
import { type Entry, parseCanonicalEntry } from "./entry.js";
import { brokenRule, ZERO_HASH_HEX } from "./entry-form.js";
import { isEarlierEpoch, joinsEpoch } from "./epoch.js";

/** What is checked of each entry, in the order in which it is reported. */
export const CHAIN_CHECKS = ["canonical", "form", "origin", "gaps", "chain", "time", "streams", "ids"] as const;
export type ChainCheck = (typeof CHAIN_CHECKS)[number];

/** One broken rule. `seq` is the first place that is no longer vouched for. */
export interface ChainFinding {
  readonly check: ChainCheck;
  readonly seq: number;
  /** Constant text and numbers; nothing of the entry's content. */
  readonly message: string;
}

/** What {@link ChainVerifier.add} says of one entry. */
export interface ChainStep {
  /** The place that the entry claims; of bytes that are no entry, the place where they stand. */
  readonly seq: number;
  /** Leaf hash, lower-case hex. */
  readonly leaf: string;
  /** Null when the bytes are no entry. */
  readonly entry: Entry | null;
  readonly findings: readonly ChainFinding[];
}

/** Where a run of entries begins. A run that begins at 0 must begin with the first entry of every stream, too. */
export interface ChainStart {
  readonly from: number;
  /** Leaf hash (hex) of entry `from − 1`, if it is known from elsewhere. */
  readonly previous?: string;
}

/** The code of the character `8`, which stands at place 14 of a UUID of version 8. */
const DERIVED_VERSION = 56;

const NONE: readonly ChainFinding[] = Object.freeze([]);

/**
 * Follows a log entry by entry and says what does not fit. It goes on after a finding, so that one fault does not hide another.
 * Memory grows with the number of streams (accounts) and of derived event ids (openings), not with the number of entries.
 */
export class ChainVerifier {
  /** Origin of the epoch that the last entry belongs to. */
  #epoch: string | undefined;
  #next: number;
  #previousLeaf: string | undefined;
  #lastTime = "";
  /** Place of an entry that does not join the one before it, while it is open which of the two was changed. */
  #unjoined: number | undefined;
  readonly #startsAtZero: boolean;
  readonly #streams = new Map<string, { sseq: number; leaf: string }>();
  readonly #derivedIds = new Set<string>();

  /** @param origin of which log, and up to which of its epochs, the entries must be; by default of the log that the first entry names. */
  constructor(
    private readonly origin?: string,
    start: ChainStart = { from: 0 },
  ) {
    this.#next = start.from;
    this.#startsAtZero = start.from === 0;
    this.#previousLeaf = start.from === 0 ? ZERO_HASH_HEX : start.previous;
  }

  /** Place of the next entry. */
  get next(): number {
    return this.#next;
  }
  /** Leaf hash (hex) of the last entry; undefined before the first. */
  get lastLeaf(): string | undefined {
    return this.#previousLeaf;
  }
  /** Accounts and derived event ids that are kept in memory. */
  get held(): number {
    return this.#streams.size + this.#derivedIds.size;
  }
  /** True if an entry so far has this derived id. */
  hasTaken(id: string): boolean {
    return this.#derivedIds.has(id);
  }
  /** Origin that the last entry of this log names; undefined before the first. */
  get epoch(): string | undefined {
    return this.#epoch;
  }

  /** Takes the next entry's bytes. Never throws for what the bytes are. */
  add(bytes: Uint8Array): ChainStep {
    const place = this.#next;
    const leaf = leafHashHex(bytes);
    const { entry, fault } = readEntry(bytes, place);
    if (fault !== null) {
      const findings: ChainFinding[] = [];
      this.#blame(findings);
      this.#next = place + 1;
      this.#previousLeaf = leaf;
      return { seq: place, leaf, entry: null, findings: [...findings, fault] };
    }
    const { seq } = entry;
    // An entry that stands again changes nothing: what follows is compared with what stood there first.
    if (seq < place) return { seq, leaf, entry, findings: [repetition(seq, place)] };
    const findings: ChainFinding[] = [];
    this.#follow(entry, place, findings);
    this.#checkOrigin(entry, findings);
    this.#checkTime(entry, findings);
    this.#checkStream(entry, leaf, findings);
    this.#checkId(entry, findings);
    this.#next = seq + 1;
    this.#previousLeaf = leaf;
    return { seq, leaf, entry, findings: findings.length === 0 ? NONE : findings };
  }

  /**
   * Ends the run.
   * @param head leaf hash (hex) that the last entry should have, if known; it decides which of the last two was changed.
   */
  finish(head?: string): readonly ChainFinding[] {
    const findings: ChainFinding[] = [];
    this.#blame(findings, head !== undefined && head !== this.#previousLeaf);
    return findings;
  }

  /** Gap and chain. After a gap the hashes of two entries that are no neighbours are not compared: the gap is the finding. */
  #follow(entry: Entry, place: number, findings: ChainFinding[]): void {
    const { seq } = entry;
    if (seq !== place) {
      this.#blame(findings);
      findings.push({ check: "gaps", seq: place, message: `entry ${String(place)} is missing; entry ${String(seq)} stands in its place` });
      return;
    }
    const isJoined = this.#previousLeaf === undefined || entry.prev === this.#previousLeaf;
    if (isJoined) {
      this.#blame(findings);
    } else if (this.#unjoined === seq - 1) {
      // Neither neighbour joins it: the changed one is in the middle.
      this.#blame(findings, true);
    } else {
      this.#unjoined = seq;
    }
  }

  /**
   * Reports the open break between entries `u − 1` and `u`. One changed entry has another hash than its successor carries, so as a rule
   * the first of the two was changed; but where the second one's `prev` was changed, its own successor does not join it either.
   */
  #blame(findings: ChainFinding[], isSecond = false): void {
    const second = this.#unjoined;
    if (second === undefined) return;
    this.#unjoined = undefined;
    const first = second - 1;
    const broken = `entry ${String(second)} does not carry the hash of entry ${String(first)}`;
    // Two changed neighbours leave the same trace as one changed `prev`, and nothing in the log tells them apart.
    const message = isSecond ? `${broken}; entry ${String(second)} was changed, entry ${String(first)} perhaps too` : broken;
    findings.push({ check: "chain", seq: isSecond ? second : first, message });
  }

  #checkOrigin(entry: Entry, findings: ChainFinding[]): void {
    const { seq } = entry;
    if (this.#isOfThisLog(entry)) this.#epoch = entry.log;
    else findings.push({ check: "origin", seq, message: `entry ${String(seq)} is of another log` });
  }

  /** An entry behind another of this log is of the same epoch, or begins the next one. A run may begin in any epoch up to the one asked for. */
  #isOfThisLog(entry: Entry): boolean {
    if (entry.log === this.#epoch) return true;
    const isOfLog = this.origin === undefined || entry.log === this.origin || isEarlierEpoch(entry.log, this.origin);
    return isOfLog && (this.#epoch === undefined || joinsEpoch(entry, this.#epoch));
  }

  /** The form is of fixed width, so text compares as time. */
  #checkTime(entry: Entry, findings: ChainFinding[]): void {
    const { seq } = entry;
    if (entry.time >= this.#lastTime) {
      this.#lastTime = entry.time;
      return;
    }
    findings.push({ check: "time", seq, message: `entry ${String(seq)} is dated before the entry in front of it` });
  }

  #checkStream(entry: Entry, leaf: string, findings: ChainFinding[]): void {
    const { seq } = entry;
    const stream = entry["stream"] as string | undefined;
    if (stream === undefined) return;
    const sseq = entry["sseq"] as number;
    const last = this.#streams.get(stream);
    const isFirstSeen = last === undefined;
    const wantsSseq = isFirstSeen ? 0 : last.sseq + 1;
    const wantsSprev = isFirstSeen ? ZERO_HASH_HEX : last.leaf;
    if (isFirstSeen) this.#streams.set(stream, { sseq, leaf });
    else [last.sseq, last.leaf] = [sseq, leaf];
    // A range does not know how far a stream had come before it.
    if (isFirstSeen && !this.#startsAtZero) return;
    if (sseq !== wantsSseq) {
      const message = `entry ${String(seq)} is number ${String(sseq)} of its account's chain, not ${String(wantsSseq)}`;
      findings.push({ check: "streams", seq, message });
    } else if (entry["sprev"] !== wantsSprev) {
      findings.push({ check: "streams", seq, message: `entry ${String(seq)} does not join its account's chain` });
    }
  }

  /** A derived id (version 8) stands for "this grant opened this version for the n-th time": twice would be a second opening (law L4). */
  #checkId(entry: Entry, findings: ChainFinding[]): void {
    const { seq } = entry;
    if (entry.id.charCodeAt(14) !== DERIVED_VERSION) return;
    // One look into a set that grows with the log, not two: a set that did not grow held the id already.
    const known = this.#derivedIds.size;
    if (this.#derivedIds.add(entry.id).size > known) return;
    findings.push({ check: "ids", seq, message: `entry ${String(seq)} repeats a derived event id` });
  }
}

/** Where two neighbours claim one place, nothing says which is the true one, and so the place itself is named. */
function repetition(seq: number, place: number): ChainFinding {
  if (seq === place - 1) return { check: "gaps", seq, message: `two entries claim place ${String(seq)}` };
  return { check: "gaps", seq: place, message: `entry ${String(place)} is missing; entry ${String(seq)} stands there again` };
}

type Read = { readonly entry: Entry; readonly fault: null } | { readonly entry: null; readonly fault: ChainFinding };

function readEntry(bytes: Uint8Array, seq: number): Read {
  let value: JsonObject;
  try {
    value = parseCanonicalEntry(bytes);
  } catch (error) {
    const rule = error instanceof Error ? error.message : "is not canonical";
    return { entry: null, fault: { check: "canonical", seq, message: `entry ${String(seq)} ${rule}` } };
  }
  const rule = brokenRule(value);
  if (rule === null) return { entry: value as Entry, fault: null };
  return { entry: null, fault: { check: "form", seq, message: `entry ${String(seq)}: ${rule}` } };
}
