import { createHash } from "node:crypto";
import { canonicalJson } from "../audit/canonical-json.js";
import type { Posture, PostureEvidence, PostureExpectation } from "./posture.js";

/** Everything that a judgement rests on, without personal data: who has it can judge again. */
export interface PostureSnapshot {
  readonly v: 1;
  /** Ours. */
  readonly account: string;
  readonly awsId: string;
  readonly partition: string;
  /** RFC 3339, UTC; before AWS was asked, by the database's clock. */
  readonly takenAt: string;
  readonly evidence: PostureEvidence;
  readonly expectation: { readonly kind: PostureExpectation["kind"]; readonly passwordSince: string | null };
  readonly posture: Posture;
}

/** A snapshot as it is kept, and as its entry in the log has it. */
export interface WrittenSnapshot {
  /** Canonical JSON (RK-JCS-1). */
  readonly text: string;
  /** SHA-256 of the text in UTF-8. */
  readonly sha256: Buffer;
}

/** The one text of a snapshot. */
export function writeSnapshot(snapshot: PostureSnapshot): WrittenSnapshot {
  const text = canonicalJson(snapshot);
  return { text, sha256: createHash("sha256").update(text, "utf8").digest() };
}

/** The reverse of {@link writeSnapshot}; the row's HMAC has shown that the text is ours. */
export function parseSnapshot(text: string): PostureSnapshot {
  return JSON.parse(text) as PostureSnapshot;
}
