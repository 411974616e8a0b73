import { setTimeout as pause } from "node:timers/promises";
import type { STSClient } from "@aws-sdk/client-sts";
import type { Partition } from "../accounts/account.js";
import { isPrivateUrl } from "../audit/private-url.js";
import { RootkeepError } from "../kernel/errors.js";
import type { AccountTarget, AwsAccountSession, AwsAccounts } from "./aws-account.port.js";
import { awsError, isNamed, noEvidence } from "./aws-errors.js";
import { AwsSession, type ReportWait } from "./aws-session.adapter.js";
import { type AwsKeys, clientSettings } from "./client-settings.js";
import { READ_ONLY_POLICY } from "./read-only-policy.js";

export interface AwsAccountsOptions {
  /** Name, with its path, of the role that every customer's account has for us. */
  readonly role: string;
  /** Shown in the customer's own log (CloudTrail) as the name of the session. */
  readonly sessionName: string;
  /** Other than AWS's own, for every service and partition. Plain HTTP is taken on loopback only. */
  readonly endpoint?: string;
  /** Profile of the shared configuration files by which a partition is signed in to. Left out, the SDK's default chain is used. */
  readonly profiles?: Readonly<Partial<Record<Partition, string>>>;
  /** For emulators. */
  readonly credentials?: AwsKeys;
  /** How long a credential report is waited for, and the first pause between two looks; for tests. */
  readonly reportWait?: ReportWait;
}

/** The shortest that STS gives. */
const SESSION_SECONDS = 900;
const REPORT_WAIT: ReportWait = {
  forMs: 20_000,
  firstPauseMs: 1_000,
  pause: (milliseconds, signal) => pause(milliseconds, undefined, { signal }).catch(() => undefined),
};

/** AWS, by the role that each customer's account has for the vault. The SDK's clients are loaded at the first call: few deployments need them. */
export class AwsAccountsAdapter implements AwsAccounts {
  readonly #options: AwsAccountsOptions;
  readonly #clients = new Map<Partition, STSClient>();

  /** @throws RootkeepError `MALFORMED` for an endpoint that would carry session keys over the network in the clear. */
  constructor(options: AwsAccountsOptions) {
    if (options.endpoint !== undefined && !isPrivateUrl(options.endpoint))
      throw new RootkeepError("MALFORMED", { fields: [{ field: "awsEndpoint", rule: "is https, or http on loopback" }] });
    this.#options = options;
  }

  async signIn(target: AccountTarget, signal: AbortSignal): Promise<AwsAccountSession> {
    const { endpoint, reportWait = REPORT_WAIT } = this.#options;
    const session = new AwsSession(target, await this.#assumeRole(target, signal), { endpoint, reportWait, signal });
    try {
      await session.requireOwnAccount();
      return session;
    } catch (error) {
      session.close();
      throw error;
    }
  }

  async #assumeRole({ partition, awsId, externalId }: AccountTarget, abortSignal: AbortSignal): Promise<AwsKeys> {
    const { role, sessionName } = this.#options;
    try {
      const sdk = await import("@aws-sdk/client-sts");
      const reply = await this.#clientOf(partition, sdk).send(
        new sdk.AssumeRoleCommand({
          RoleArn: `arn:${partition}:iam::${awsId}:role/${role}`,
          RoleSessionName: sessionName,
          ExternalId: externalId,
          DurationSeconds: SESSION_SECONDS,
          Policy: JSON.stringify(READ_ONLY_POLICY),
        }),
        { abortSignal },
      );
      const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, SessionToken: sessionToken } = reply.Credentials ?? {};
      if (accessKeyId === undefined || secretAccessKey === undefined || sessionToken === undefined)
        throw noEvidence("aws_answer_is_malformed");
      return { accessKeyId, secretAccessKey, sessionToken };
    } catch (error) {
      // The role is not there, does not trust us, or wants another external id: AWS tells these apart for nobody.
      if (isNamed(error, "AccessDenied")) throw noEvidence("aws_role_denied");
      throw awsError(error);
    }
  }

  #clientOf(partition: Partition, sdk: typeof import("@aws-sdk/client-sts")): STSClient {
    const known = this.#clients.get(partition);
    if (known !== undefined) return known;
    const { endpoint, credentials, profiles } = this.#options;
    const profile = profiles?.[partition];
    const client = new sdk.STSClient({
      ...clientSettings(partition, "sts", endpoint),
      ...(profile === undefined ? {} : { profile }),
      ...(credentials === undefined ? {} : { credentials }),
    });
    this.#clients.set(partition, client);
    return client;
  }
}
