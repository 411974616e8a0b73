import { RootkeepError } from "../kernel/errors.js";

/** A root key URI taken apart. `uri` is the text as configured. */
export type RootKeyUri =
  | { readonly scheme: "file"; readonly uri: string; readonly path: string }
  | {
      readonly scheme: "aws-kms";
      readonly uri: string;
      readonly keyArn: string;
      readonly region: string;
      /** The AWS account that hosts the key. */
      readonly accountId: string;
    }
  | { readonly scheme: "pkcs11"; readonly uri: string; readonly attributes: Readonly<Record<string, string>> };

const KEY_ARN =
  /^arn:aws(?:-us-gov|-cn)?:kms:(?<region>[a-z]{2}(?:-[a-z]+)+-[0-9]):(?<account>[0-9]{12}):key\/(?:mrk-[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;
const PKCS11_NAME = /^[a-z][a-z0-9-]*$/;
const URI_CHARS_MAX = 2_048;

/**
 * Takes a root key URI apart: `file:<path>`, `aws-kms:<key arn>`, `pkcs11:…` (RFC 7512).
 * @throws RootkeepError `MALFORMED`; the rule names what is wrong, never the value.
 */
export function parseRootKeyUri(uri: string): RootKeyUri {
  if (uri.length > URI_CHARS_MAX || Array.from(uri).some((character) => character < " " || character === "\u007f"))
    return refuse("has control characters or is too long");
  if (uri.startsWith("file:")) return parseFile(uri);
  if (uri.startsWith("aws-kms:")) return parseAwsKms(uri);
  if (uri.startsWith("pkcs11:")) return parsePkcs11(uri);
  return refuse("begins with file:, aws-kms: or pkcs11:");
}

function parseFile(uri: string): RootKeyUri {
  const rest = uri.slice("file:".length);
  if (rest === "") return refuse("file: takes a path");
  if (!rest.startsWith("//")) return { scheme: "file", uri, path: rest };
  // file://host/path would name a file on another machine; file:///path has an empty host.
  if (!rest.startsWith("///")) return refuse("file: takes a local path");
  return { scheme: "file", uri, path: rest.slice(2) };
}

function parseAwsKms(uri: string): RootKeyUri {
  const keyArn = uri.slice("aws-kms:".length);
  const match = KEY_ARN.exec(keyArn);
  const region = match?.groups?.["region"];
  const accountId = match?.groups?.["account"];
  // An alias is refused: whoever may call UpdateAlias could point it at a key of their own.
  if (region === undefined || accountId === undefined) return refuse("aws-kms: takes the ARN of a key, not an alias or a bare id");
  return { scheme: "aws-kms", uri, keyArn, region, accountId };
}

function parsePkcs11(uri: string): RootKeyUri {
  const attributes: Record<string, string> = {};
  for (const part of uri.slice("pkcs11:".length).split(/[;?&]/)) {
    const [name = "", ...values] = part.split("=");
    if (!PKCS11_NAME.test(name) || values.length !== 1 || Object.hasOwn(attributes, name))
      return refuse("pkcs11: takes attributes as in RFC 7512");
    // A PIN in the URI would stand in process listings, in the configuration's digest and in every data key's row.
    if (name === "pin-value") return refuse("pkcs11: takes pin-source, never pin-value");
    const value = decodePercent(values[0] ?? "");
    if (value === null) return refuse("pkcs11: has a broken percent escape");
    attributes[name] = value;
  }
  return { scheme: "pkcs11", uri, attributes: Object.freeze(attributes) };
}

function decodePercent(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

function refuse(rule: string): never {
  throw new RootkeepError("MALFORMED", { fields: [{ field: "rootKey", rule }] });
}
