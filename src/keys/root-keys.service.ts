import { RootkeepError } from "../kernel/errors.js";
import type { AwsCredentials } from "./aws-kms-client.adapter.js";
import { AwsKmsRootKey } from "./aws-kms-root-key.adapter.js";
import { DOMAINS, type Domain } from "./domain.js";
import { FileRootKey } from "./file-root-key.adapter.js";
import type { RootKey } from "./root-key.port.js";
import { parseRootKeyUri } from "./root-key-uri.js";

export interface RootKeyOptions {
  /** AWS KMS endpoint other than the Region's own. Plain HTTP is taken on loopback only. */
  readonly awsEndpoint?: string;
  /** For emulators. Left out, the SDK's default chain is used (role, environment, shared files). */
  readonly awsCredentials?: AwsCredentials;
}

/**
 * The root key that `uri` names. Nothing is contacted or created yet.
 * @throws RootkeepError `MALFORMED` for a URI that does not parse; `KEY_UNAVAILABLE` for pkcs11, which is planned.
 */
export function createRootKey(uri: string, options: RootKeyOptions = {}): RootKey {
  const parsed = parseRootKeyUri(uri);
  switch (parsed.scheme) {
    case "file":
      return new FileRootKey(parsed);
    case "aws-kms":
      return new AwsKmsRootKey(parsed, {
        ...(options.awsEndpoint === undefined ? {} : { endpoint: options.awsEndpoint }),
        ...(options.awsCredentials === undefined ? {} : { credentials: options.awsCredentials }),
      });
    case "pkcs11":
      throw new RootkeepError("KEY_UNAVAILABLE", { reason: "pkcs11_is_planned" });
  }
}

/** One root key per domain. Domains with the same URI share one object. */
export function createRootKeys(uris: Readonly<Record<Domain, string>>, options: RootKeyOptions = {}): Readonly<Record<Domain, RootKey>> {
  const byUri = new Map<string, RootKey>();
  const keyOf = (domain: Domain): RootKey => {
    const uri = uris[domain];
    const known = byUri.get(uri) ?? createRootKey(uri, options);
    byUri.set(uri, known);
    return known;
  };
  return Object.freeze(Object.fromEntries(DOMAINS.map((domain) => [domain, keyOf(domain)])) as Record<Domain, RootKey>);
}
