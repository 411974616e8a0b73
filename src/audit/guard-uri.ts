import { RootkeepError } from "../kernel/errors.js";
import { parseS3Uri, type S3Location } from "./s3-location.js";

/** A guard's URI taken apart. `uri` is the text as configured. */
export type GuardUri =
  | { readonly scheme: "file"; readonly uri: string; readonly path: string }
  | {
      readonly scheme: "s3";
      readonly uri: string;
      readonly location: S3Location;
      readonly key: string;
      /** The bucket must keep versions; then a note that was deleted is told apart from one that never was. */
      readonly isVersioned: boolean;
    };

const PATH_CHARS_MAX = 1_024;

/**
 * Takes a guard's URI apart: `file:<directory>`, or `s3://<bucket>/<key>?region=<region>[&profile=<name>][&owner=<account>][&versioned]`.
 * @throws RootkeepError `MALFORMED`; the rule names what is wrong, never the value.
 */
export function parseGuardUri(uri: string): GuardUri {
  if (uri.startsWith("file:")) return { scheme: "file", uri, path: parseFileUri(uri, "guard") };
  if (!uri.startsWith("s3:")) return refuse("guard", "begins with file: or s3:");
  const { location, path, parameter } = parseS3Uri(uri, "guard", { versioned: /^$/ });
  if (path === "") return refuse("guard", "s3: takes a key");
  return { scheme: "s3", uri, location, key: path, isVersioned: parameter("versioned") !== undefined };
}

/**
 * The path of `file:<path>`, without slashes at its end.
 * @param field the setting's name in errors.
 * @throws RootkeepError `MALFORMED`; the rule names what is wrong, never the value.
 */
export function parseFileUri(uri: string, field: string): string {
  const rest = uri.slice("file:".length);
  // file://host/path would name a directory on another machine; file:///path has an empty host.
  if (rest.startsWith("//") && !rest.startsWith("///")) return refuse(field, "file: takes a local path");
  const path = (rest.startsWith("//") ? rest.slice(2) : rest).replace(/\/+$/, "");
  if (path === "" || path.length > PATH_CHARS_MAX || path.includes("\0")) return refuse(field, "file: takes a path");
  return path;
}

function refuse(field: string, rule: string): never {
  throw new RootkeepError("MALFORMED", { fields: [{ field, rule }] });
}
