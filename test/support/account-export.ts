// An account export made without a service: what the command line writes, over a log of the test's own.
import {
  ACCOUNT_EXPORT_FORMAT,
  ACCOUNT_FILES,
  type AccountFolder,
  type AccountManifest,
  accountBundlePath,
  accountManifestBytes,
  headsBytes,
  proofLine,
} from "../../src/audit/account-export-format.js";
import { ACCOUNT_GUIDE } from "../../src/audit/account-export-guide.js";
import { encodeBundle } from "../../src/audit/bundle.js";
import { leafHash, ZERO_HASH } from "../../src/audit/chain.js";
import type { EntryDraft } from "../../src/audit/entry.js";
import { placeEntries } from "../../src/audit/entry-appender.service.js";
import { heartbeatDetails, heartbeatId } from "../../src/audit/heartbeat.js";
import { HeadsTree, headsRoot, type StreamTip } from "../../src/audit/stream-heads.js";
import { type StreamedEntry, StreamIndex } from "../../src/audit/stream-index.js";
import { inclusionProof } from "../../src/audit/tlog/proof-plan.js";
import { formatTlogProof } from "../../src/audit/tlog/tlog-proof.js";
import { formatVerifierKey } from "../../src/audit/tlog/verifier-key.js";
import { checkpointOf } from "./checkpoints.js";
import { ACCOUNTS, sampleId, sampleTime } from "./sample-log.js";
import { type NoteSigner, noteSigner } from "./tlog-keys.js";
import { MemoryTree } from "./tlog-tree.js";

export const ACCOUNT_LOG_ORIGIN = "rootkeep.example/audit/accounts/1";
export const ACCOUNT_LOG_SIGNER = noteSigner(ACCOUNT_LOG_ORIGIN, "ed25519", Buffer.alloc(32, 7));

/** A log that ends with a heartbeat. */
export interface AccountLogSample {
  readonly entries: readonly Buffer[];
  /** Places of the entries of each account, and of the global acts. */
  readonly places: ReadonlyMap<string, readonly number[]>;
  readonly tips: readonly StreamTip[];
  readonly heartbeat: number;
}

/** What a test may bend before a thing is built: the hashes are right then, and the content is not. */
export interface LogBends {
  readonly draft?: (draft: EntryDraft, seq: number) => EntryDraft;
  /** What the heartbeat claims. */
  readonly tips?: (tips: readonly StreamTip[]) => readonly StreamTip[];
  /** For how many entries the heartbeat claims it. */
  readonly asOf?: number;
  /** When it was written, in the form of an entry's time. */
  readonly beatAt?: string;
}

/** The files of an export by path. */
export type ExportFiles = Record<string, Buffer | string>;

function draftOf(seq: number): EntryDraft {
  const shared = { id: sampleId(seq), outcome: "committed", actor: { type: "system" } } as const;
  if (seq === 0) return { ...shared, action: "log.genesis" };
  if (seq === 1) return { ...shared, action: "people.founded" };
  if (seq % 50 === 0) return { ...shared, action: "allowlist.grant", target: { type: "allowlist-entry", id: `alw_${String(seq)}` } };
  if (seq % 50 === 1) return { ...shared, action: "service.started" };
  const stream = ACCOUNTS[seq % ACCOUNTS.length] ?? ACCOUNTS[0];
  return { ...shared, action: "grant.expired", stream, details: { note: seq === 4 ? "Grüße" : String(seq) } };
}

