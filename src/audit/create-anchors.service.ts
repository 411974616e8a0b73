import { RootkeepError } from "../kernel/errors.js";
import type { Anchor } from "./anchor.port.js";
import { parseBucketAnchor, parseWitnessAnchor } from "./anchor-uri.js";
import { S3Anchor } from "./s3-anchor.adapter.js";
import type { S3Options } from "./s3-bucket.adapter.js";
import { WitnessAnchor } from "./witness-anchor.adapter.js";

const WITNESSES_MAX = 50;

export interface AnchorsOptions extends S3Options {
  /** `s3://<bucket>[/<prefix>]?region=<region>&days=<days>[&profile=<name>][&owner=<account>]` each. */
  readonly buckets: readonly string[];
  /** `<verifier key>@<URL>` each. */
  readonly witnesses: readonly string[];
}

/**
 * The anchors that the configuration names. Nothing is contacted yet.
 * @throws RootkeepError `MALFORMED` for one that does not parse or stands there twice, too many witnesses, or an endpoint that is neither https nor on loopback.
 */
export function createAnchors({ buckets, witnesses, ...options }: AnchorsOptions): readonly Anchor[] {
  const locations = buckets.map(parseBucketAnchor);
  requireOnce(
    "anchors",
    locations.map(({ location, prefix }) => `${location.bucket}/${prefix}`),
  );
  const cosigners = witnesses.map(parseWitnessAnchor);
  // Each adds a line to the note, which takes a hundred with the log's own.
  if (cosigners.length > WITNESSES_MAX) throw malformed("witnesses", `names at most ${String(WITNESSES_MAX)}`);
  requireOnce(
    "witnesses",
    cosigners.map(({ key }) => key.publicKey.toString("hex")),
  );
  return [...locations.map((location) => new S3Anchor(location, options)), ...cosigners.map((witness) => new WitnessAnchor(witness))];
}

function requireOnce(field: string, names: readonly string[]): void {
  if (new Set(names).size !== names.length) throw malformed(field, "names none of them twice");
}

function malformed(field: string, rule: string): RootkeepError {
  return new RootkeepError("MALFORMED", { fields: [{ field, rule }] });
}
