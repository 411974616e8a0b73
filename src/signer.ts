import { AnchorRunner } from "./audit/anchor-runner.service.js";
import { CheckpointRepository } from "./audit/checkpoint.repository.js";
import { CheckpointSigner, type SignerEvents } from "./audit/checkpoint-signer.service.js";
import { createAnchors } from "./audit/create-anchors.service.js";
import { createGuard } from "./audit/create-guard.service.js";
import type { Guard } from "./audit/guard.port.js";
import { connectLog } from "./audit/log-connection.service.js";
import { LOG_SCHEMA, SIGNER_ON_LOG } from "./audit/log-schema.js";
import { newVerifierKey, type VerifierKey } from "./audit/tlog/verifier-key.js";
import type { Config } from "./config/config.js";
import { checkDatabase } from "./database/check-database.service.js";
import type { PgConnection } from "./database/connection.js";
import { createLogKey } from "./keys/log-keys.service.js";
import type { Log } from "./telemetry/log.service.js";
import { slug } from "./telemetry/site.js";

/** What signs the log, running. */
export interface RunningSigner {
  /** By which everybody else checks what it signs. */
  readonly verifierKey: VerifierKey;
  stop(): Promise<void>;
}

/**
 * Starts the signer: the only part that uses the log's key. It needs the signer's database role and no other, and no key that opens
 * anything.
 * @throws RootkeepError when the role may do more than sign, or the key cannot be used.
 */
export async function startSigner(config: Config, connection: PgConnection, log: Log): Promise<RunningSigner> {
  await checkDatabase(connection, LOG_SCHEMA, SIGNER_ON_LOG);
  const { logOrigin: origin } = config;
  const s3 = config.awsS3Endpoint === null ? {} : { endpoint: config.awsS3Endpoint };
  const connect = () => connectLog(connection);
  const guard = createGuard(config.guard, s3);
  const key = createLogKey(config.logKey, {
    ...(config.awsKmsEndpoint === null ? {} : { awsEndpoint: config.awsKmsEndpoint }),
    create: await isFirstRun(guard, connection),
  });
  const verifierKey = newVerifierKey(origin, "ed25519", await key.publicKey());
  const isFile = config.logKey.startsWith("file:");
  log.event("signer.started", { key: isFile ? "file" : "aws-kms" });
  // Whoever copies the file can sign another history; then only the anchors tell.
  if (isFile && config.isProduction) log.event("config.warning", { warning: "file-log-key" });
  const anchors = new AnchorRunner({
    anchors: createAnchors({ buckets: config.anchors, witnesses: config.witnesses, ...s3 }),
    origin,
    connect,
    events: {
      anchored: () => undefined,
      failed: (anchor, reason) => {
        log.event("anchor.failed", { anchor: slug(anchor), reason: reasonSlug(reason) });
      },
      unreached: (anchor, seconds) => {
        log.event("anchor.unreached", { anchor: slug(anchor), seconds });
      },
      contradicted: (anchor, reason) => {
        log.event("anchor.contradicted", { anchor: slug(anchor), reason: reasonSlug(reason) });
      },
    },
  });
  const signer = new CheckpointSigner({
    connect,
    origin,
    key,
    verifierKey,
    guard,
    events: signerEvents(log),
    onPublished: (checkpoint) => {
      anchors.offer(checkpoint);
    },
  });
  signer.start();
  return {
    verifierKey,
    stop: async () => {
      await signer.stop();
      await anchors.stop();
    },
  };
}

/** Only a log that was never signed may get a new key: later a missing key is a lost one, and a new one would sign a second history. */
async function isFirstRun(guard: Guard, connection: PgConnection): Promise<boolean> {
  if ((await guard.read()) !== null) return false;
  const client = await connectLog(connection);
  try {
    return !(await CheckpointRepository.hasAny(client));
  } finally {
    await client.end().catch(() => undefined);
  }
}

function signerEvents(log: Log): SignerEvents {
  return {
    leading: () => {
      log.event("signer.leading", {});
    },
    waiting: (seconds) => {
      log.event("signer.waiting", { seconds });
    },
    signed: () => undefined,
    halted: (code, seq, reason) => {
      log.event("signer.halted", { code, seq, reason: reasonSlug(reason) });
    },
    failed: (code, reason) => {
      log.event("signer.failed", { code, reason: reasonSlug(reason) });
    },
  };
}

function reasonSlug(reason: string): ReturnType<typeof slug> {
  return slug(reason.replaceAll(/[^A-Za-z0-9_]+/g, "-").slice(0, 64));
}
