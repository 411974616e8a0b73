// A log with accounts that come and grow, global acts, and heartbeats: as the service would write it, or as one that lies.
import { ZERO_HASH } from "../../src/audit/chain.js";
import { buildEntry, type EntryDraft } from "../../src/audit/entry.js";
import { type Heartbeat, heartbeatDetails, heartbeatId } from "../../src/audit/heartbeat.js";
import { headsRoot, type StreamTip } from "../../src/audit/stream-heads.js";
import { type Exported, headOf, leavesOf } from "./attacked-export.js";
import { SAMPLE_ORIGIN, sampleId, sampleManifest, sampleTime } from "./sample-log.js";
import { naiveRoot } from "./tlog-tree.js";

/** Entries of the log. */
export const BEATING_SIZE = 300;
const BEATS = [20, 100, 101, 180, 260];
const account = (number: number): string => `acc_${String(number).padStart(26, "0")}`;

/** What a heartbeat is made of, and what of it may be bent. */
export interface Beat {
  readonly tips: readonly StreamTip[];
  readonly before: string | null;
  /** Leaf hashes of the entries before it. */
  readonly leaves: readonly Buffer[];
  readonly heartbeat: Heartbeat;
}
export type BendBeat = (seq: number, beat: Beat, tipsAt: (size: number) => StreamTip[]) => Promise<Partial<EntryDraft>> | undefined;

/** An entry that is none of the log's usual ones; undefined where it is. */
export type OtherEntry = (seq: number, before: string | null) => Partial<EntryDraft> | undefined;

/** A log with accounts that come and grow, global acts, and heartbeats that are right unless they are bent. */
export async function beatingLog(
  bend?: BendBeat,
  size = BEATING_SIZE,
  beats: readonly number[] = BEATS,
  other?: OtherEntry,
  timeOf: (seq: number) => string = sampleTime,
): Promise<Exported> {
  const entries: Buffer[] = [];
  const placed: { stream: string | null; leaf: Buffer }[] = [];
  let prev = ZERO_HASH;
  let before: string | null = null;
  const tipsAt = (end: number): StreamTip[] => {
    const tips = new Map<string, StreamTip>();
    const acts: Buffer[] = [];
    for (const { stream, leaf } of placed.slice(0, end)) {
      if (stream === "global") acts.push(leaf);
      else if (stream !== null) tips.set(stream, { stream, size: (tips.get(stream)?.size ?? 0) + 1, leaf });
    }
    tips.set("global", { stream: "global", size: acts.length, leaf: naiveRoot(acts) });
    return [...tips.values()].sort((one, other) => (one.stream < other.stream ? -1 : 1));
  };
  for (let seq = 0; seq < size; seq++) {
    let draft: EntryDraft = { id: sampleId(seq), action: "grant.expired", outcome: "committed", actor: { type: "system" } };
    if (beats.includes(seq)) {
      // What others appended meanwhile is not counted.
      const asOf = Math.max(seq - (seq % 3), beats.findLast((beat) => beat < seq) ?? 0) + (beats.includes(seq - 1) ? 1 : 0);
      const tips = tipsAt(asOf);
      const heartbeat = { asOf, streams: tips.length, streamsRoot: await headsRoot(tips) };
      draft = { ...draft, action: "log.heartbeat", id: heartbeatId(SAMPLE_ORIGIN, before), details: heartbeatDetails(heartbeat, null) };
      draft = { ...draft, ...(await bend?.(seq, { tips, before, heartbeat, leaves: placed.map(({ leaf }) => leaf) }, tipsAt)) };
      before = draft.id;
    } else if (seq === 0) draft = { ...draft, action: "log.genesis" };
    else if (other?.(seq, before) !== undefined) draft = { ...draft, ...other(seq, before) };
    else if (seq % 7 === 0) draft = { ...draft, action: "allowlist.grant" };
    else draft = { ...draft, stream: account((seq * 11) % Math.min(seq, 60)) };
    const own = draft.stream === undefined ? [] : placed.filter(({ stream }) => stream === draft.stream);
    const place = draft.stream === undefined ? {} : { sseq: own.length, sprev: own.at(-1)?.leaf ?? ZERO_HASH };
    const { bytes, leafHash: leaf } = buildEntry(draft, { log: SAMPLE_ORIGIN, seq, prev, time: timeOf(seq), ...place });
    prev = leaf;
    entries.push(bytes);
    placed.push({ stream: draft.action === "allowlist.grant" ? "global" : (draft.stream ?? null), leaf });
  }
  return { entries, openings: [], manifest: sampleManifest(headOf(entries), size, { disclosures: false }), leaves: leavesOf(entries) };
}

/** A heartbeat of the same size that states other tips. */
export async function restated({ heartbeat }: Beat, tips: readonly StreamTip[]): Promise<Partial<EntryDraft>> {
  const { asOf } = heartbeat;
  return { details: heartbeatDetails({ asOf, streams: tips.length, streamsRoot: await headsRoot(tips) }, null) };
}
