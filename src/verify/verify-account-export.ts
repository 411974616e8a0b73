import {
  ACCOUNT_FILES,
  type AccountManifest,
  type ExportedHeads,
  HEADS_BYTES_MAX,
  parseAccountBundlePath,
  parseAccountManifest,
  parseHeads,
} from "../audit/account-export-format.js";
import { BUNDLE_WIDTH } from "../audit/bundle.js";
import { leafHash } from "../audit/chain.js";
import { entryExtras, parseEntry } from "../audit/entry.js";
import { KEYS_BYTES_MAX, MANIFEST_BYTES_MAX, NOTE_FILE_BYTES_MAX } from "../audit/export-format.js";
import { GLOBAL_STREAM } from "../audit/global-acts.js";
import { type Heartbeat, readHeartbeat } from "../audit/heartbeat.js";
import { type KeyLine, parseKeyLines } from "../audit/key-lines.js";
import { type TipProof, verifyTip } from "../audit/stream-heads.js";
import type { Checkpoint } from "../audit/tlog/checkpoint.js";
import { verifyInclusion } from "../audit/tlog/proof.js";
import { TlogError } from "../audit/tlog/tlog-error.js";
import { parseTlogProof } from "../audit/tlog/tlog-proof.js";
import { LIMITS } from "../kernel/limits.js";
import { ACCOUNT_CHECKS, type AccountCheck } from "./account-checks.js";
import { AccountTrustCheck } from "./account-trust-check.js";
import { AccountWalk, type WalkedEntry } from "./account-walk.js";
import type { ExportSource } from "./export-source.js";
import { InclusionCheck } from "./inclusion-check.js";
import { LogNotes } from "./log-notes.js";
import { type Report, ReportBuilder, spanOf } from "./report.js";
import type { Trust } from "./trust.js";

const PROOFS_BYTES_MAX = 2 ** 30;
/** A heartbeat comes every ten minutes; an export that is made now ends at one that is not much older. */
const HEARTBEAT_AGE_MAX_MS = 20 * 60_000;
const OURS: ReadonlySet<string> = new Set(Object.values(ACCOUNT_FILES));

/** The file `checkpoint`, and what it says. */
interface SignedCheckpointFile {
  readonly note: Buffer;
  readonly checkpoint: Checkpoint;
}

export interface AccountVerifyOptions {
  /** Our id of the account whose entries the reader wants to see. */
  readonly account: string;
  /** What is known from elsewhere; without it only consistency is checked. */
  readonly trust?: Trust;
}

/**
 * Checks an account export with nothing but its files and what the reader knows: that the entries are all that the log had of the account
 * when a heartbeat counted them, and the global acts all that it had of these.
 * @returns the report; an export that cannot be read is reported as incomplete, not thrown.
 */
export async function verifyAccountExport(source: ExportSource, options: AccountVerifyOptions): Promise<Report<AccountCheck>> {
  const report = new ReportBuilder<AccountCheck>(ACCOUNT_CHECKS);
  const manifest = await readManifest(source, report);
  if (manifest === null) return report.build({ origin: null, from: null, to: null, entries: 0 }, "");
  if (manifest.account !== options.account) report.tampered("account", "the export is of another account than the one that was asked for");
  const run = new AccountRun(source, manifest, report, options.trust);
  try {
    await run.read();
  } catch (error) {
    // The operating system's text names the file and the fault; contents never stand in it.
    report.incomplete("layout", `a file cannot be read: ${error instanceof Error ? error.message : "unknown"}`);
  }
  const { origin, entries } = manifest;
  return report.build({ origin, from: 0, to: entries, entries: run.entries }, statementFor(manifest, run, options.trust));
}

/** A heartbeat says how many entries it has counted, not until when: its own time may be much later than that of the last one. */
function statementFor({ account }: AccountManifest, { asOf, lastTime }: AccountRun, trust: Trust | undefined): string {
  const what = `all entries of ${account} among the first ${String(asOf)} entries of the log, of which the last known time is ${lastTime}`;
  if (trust?.keys !== undefined) return `${what}, as the log counted them under a key of the trust file`;
  return `${what}, consistent in itself and with the key in the export; origin not checked`;
}

async function readManifest(source: ExportSource, report: ReportBuilder<AccountCheck>): Promise<AccountManifest | null> {
  try {
    const bytes = await source.read(ACCOUNT_FILES.manifest, MANIFEST_BYTES_MAX);
    if (bytes === null) throw new Error("is missing");
    const manifest = parseAccountManifest(bytes);
    report.note("manifest", "ok", `of account ${manifest.account}, made ${manifest.created} by ${manifest.tool}`);
    return manifest;
  } catch (error) {
    report.incomplete("manifest", `${ACCOUNT_FILES.manifest} ${error instanceof Error ? error.message : "cannot be read"}`);
    return null;
  }
}

