import type { LogSigner } from "../audit/log-signer.port.js";
import { isRootkeepError, RootkeepError } from "../kernel/errors.js";
import type { AwsCredentials } from "./aws-kms-client.adapter.js";
import { AwsKmsLogKey } from "./aws-kms-log-key.adapter.js";
import { FileLogKey } from "./file-log-key.adapter.js";
import { parseRootKeyUri, type RootKeyUri } from "./root-key-uri.js";

export interface LogKeyOptions {
  /** AWS KMS endpoint other than the Region's own. Plain HTTP is taken on loopback only. */
  readonly awsEndpoint?: string;
  /** For emulators. Left out, the SDK's default chain is used (role, environment, shared files). */
  readonly awsCredentials?: AwsCredentials;
  /**
   * Makes a keystore file where there is none. Only for the first start of a log that has no checkpoint yet; otherwise a missing key is an
   * error. A key in AWS is made in AWS.
   */
  readonly create?: boolean;
}

/**
 * The log's key that `uri` names: `file:<path>` or `aws-kms:<key arn>`. Nothing is contacted or created before the first call.
 * @throws RootkeepError `MALFORMED` for a URI that does not parse; `KEY_UNAVAILABLE` for pkcs11, which is planned.
 */
export function createLogKey(uri: string, options: LogKeyOptions = {}): LogSigner {
  const parsed = parseLogKeyUri(uri);
  switch (parsed.scheme) {
    case "file":
      return new FileLogKey(parsed, { create: options.create ?? false });
    case "aws-kms":
      return new AwsKmsLogKey(parsed, {
        ...(options.awsEndpoint === undefined ? {} : { endpoint: options.awsEndpoint }),
        ...(options.awsCredentials === undefined ? {} : { credentials: options.awsCredentials }),
      });
    case "pkcs11":
      throw new RootkeepError("KEY_UNAVAILABLE", { reason: "pkcs11_is_planned" });
  }
}

/** The grammar is that of root keys; an error names the log's key, or somebody would mend the wrong setting. */
function parseLogKeyUri(uri: string): RootKeyUri {
  try {
    return parseRootKeyUri(uri);
  } catch (error) {
    if (!isRootkeepError(error, "MALFORMED")) throw error;
    throw new RootkeepError("MALFORMED", { fields: error.fields.map(({ rule }) => ({ field: "logKey", rule })) });
  }
}