/** A log of `size` entries, of three accounts and global acts, and a heartbeat behind them. */
export async function sampleAccountLog(size: number, bends: LogBends = {}): Promise<AccountLogSample> {
  const drafts = Array.from({ length: size }, (_, seq) => (bends.draft ?? ((draft) => draft))(draftOf(seq), seq));
  const start = { origin: ACCOUNT_LOG_ORIGIN, size: 0, lastLeaf: ZERO_HASH, lastTime: "", now: sampleTime(0) };
  const built = placeEntries(start, drafts, new Map());
  const index = new StreamIndex();
  for (const { entry, leafHash: leaf } of built) index.take(entry as unknown as StreamedEntry, leaf);
  const tips = (bends.tips ?? ((same) => same))(index.tips().tips);
  const draft: EntryDraft = {
    id: heartbeatId(ACCOUNT_LOG_ORIGIN, null),
    action: "log.heartbeat",
    outcome: "committed",
    actor: { type: "system" },
    details: heartbeatDetails({ asOf: bends.asOf ?? size, streams: tips.length, streamsRoot: await headsRoot(tips) }, null),
  };
  const head = {
    ...start,
    size,
    lastLeaf: built.at(-1)?.leafHash ?? ZERO_HASH,
    lastTime: sampleTime(0),
    now: bends.beatAt ?? sampleTime(9),
  };
  const entries = [...built, ...placeEntries(head, [draft], new Map())].map(({ bytes }) => bytes);
  const places = new Map([...ACCOUNTS, "global"].map((stream) => [stream, index.placesOf(stream, 0, size)]));
  return { entries, places, tips, heartbeat: size };
}

/** What is different from an honest export. */
export interface ExportChanges {
  readonly signer?: NoteSigner;
  readonly manifest?: Partial<AccountManifest>;
  /** Places of the entries under `entries/`, or of the acts under `global/`. */
  readonly entries?: readonly number[];
  readonly acts?: readonly number[];
}

/** The export of `account`, its proofs right for what is in it. */
export async function accountExportOf(log: AccountLogSample, account: string, changes: ExportChanges = {}): Promise<ExportFiles> {
  const signer = changes.signer ?? ACCOUNT_LOG_SIGNER;
  const leaves = log.entries.map((entry) => leafHash(entry));
  const tree = new MemoryTree(leaves);
  const { size, note } = await checkpointOf(leaves, signer);
  const prove = (seq: number) => inclusionProof(seq, size, tree.read);
  const heads = await HeadsTree.of(log.tips);
  const entries = changes.entries ?? log.places.get(account) ?? [];
  const acts = changes.acts ?? log.places.get("global") ?? [];
  const manifest: AccountManifest = {
    format: ACCOUNT_EXPORT_FORMAT,
    origin: ACCOUNT_LOG_ORIGIN,
    account,
    heartbeat: log.heartbeat,
    entries: entries.length,
    acts: acts.length,
    size,
    created: sampleTime(100),
    tool: "rootkeep 0.1.0",
    ...changes.manifest,
  };
  const proofs: string[] = [];
  for (const seq of [...new Set([...entries, ...acts])].sort((one, other) => one - other))
    proofs.push(proofLine({ seq, hashes: await prove(seq) }));
  return {
    ...bundlesOf("entries", log, entries),
    ...bundlesOf("global", log, acts),
    [ACCOUNT_FILES.manifest]: accountManifestBytes(manifest),
    [ACCOUNT_FILES.keys]: `${formatVerifierKey(signer.key)}\n`,
    [ACCOUNT_FILES.checkpoint]: note,
    [ACCOUNT_FILES.heartbeat]: log.entries[log.heartbeat]!,
    [ACCOUNT_FILES.heartbeatProof]: formatTlogProof({
      extra: null,
      index: log.heartbeat,
      hashes: await prove(log.heartbeat),
      note: Buffer.from(note, "utf8"),
    }),
    [ACCOUNT_FILES.heads]: headsBytes({
      streams: heads.size,
      account: (await heads.prove(account))!,
      global: (await heads.prove("global"))!,
    }),
    [ACCOUNT_FILES.proofs]: proofs.join(""),
    [ACCOUNT_FILES.guide]: ACCOUNT_GUIDE,
  };
}

/** Bundles of the entries at `seqs`. */
export function bundlesOf(folder: AccountFolder, { entries }: Pick<AccountLogSample, "entries">, seqs: readonly number[]): ExportFiles {
  const files: ExportFiles = {};
  for (let n = 0; n * 256 < seqs.length; n++) {
    const bundle = seqs.slice(n * 256, (n + 1) * 256).map((seq) => entries[seq]!);
    files[accountBundlePath(folder, n, bundle.length)] = encodeBundle(bundle);
  }
  return files;
}