/** One pass over an account export. */
class AccountRun {
  /** Entries and acts that were read. */
  entries = 0;
  /** Entries of the log that the heartbeat counts. */
  asOf = 0;
  /** The latest time in an entry that is here. */
  lastTime = "unknown";
  readonly #trust: AccountTrustCheck | undefined;
  readonly #inclusion: InclusionCheck;

  constructor(
    private readonly source: ExportSource,
    private readonly manifest: AccountManifest,
    private readonly report: ReportBuilder<AccountCheck>,
    private readonly trust: Trust | undefined,
  ) {
    this.#inclusion = new InclusionCheck(report);
    this.#trust = trust === undefined ? undefined : new AccountTrustCheck(trust, manifest, report);
  }

  async read(): Promise<void> {
    const { manifest, report, source } = this;
    await this.#checkLayout();
    const checkpoint = await this.#openCheckpoint();
    const heartbeat = await this.#readHeartbeat(checkpoint);
    const heads = await this.#readHeads(heartbeat);
    const asOf = heartbeat?.asOf ?? null;
    const walks = {
      entries: new AccountWalk(source, manifest, report, "entries", { tip: heads?.account.tip ?? null, asOf }),
      global: new AccountWalk(source, manifest, report, "global", { tip: heads?.global.tip ?? null, asOf }),
    };
    for (const walk of Object.values(walks)) {
      await walk.read((walked) => {
        this.#take(walked);
      });
      this.entries += walk.count;
    }
    const proofs = await source.read(ACCOUNT_FILES.proofs, PROOFS_BYTES_MAX);
    if (checkpoint !== null) this.#inclusion.finish(proofs, checkpoint.checkpoint);
    this.#trust?.finish();
    if (this.#trust === undefined) report.note("trust", "skipped", "no trust file: whoever made all of this anew would not be noticed");
    this.#noteGood(heads !== null, heartbeat !== null);
  }

  #take(walked: WalkedEntry): void {
    const { time } = walked.entry;
    if (this.lastTime === "unknown" || time > this.lastTime) this.lastTime = time;
    this.#inclusion.add(walked);
    this.#trust?.add(walked);
  }

