import { encodeFields } from "../kernel/encoding.js";
import { deriveEventId } from "../kernel/ids.js";
import type { JsonObject } from "./canonical-json.js";
import { isHash } from "./entry-form.js";

/** What a heartbeat commits to (docs/spec/account-export.md, "Heartbeat"). */
export interface Heartbeat {
  /** The heads are those of the first `asOf` entries of the log. */
  readonly asOf: number;
  /** Leaves of the tree of heads. */
  readonly streams: number;
  /** Root of the tree of heads, 32 bytes. */
  readonly streamsRoot: Buffer;
}

/**
 * Entries that may come between what a heartbeat states and its own place [AC-7]: what others append while its root is computed, ten times
 * over. A verifier keeps that many in memory.
 */
export const HEARTBEAT_LAG_MAX = 131_072;

/** Which PostgreSQL the log is in. Both change with a restore or a promotion more often than not: a hint, no proof. */
export interface ServerIdentity {
  readonly systemIdentifier: string;
  readonly timeline: number;
}

/** What of an entry says whether it is a heartbeat. */
export interface HeartbeatFacts {
  readonly action: string;
  readonly outcome: string;
  readonly seq: number;
  readonly details?: Readonly<Record<string, unknown>> | undefined;
}

/** `details` of a heartbeat's entry [AC-7]; `server` is left out where it cannot be asked. */
export function heartbeatDetails({ asOf, streams, streamsRoot }: Heartbeat, server: ServerIdentity | null): JsonObject {
  return { asOf, streams, streamsRoot: streamsRoot.toString("hex"), ...(server === null ? {} : { postgres: { ...server } }) };
}

/** The heartbeat that an entry is, or null if it is none in good form [AC-7]. */
export function readHeartbeat({ action, outcome, seq, details }: HeartbeatFacts): Heartbeat | null {
  if (action !== "log.heartbeat" || outcome !== "committed") return null;
  const { asOf, streams, streamsRoot } = details ?? {};
  if (!isCount(asOf) || asOf > seq || asOf < seq - HEARTBEAT_LAG_MAX || !isCount(streams) || !isHash(streamsRoot)) return null;
  return { asOf, streams, streamsRoot: Buffer.from(streamsRoot, "hex") };
}

/**
 * Event id of the heartbeat that follows the one with the id `before`, or that is the log's first where that is null. The log takes an id
 * once, so of several replicas that are due at the same moment one writes [AC-8].
 */
export function heartbeatId(origin: string, before: string | null): string {
  return deriveEventId(encodeFields(["rk-heartbeat-1", origin, before ?? ""]));
}

/**
 * Event id of the heartbeat that follows `before` where another entry stands under {@link heartbeatId}, which anybody can compute. The leaf
 * hash of the newest entry before it is not known before that entry is [AC-8].
 */
export function heartbeatIdBeside(origin: string, before: string | null, leaf: string): string {
  return deriveEventId(encodeFields(["rk-heartbeat-2", origin, before ?? "", leaf]));
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
