import { RootkeepError } from "../kernel/errors.js";
import { isPrivateUrl } from "./private-url.js";
import { parseS3Uri, type S3Location } from "./s3-location.js";
import { TlogError } from "./tlog/tlog-error.js";
import { parseVerifierKey, SIGNATURE_TYPE, type VerifierKey } from "./tlog/verifier-key.js";

/** A bucket with Object Lock. */
export interface BucketAnchorUri {
  /** For log lines: at most 64 letters, digits, `.` and `-`. */
  readonly name: string;
  readonly location: S3Location;
  /** What stands before the keys, with its slash; empty when nothing does. */
  readonly prefix: string;
  /** How long each checkpoint cannot be deleted. */
  readonly retentionDays: number;
}

/** A witness (C2SP tlog-witness). */
export interface WitnessAnchorUri {
  /** As {@link BucketAnchorUri.name}. */
  readonly name: string;
  readonly key: VerifierKey;
  /** Submission prefix, without a slash at the end. */
  readonly url: string;
}

const NAME_CHARS_MAX = 64;

/**
 * Takes `s3://<bucket>[/<prefix>]?region=<region>&days=<days>[&profile=<name>][&owner=<account>]` apart.
 * @throws RootkeepError `MALFORMED`; the rule names what is wrong, never the value.
 */
export function parseBucketAnchor(uri: string): BucketAnchorUri {
  const { location, path, parameter } = parseS3Uri(uri, "anchors", { days: /^[1-9]\d{0,4}$/ });
  const days = parameter("days") ?? refuse("anchors", "names the days for which nothing can be deleted");
  return {
    name: anchorName(path === "" ? location.bucket : `${location.bucket}.${path}`),
    location,
    prefix: path === "" ? "" : `${path}/`,
    retentionDays: Number(days),
  };
}

/**
 * Takes `<verifier key>@<URL>` apart: the key by which the witness cosigns (type 0x04), and its submission prefix.
 * @throws RootkeepError `MALFORMED`; the rule names what is wrong, never the value.
 */
export function parseWitnessAnchor(text: string): WitnessAnchorUri {
  const at = text.indexOf("@");
  const key = cosigningKey(text.slice(0, Math.max(at, 0))) ?? refuse("witnesses", "begins with a verifier key for cosignatures");
  const address = text.slice(at + 1);
  if (!isPrivateUrl(address)) return refuse("witnesses", "has a URL that is https, or http on loopback");
  const { protocol, host, pathname, username, password, search, hash } = new URL(address);
  if (username !== "" || password !== "" || search !== "" || hash !== "") return refuse("witnesses", "has a URL of host and path alone");
  return { name: anchorName(key.name), key, url: `${protocol}//${host}${pathname.replace(/\/+$/, "")}` };
}

function cosigningKey(text: string): VerifierKey | null {
  try {
    const key = parseVerifierKey(text);
    return key.type === SIGNATURE_TYPE.cosignature ? key : null;
  } catch (error) {
    if (error instanceof TlogError) return null;
    throw error;
  }
}

/** `text` with everything but letters, digits, `.` and `-` replaced. */
function anchorName(text: string): string {
  return text
    .replace(/[^A-Za-z0-9.-]/g, "-")
    .replace(/^[.-]+/, "")
    .slice(0, NAME_CHARS_MAX);
}

function refuse(field: string, rule: string): never {
  throw new RootkeepError("MALFORMED", { fields: [{ field, rule }] });
}