  async #checkLayout(): Promise<void> {
    const totals = { entries: this.manifest.entries, global: this.manifest.acts };
    this.report.note("layout", "ok", "the files are those that the manifest asks for");
    for await (const { path, isFile } of this.source.paths()) {
      const bundle = parseAccountBundlePath(path);
      const isAsked = bundle !== null && Math.min(BUNDLE_WIDTH, totals[bundle.folder] - bundle.n * BUNDLE_WIDTH) === bundle.width;
      if (!isFile) this.report.tampered("layout", "there is something else than files and directories");
      else if (bundle !== null && !isAsked) this.report.tampered("layout", "there is a bundle that the manifest does not ask for");
      else if (bundle === null && !OURS.has(path)) this.report.warn("there are files of another kind", "layout");
    }
  }

  async #openCheckpoint(): Promise<SignedCheckpointFile | null> {
    const { manifest, report } = this;
    const bytes = await this.source.read(ACCOUNT_FILES.checkpoint, NOTE_FILE_BYTES_MAX);
    const keys = await this.#keys();
    if (bytes === null) report.incomplete("signatures", `${ACCOUNT_FILES.checkpoint} is missing: nothing says what the log has signed`);
    if (bytes === null || keys === null) return null;
    const notes = new LogNotes(keys, this.trust?.policy);
    try {
      const opened = notes.open(bytes);
      const { origin, size } = opened.checkpoint;
      if (origin !== manifest.origin) throw new TlogError("is of another log than the manifest");
      if (size !== manifest.size) throw new TlogError("covers another number of entries than the manifest says");
      if (!opened.isCosigned) report.tampered("quorum", "the witnesses of the policy have not cosigned the checkpoint");
      report.note("quorum", "ok", "the witnesses of the policy have cosigned the checkpoint");
      if (!notes.hasQuorum) report.note("quorum", "skipped", "no policy in the trust file: witnesses were not asked for");
      this.#trust?.open(notes, opened);
      return { note: bytes, checkpoint: opened.checkpoint };
    } catch (error) {
      if (!(error instanceof TlogError)) throw error;
      report.tampered("signatures", `${ACCOUNT_FILES.checkpoint}: ${error.message}`);
      return null;
    }
  }

  async #keys(): Promise<readonly KeyLine[] | null> {
    if (this.trust?.keys !== undefined) return this.trust.keys;
    const bytes = await this.source.read(ACCOUNT_FILES.keys, KEYS_BYTES_MAX);
    try {
      if (bytes === null) throw new TlogError("is missing");
      return parseKeyLines(bytes.toString("utf8"));
    } catch (error) {
      if (!(error instanceof TlogError)) throw error;
      this.report.incomplete("signatures", `${ACCOUNT_FILES.keys}: ${error.message}`);
      return null;
    }
  }

  async #readHeartbeat(signed: SignedCheckpointFile | null): Promise<Heartbeat | null> {
    const bytes = await this.source.read(ACCOUNT_FILES.heartbeat, LIMITS.entryBytesMax);
    const proof = await this.source.read(ACCOUNT_FILES.heartbeatProof, 2 * NOTE_FILE_BYTES_MAX);
    if (bytes === null || proof === null) {
      this.report.incomplete("heartbeat", "the heartbeat or its proof is missing: nothing says what is complete");
      return null;
    }
    try {
      return signed === null ? null : this.#openHeartbeat(bytes, proof, signed);
    } catch (error) {
      const fault = error instanceof Error ? error.message : "cannot be read";
      this.report.tampered("heartbeat", `the heartbeat ${fault}`, this.manifest.heartbeat);
      return null;
    }
  }

  /** @throws Error when it is no entry of this log that the checkpoint covers, or no heartbeat. */
  #openHeartbeat(bytes: Buffer, file: Buffer, { note, checkpoint }: SignedCheckpointFile): Heartbeat {
    const { origin, heartbeat: place } = this.manifest;
    const entry = parseEntry(bytes);
    const { index, hashes, note: proven } = parseTlogProof(file);
    if (!proven.equals(note)) throw new Error("is proven to another checkpoint than the one that is here");
    if (entry.log !== origin || entry.seq !== place || index !== place) throw new Error("is not the entry that the manifest names");
    verifyInclusion(index, checkpoint.size, leafHash(bytes), hashes, checkpoint.root);
    const heartbeat = readHeartbeat({ ...entry, details: entryExtras(entry).details });
    if (heartbeat === null) throw new Error("is no heartbeat");
    this.asOf = heartbeat.asOf;
    const what = `entry ${String(place)} of ${entry.time} is a heartbeat that the checkpoint covers`;
    this.report.note("heartbeat", "ok", `${what}; it counts the first ${String(heartbeat.asOf)} entries`);
    const age = Date.now() - Date.parse(entry.time);
    if (age > HEARTBEAT_AGE_MAX_MS)
      this.report.warn(`the heartbeat is ${spanOf(age)} old: of what came since the export says nothing`, `entry ${String(place)}`);
    return heartbeat;
  }

  /** The two heads, if the heartbeat commits to them. */
  async #readHeads(heartbeat: Heartbeat | null): Promise<ExportedHeads | null> {
    const { manifest, report } = this;
    const bytes = await this.source.read(ACCOUNT_FILES.heads, HEADS_BYTES_MAX);
    if (bytes === null) report.incomplete("heads", `${ACCOUNT_FILES.heads} is missing: nothing says how many entries there are`);
    if (bytes === null || heartbeat === null) return null;
    try {
      const heads = parseHeads(bytes);
      if (heads.streams !== heartbeat.streams) throw new Error("counts other heads than the heartbeat");
      this.#checkTip(heads.account, manifest.account, heartbeat);
      this.#checkTip(heads.global, GLOBAL_STREAM, heartbeat);
      return heads;
    } catch (error) {
      report.tampered("heads", `${ACCOUNT_FILES.heads}: ${error instanceof Error ? error.message : "cannot be read"}`);
      return null;
    }
  }

  #checkTip(proof: TipProof, stream: string, { streams, streamsRoot }: Heartbeat): void {
    if (proof.tip.stream !== stream)
      throw new Error(`the head is not that of ${stream === GLOBAL_STREAM ? "the global acts" : "the account"}`);
    verifyTip(proof, streams, streamsRoot);
  }

  /** Says what held; a check that failed says so all the same. What was not reached stays so. */
  #noteGood(hasHeads: boolean, hasHeartbeat: boolean): void {
    const { report, manifest } = this;
    const whose = this.trust?.keys === undefined ? "a key that the export names itself" : "a key of the trust file";
    if (hasHeartbeat) {
      report.note("signatures", "ok", `the checkpoint is signed by ${whose}`);
      report.note("inclusion", "ok", "every entry is in the log, where it says");
    }
    if (hasHeads) {
      report.note("heads", "ok", "the heartbeat vouches for the account's head and that of the global acts");
      report.note("end", "ok", `the account had ${String(manifest.entries)} entries, the last of which is here`);
      report.note("acts", "ok", `the ${String(manifest.acts)} global acts are all that there were`);
    }
    report.note("bundles", "ok", "every bundle is whole");
    report.note("canonical", "ok", "every entry is in its one canonical form");
    report.note("form", "ok", "every entry keeps the rules of its version");
    report.note("origin", "ok", "every entry is of this log");
    report.note("account", "ok", "every entry under entries/ is of this account");
    report.note("chain", "ok", "no entry of the account is missing, moved or there twice");
  }
}
