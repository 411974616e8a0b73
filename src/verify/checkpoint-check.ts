import { isEarlierEpoch } from "../audit/epoch.js";
import { checkpointPath, EXPORT_FILES, type ExportManifest, KEYS_BYTES_MAX, NOTE_FILE_BYTES_MAX } from "../audit/export-format.js";
import { type KeyLine, parseKeyLines } from "../audit/key-lines.js";
import type { Checkpoint } from "../audit/tlog/checkpoint.js";
import { TlogError } from "../audit/tlog/tlog-error.js";
import type { VerifierKey } from "../audit/tlog/verifier-key.js";
import type { ExportSource } from "./export-source.js";
import type { Layout } from "./layout.js";
import { LogNotes, type OpenedNote, originOf } from "./log-notes.js";
import type { ExportCheck, ReportBuilder } from "./report.js";
import type { Trust } from "./trust.js";

/** A root that the log has signed for a size, wherever it was found. */
interface SignedRoot {
  /** Where a contradiction is reported. */
  readonly check: ExportCheck;
  /** What it is, for messages. */
  readonly what: string;
  readonly note: OpenedNote;
}

/**
 * Everything that the log has signed: the newest checkpoint, those before it, notes from anchors, receipts. While the tree is built anew,
 * each root is compared when the tree has its size, so that all of them are known to lie on one tree without a proof for any. Older
 * checkpoints are read when their turn comes; memory holds their sizes at most.
 */
export class CheckpointCheck {
  #notes: LogNotes | undefined;
  /** Signed roots that were read already, by size. */
  readonly #waiting = new Map<number, SignedRoot[]>();
  #waitingSizes: readonly number[] = [];
  #waitingAt = 0;
  /** Sizes of the checkpoints that are still to be read, and the next of them. */
  #sizes: AsyncIterator<number> | undefined;
  #next = Number.POSITIVE_INFINITY;
  /** Up to here the log has signed what the export holds. */
  #vouched = 0;
  #cosigned = 0;
  #counts = { signed: 0, anchors: 0, receipts: 0 };
  /** The newest checkpoint of each earlier epoch that was found on the tree. */
  readonly #earlier = new Map<string, Checkpoint>();

  constructor(
    private readonly source: ExportSource,
    private readonly manifest: ExportManifest,
    private readonly report: ReportBuilder,
    private readonly trust: Trust | undefined,
  ) {}

  /** Receipts whose signed root was found on the tree. */
  get receipts(): number {
    return this.#counts.receipts;
  }

  keyOf(origin: string): VerifierKey | undefined {
    return this.#notes?.keyOf(origin);
  }

  newestOf(origin: string): Checkpoint | undefined {
    return this.#earlier.get(origin);
  }

  /** Size of the next checkpoint that is to be compared; Infinity when there is none. */
  nextSize = Number.POSITIVE_INFINITY;

  /** Reads the keys, the newest checkpoint and what comes from elsewhere. */
  async open({ checkpoints, anchors }: Layout): Promise<void> {
    const keys = await this.#keys();
    if (keys === null) return;
    this.#notes = new LogNotes(keys, this.trust?.policy);
    this.#sizes = checkpoints;
    this.#next = await this.#pull();
    await this.#openNewest();
    for (const path of anchors) {
      const note = this.#open(await this.source.read(path, NOTE_FILE_BYTES_MAX), "anchors", "a note under anchors/", 0);
      if (note !== null) this.#expect({ check: "anchors", what: "a note under anchors/", note });
    }
    for (const { name, note } of this.trust?.receipts ?? []) {
      const opened = this.#open(note, "trust", `receipt ${name}`, 0);
      if (opened !== null) this.#expect({ check: "trust", what: `receipt ${name}`, note: opened });
    }
    this.#waitingSizes = [...this.#waiting.keys()].sort((one, other) => one - other);
    await this.#advance(0);
  }

