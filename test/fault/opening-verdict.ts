// What the log says of openings, held against what callers got: it may tell of more than came out, never of less.
import { openingBytes, outcomeBytes } from "../../src/approvals/request-body.js";
import { leafHash } from "../../src/audit/chain.js";
import { ChainVerifier } from "../../src/audit/chain-verifier.js";
import { TlogError } from "../../src/audit/tlog/tlog-error.js";
import { parseTlogProof, verifyTlogProof } from "../../src/audit/tlog/tlog-proof.js";
import { CompactRange } from "../../src/audit/tlog/tree.js";
import type { VerifierKey } from "../../src/audit/tlog/verifier-key.js";
import { deriveEventId } from "../../src/kernel/ids.js";
import type { LoggedEntry } from "./scene.js";

/** A plaintext that reached a caller, with all that was said beside it. */
export interface ReceivedPlaintext {
  readonly grantId: string;
  readonly text: string;
  /** What the import file had. */
  readonly imported: string;
  readonly versionId: string;
  readonly intentSeq: number;
  readonly outcomeSeq: number;
  /** `Audit-Seq` and `Audit-Leaf` (hex). */
  readonly header: { readonly seq: number; readonly leaf: string } | null;
  /** The `.tlog-proof`. */
  readonly proof: string | null;
}

/** All entries of a log, byte for byte, and the key that signs it. */
export interface WholeLog {
  readonly entries: readonly Buffer[];
  readonly key: VerifierKey;
}

/** How many openings the log tells of, by how they ended. */
export type Endings = Readonly<Record<"allowed" | "error" | "unknown" | "open", number>>;

const ENDS: ReadonlySet<string> = new Set(["allowed", "error", "unknown"]);

/** Judges a log once all is swept. @returns what is wrong, in words; nothing when the log tells of everything that came out. */
export function violationsOf(log: WholeLog, received: readonly ReceivedPlaintext[]): readonly string[] {
  const verdict = new Verdict(log);
  verdict.chain();
  for (const plaintext of received) verdict.take(plaintext);
  verdict.openings(received);
  return verdict.violations;
}

/** How the openings of a log ended. */
export function endingsOf(entries: readonly Buffer[]): Endings {
  const ends = { allowed: 0, error: 0, unknown: 0, open: 0 };
  const parsed = entries.map(parsedEntry);
  const outcomes = outcomesOf(parsed);
  for (const { id, outcome } of parsed) if (outcome === "intent") ends[(outcomes.get(id)?.[0]?.outcome ?? "open") as keyof typeof ends]++;
  return ends;
}

class Verdict {
  readonly violations: string[] = [];
  readonly #entries: readonly LoggedEntry[];
  readonly #leaves: readonly Buffer[];
  /** Roots by size. */
  readonly #roots: Buffer[] = [];

  constructor(private readonly log: WholeLog) {
    this.#entries = log.entries.map(parsedEntry);
    this.#leaves = log.entries.map((bytes) => leafHash(bytes));
    const range = new CompactRange();
    this.#roots.push(range.root());
    for (const leaf of this.#leaves) {
      range.append(leaf);
      this.#roots.push(range.root());
    }
  }

  chain(): void {
    const verifier = new ChainVerifier(this.log.key.name);
    const findings = this.log.entries.flatMap((bytes) => verifier.add(bytes).findings);
    for (const { check, seq } of [...findings, ...verifier.finish()]) this.#say(`the chain breaks at ${String(seq)}: ${check}`);
  }

  /** A plaintext, its two entries and its receipt. */
  take({ grantId, text, imported, versionId, intentSeq, outcomeSeq, header, proof }: ReceivedPlaintext): void {
    const what = `the plaintext of ${grantId}`;
    if (text !== imported) this.#say(`${what} is not the password that was imported`);
    const [intent, outcome, leaf] = [this.#entries[intentSeq], this.#entries[outcomeSeq], this.#leaves[intentSeq]];
    // The id is made here once more from grant and version: it says whose opening the entry is, whatever else stands in it.
    const intentId = deriveEventId(openingBytes(grantId, versionId, 1));
    const isIntent = intent?.outcome === "intent" && intent.action === "secret.reveal" && intent.seq === intentSeq;
    if (!isIntent || intent.id !== intentId || intent.request?.grant !== grantId || intent.target?.id !== versionId)
      this.#say(`${what} has no intent at ${String(intentSeq)}`);
    const isOutcome = outcome?.outcome === "allowed" && outcome.details?.["intent"] === intentId && outcome.request?.grant === grantId;
    if (!isOutcome || outcome.id !== deriveEventId(outcomeBytes(intentId)) || outcomeSeq <= intentSeq)
      this.#say(`${what} has no outcome at ${String(outcomeSeq)}`);
    if (header?.seq !== intentSeq || header.leaf !== leaf?.toString("hex")) this.#say(`${what} came with headers of another entry`);
    const fault = leaf === undefined ? "no entry to prove" : this.#receiptFault(proof, intentSeq, leaf);
    if (fault !== null) this.#say(`${what} has no valid receipt: ${fault}`);
  }

  /** Every intent has one outcome, and every one that says `allowed` too much errs on the right side. */
  openings(received: readonly ReceivedPlaintext[]): void {
    const got = new Set(received.map(({ intentSeq }) => intentSeq));
    if (got.size !== received.length) this.#say("two plaintexts came out of one opening");
    if (new Set(received.map(({ grantId }) => grantId)).size !== received.length) this.#say("a grant gave out two plaintexts");
    const intents = this.#entries.filter(({ outcome }) => outcome === "intent");
    const outcomes = outcomesOf(this.#entries);
    const grants = new Set<string | undefined>();
    for (const { id, seq, request } of intents) {
      if (grants.has(request?.grant)) this.#say(`a grant is opened a second time at ${String(seq)}`);
      grants.add(request?.grant);
      const ends = outcomes.get(id) ?? [];
      outcomes.delete(id);
      if (ends.length !== 1) this.#say(`the intent at ${String(seq)} has ${String(ends.length)} outcomes`);
      for (const { outcome } of ends) if (!ENDS.has(outcome)) this.#say(`the intent at ${String(seq)} ended ${outcome}`);
    }
    for (const [id] of outcomes) this.#say(`the outcome of ${String(id)} has no intent`);
  }

  #receiptFault(text: string | null, seq: number, leaf: Buffer): string | null {
    if (text === null) return "there is none";
    try {
      const proof = parseTlogProof(Buffer.from(text, "utf8"));
      if (proof.index !== seq) return "it is of another entry";
      const policy = { logs: [{ key: this.log.key, url: null }], witnesses: [], groups: [], quorum: null };
      const { size, root, origin } = verifyTlogProof(proof, leaf, policy).checkpoint;
      if (origin !== this.log.key.name) return "its checkpoint is of another log";
      return this.#roots[size]?.equals(root) === true ? null : "its checkpoint is not on the log's tree";
    } catch (error) {
      if (error instanceof TlogError) return error.message;
      throw error;
    }
  }

  #say(violation: string): void {
    this.violations.push(violation);
  }
}

/** Outcomes by the intents that they name. */
function outcomesOf(entries: readonly LoggedEntry[]): Map<unknown, LoggedEntry[]> {
  const outcomes = new Map<unknown, LoggedEntry[]>();
  for (const entry of entries) {
    const intent = entry.details?.["intent"];
    if (intent !== undefined) outcomes.set(intent, [...(outcomes.get(intent) ?? []), entry]);
  }
  return outcomes;
}

function parsedEntry(bytes: Buffer): LoggedEntry {
  return JSON.parse(bytes.toString("utf8")) as LoggedEntry;
}
