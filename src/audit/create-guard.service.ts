import { FileGuard } from "./file-guard.adapter.js";
import type { Guard } from "./guard.port.js";
import { parseGuardUri } from "./guard-uri.js";
import type { S3Options } from "./s3-bucket.adapter.js";
import { S3Guard } from "./s3-guard.adapter.js";

/**
 * The guard that `uri` names. Nothing is contacted or created yet.
 * @throws RootkeepError `MALFORMED` for a URI that does not parse, or an endpoint that is neither https nor on loopback.
 */
export function createGuard(uri: string, options: S3Options = {}): Guard {
  const parsed = parseGuardUri(uri);
  return parsed.scheme === "file" ? new FileGuard(parsed) : new S3Guard(parsed, options);
}
