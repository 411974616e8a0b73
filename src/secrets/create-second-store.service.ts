import { parseFileUri } from "../audit/guard-uri.js";
import type { S3Options } from "../audit/s3-bucket.adapter.js";
import { parseS3Uri } from "../audit/s3-location.js";
import { type Config, ConfigError } from "../config/config.js";
import { apartFrom } from "../config/parse-config.js";
import { isRootkeepError } from "../kernel/errors.js";
import { DirectoryStore } from "./directory-store.adapter.js";
import { S3Store } from "./s3-store.adapter.js";
import type { SecondStore } from "./second-store.port.js";

/**
 * The second store that `uri` names: `file:<directory>` or `s3://<bucket>[/<prefix>]?region=<region>[&profile=<name>][&owner=<account>]`.
 * Nothing is contacted or created yet.
 * @param apart a directory that a `file:` one must be apart from, or null.
 * @throws RootkeepError `MALFORMED` for a URI that does not parse, or an endpoint that is neither https nor on loopback.
 */
export function createSecondStore(uri: string, apart: string | null = null, options: S3Options = {}): SecondStore {
  if (uri.startsWith("file:")) return new DirectoryStore(uri, parseFileUri(uri, "secondStore"), apart);
  const { location, path } = parseS3Uri(uri, "secondStore", {});
  return new S3Store(uri, location, path === "" ? "" : `${path}/`, options);
}

/**
 * The configured second store, or null where there is none. One that cannot be reached is no reason not to start: what opens today needs no
 * copy, and {@link SecondStore.put} asks again. One that is unfit for ever is.
 * @throws ConfigError for such a one, and RootkeepError `MALFORMED`.
 */
export async function openSecondStore(config: Config): Promise<SecondStore | null> {
  if (config.secondStore === null) return null;
  const store = createSecondStore(
    config.secondStore,
    apartFrom(config),
    config.awsS3Endpoint === null ? {} : { endpoint: config.awsS3Endpoint },
  );
  const rule = await store.unfit().catch((error: unknown) => {
    if (isRootkeepError(error, "UNAVAILABLE")) return null;
    throw error;
  });
  if (rule !== null) throw new ConfigError([{ variable: "ROOTKEEP_SECOND_STORE", rule }]);
  return store;
}