  /** Compares everything that was signed for `size` with the root that the export leads to. */
  async compare(size: number, root: Buffer): Promise<void> {
    const signed = [...(this.#waiting.get(size) ?? []), ...(await this.#issued(size))];
    this.#reportFork(size, signed, this.#vouched);
    for (const { check, what, note } of signed) {
      if (note.checkpoint.root.equals(root)) {
        this.#count(check, note.isCosigned ? size : 0);
        this.#earlier.set(note.checkpoint.origin, note.checkpoint);
      } else {
        const between = `one of the entries ${String(this.#vouched)} to ${String(size - 1)} is not what was signed`;
        this.report.tampered(check, `${what} of ${String(size)} entries has another root: ${between}`, this.#vouched);
      }
    }
    if (signed.length > 0 && signed.every(({ note }) => note.checkpoint.root.equals(root))) {
      this.#vouched = size;
      if (signed.some(({ check }) => check === "tree" || check === "consistency")) this.#counts.signed += 1;
    }
    await this.#advance(size);
  }

  /** The checkpoint under `checkpoints/` of this size; none, or one that is not, is an empty list. */
  async #issued(size: number): Promise<readonly SignedRoot[]> {
    if (this.#next !== size) return [];
    const path = checkpointPath(size);
    const note = this.#open(await this.source.read(path, NOTE_FILE_BYTES_MAX), "signatures", path, this.#vouched);
    if (note === null) return [];
    if (note.checkpoint.size === size) return [{ check: "consistency", what: "the checkpoint", note }];
    this.report.tampered("consistency", `${path} holds the checkpoint of another size`, this.#vouched);
    return [];
  }

  /** @param built entries that the tree was built of; less than all of them where tiles were missing. */
  async finish(built: number): Promise<void> {
    const { manifest, report } = this;
    if (this.#notes === undefined) return;
    for (; this.#next !== Number.POSITIVE_INFINITY; this.#next = await this.#pull()) {
      if (this.#next > manifest.size)
        report.tampered("consistency", `a checkpoint covers ${String(this.#next)} entries, more than the export`, manifest.size);
    }
    for (const [size, signed] of this.#waiting) {
      if (size <= manifest.size) continue;
      this.#reportBeyond(size, signed);
      this.#reportFork(size, signed, manifest.size);
    }
    this.#finishQuorum(this.#notes.hasQuorum);
    if (built < manifest.size) return;
    const { signed, anchors } = this.#counts;
    const ownWord = this.source.isServed ? "a key that came from where the log came from" : "a key that the export names itself";
    const whose = this.trust?.keys === undefined ? ownWord : "a key of the trust file";
    report.note("signatures", "ok", `every checkpoint is signed by ${whose}`);
    report.note("consistency", "ok", `${String(signed)} signed checkpoints lie on one tree`);
    if (anchors === 0) report.note("anchors", "not-present", "no notes from elsewhere");
    else report.note("anchors", "ok", `${String(anchors)} notes lie on this tree`);
  }

  #finishQuorum(isAskedFor: boolean): void {
    const { manifest, report } = this;
    if (!isAskedFor) {
      report.note("quorum", "skipped", "no policy in the trust file: witnesses were not asked for");
      return;
    }
    report.note("quorum", "ok", "the witnesses of the policy have cosigned all entries");
    if (this.#cosigned >= manifest.size) return;
    const message = `the witnesses of the policy have cosigned ${String(this.#cosigned)} entries, not the ones behind them`;
    report.tampered("quorum", message, this.#cosigned);
  }

  #reportBeyond(size: number, signed: readonly SignedRoot[]): void {
    for (const { check, what } of signed) {
      const message =
        check === "tree"
          ? `the newest checkpoint covers ${String(size)} entries, more than the export`
          : `${what} knows ${String(size)} entries: the log was cut, or the export is older`;
      this.report.tampered(check, message, this.manifest.size);
    }
  }

  /** Two signed roots of one size need no tree to be a fork: they prove it by themselves. */
  #reportFork(size: number, signed: readonly SignedRoot[], seq: number): void {
    const [first, ...others] = signed;
    const fork = others.find(({ note }) => first !== undefined && !note.checkpoint.root.equals(first.note.checkpoint.root));
    if (first === undefined || fork === undefined) return;
    const message = `the log has signed two roots of ${String(size)} entries (${first.what}, ${fork.what}): it was forked`;
    this.report.tampered(fork.check, message, seq);
  }

  async #openNewest(): Promise<void> {
    const bytes = await this.source.read(EXPORT_FILES.checkpoint, NOTE_FILE_BYTES_MAX);
    if (bytes === null) {
      this.report.incomplete("signatures", `${EXPORT_FILES.checkpoint} is missing: nothing says what the log has signed`);
      return;
    }
    const note = this.#open(bytes, "signatures", EXPORT_FILES.checkpoint, 0);
    if (note === null) return;
    this.#expect({ check: "tree", what: "the newest checkpoint", note });
    const { origin, size } = note.checkpoint;
    if (origin !== this.manifest.origin) this.report.tampered("origin", "the newest checkpoint is of an earlier epoch", size);
    if (size < this.manifest.size) this.report.tampered("tree", `the newest checkpoint covers ${String(size)} entries only`, size);
  }

  #expect(signed: SignedRoot): void {
    const { size } = signed.note.checkpoint;
    this.#waiting.set(size, [...(this.#waiting.get(size) ?? []), signed]);
  }

  #open(bytes: Buffer | null, check: ExportCheck, what: string, seq: number): OpenedNote | null {
    try {
      if (bytes === null) throw new TlogError("is missing");
      const note = this.#notes?.open(bytes) ?? null;
      if (note !== null && !isOfLog(note.checkpoint.origin, this.manifest.origin)) {
        this.report.tampered("origin", `${what} is of another log`, seq);
        return null;
      }
      return note;
    } catch (error) {
      if (!(error instanceof TlogError)) throw error;
      const origin = bytes === null ? null : originOf(bytes);
      // Not the log's fault: a reader who knows the newest name only cannot check what was signed under an earlier one.
      if (origin !== null && isEarlierEpoch(origin, this.manifest.origin) && this.keyOf(origin) === undefined) {
        this.report.incomplete(check, `${what} is of an earlier epoch, and no key of ${origin} is known`);
        return null;
      }
      this.report.tampered(check, `${what}: ${error.message}`, seq);
      return null;
    }
  }

  async #keys(): Promise<readonly KeyLine[] | null> {
    if (this.trust?.keys !== undefined) return this.trust.keys;
    try {
      const bytes = await this.source.read(EXPORT_FILES.keys, KEYS_BYTES_MAX);
      if (bytes === null) throw new TlogError("is missing");
      return parseKeyLines(bytes.toString("utf8"));
    } catch (error) {
      if (!(error instanceof TlogError)) throw error;
      this.report.incomplete("signatures", `${EXPORT_FILES.keys}: ${error.message}`);
      return null;
    }
  }

  #count(check: ExportCheck, cosigned: number): void {
    this.#cosigned = Math.max(this.#cosigned, cosigned);
    if (check === "anchors") this.#counts.anchors += 1;
    else if (check === "trust") this.#counts.receipts += 1;
  }

  async #advance(size: number): Promise<void> {
    const { POSITIVE_INFINITY: END } = Number;
    while (this.#next <= size) this.#next = await this.#pull();
    while ((this.#waitingSizes[this.#waitingAt] ?? END) <= size) this.#waitingAt += 1;
    this.nextSize = Math.min(this.#next, this.#waitingSizes[this.#waitingAt] ?? END);
  }

  async #pull(): Promise<number> {
    const next = await this.#sizes?.next();
    return next === undefined || next.done === true ? Number.POSITIVE_INFINITY : next.value;
  }
}

function isOfLog(origin: string, newest: string): boolean {
  return origin === newest || isEarlierEpoch(origin, newest);
}
