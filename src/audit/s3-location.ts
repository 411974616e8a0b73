import { RootkeepError } from "../kernel/errors.js";

/** A bucket, and as whom to go there. */
export interface S3Location {
  readonly bucket: string;
  readonly region: string;
  /** Profile of the AWS configuration files whose credentials are used; null: the SDK's default chain. */
  readonly profile: string | null;
  /** AWS account that must own the bucket, 12 digits: a bucket of the same name that somebody else made later is refused. */
  readonly owner: string | null;
}

/** An S3 URI taken apart. */
export interface S3Uri {
  readonly location: S3Location;
  /** Key or prefix without a slash at either end; empty when there is none. */
  readonly path: string;
  /** Value of a parameter that the caller knows; "" of one that stands without a value; undefined when it is absent. */
  readonly parameter: (name: string) => string | undefined;
}

const URI = /^s3:\/\/(?<bucket>[^/?]*)(?:\/(?<path>[^?]*))?\?(?<query>.*)$/;
// Without dots: a dot breaks the certificate of the bucket's own host name. Endings as --x-s3 name other kinds of buckets and access points.
const BUCKET = /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/;
const BUCKET_ENDINGS = /-(?:s3alias|-x-s3|-ol-s3|-table-s3)$/;
const PATH = /^(?!.{513})[A-Za-z0-9._-]+(?:\/[A-Za-z0-9._-]+)*$/;
const DOT_SEGMENT = /(?:^|\/)\.\.?(?:\/|$)/;
const COMMON: Readonly<Record<string, RegExp>> = {
  region: /^[a-z]{2}(?:-[a-z]+)+-[0-9]$/,
  profile: /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/,
  owner: /^[0-9]{12}$/,
};

/**
 * Takes `s3://bucket[/path]?region=…[&profile=…][&owner=…]` apart, with further parameters of the caller's.
 * @param field the setting's name in errors.
 * @param own the caller's parameters and what their values look like.
 * @throws RootkeepError `MALFORMED`; the rule names what is wrong, never the value.
 */
export function parseS3Uri(uri: string, field: string, own: Readonly<Record<string, RegExp>>): S3Uri {
  const { bucket = "", path = "", query = "" } = URI.exec(uri)?.groups ?? {};
  if (!isBucket(bucket)) refuse(field, "is s3://bucket/...?region=..., of a general-purpose bucket without dots");
  if (!isPath(path)) refuse(field, "has a path of letters, digits and . _ - between slashes");
  const parameters = parseParameters(query, field, { ...COMMON, ...own });
  const region = parameters.get("region") ?? refuse(field, "names its region");
  const location = { bucket, region, profile: parameters.get("profile") ?? null, owner: parameters.get("owner") ?? null };
  return { location, path, parameter: (name) => parameters.get(name) };
}

function isBucket(text: string): boolean {
  return BUCKET.test(text) && !BUCKET_ENDINGS.test(text);
}

function isPath(text: string): boolean {
  return text === "" || (PATH.test(text) && !DOT_SEGMENT.test(text));
}

function parseParameters(query: string, field: string, known: Readonly<Record<string, RegExp>>): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const part of query.split("&")) {
    const [name = "", ...values] = part.split("=");
    const form = Object.hasOwn(known, name) ? known[name] : undefined;
    if (form === undefined || parameters.has(name)) return refuse(field, "has a parameter that is unknown, or twice");
    const value = values.join("=");
    if (!form.test(value)) refuse(field, `has a malformed ${name}`);
    parameters.set(name, value);
  }
  return parameters;
}

function refuse(field: string, rule: string): never {
  throw new RootkeepError("MALFORMED", { fields: [{ field, rule }] });
}
