import type { AccountClient } from "@aws-sdk/client-account";
import type { IAMClient } from "@aws-sdk/client-iam";
import type { OrganizationsClient } from "@aws-sdk/client-organizations";
import {
  type AccountSummary,
  type AccountTarget,
  type AlternateContact,
  type AwsAccountSession,
  type ContactKind,
  ORGANIZATION_STATES,
  type OrganizationState,
  type RootReport,
} from "./aws-account.port.js";
import { awsError, isNamed, noEvidence } from "./aws-errors.js";
import { type AwsKeys, clientSettings } from "./client-settings.js";
import { parseRootReport } from "./credential-report.js";
import type { AskedService } from "./partition-endpoints.js";
import type { ReadOnlyAction } from "./read-only-policy.js";

/** How a credential report is waited for. */
export interface ReportWait {
  readonly forMs: number;
  /** Doubled after each look. */
  readonly firstPauseMs: number;
  /** Ends with the signal at the latest, and never fails. */
  readonly pause: (milliseconds: number, signal: AbortSignal) => Promise<unknown>;
}

export interface AwsSessionOptions {
  readonly endpoint: string | undefined;
  readonly reportWait: ReportWait;
  readonly signal: AbortSignal;
}

const REQUEST_ID = /^[0-9A-Za-z-]{8,64}$/;

/** A reply of the SDK's, as far as all are alike. */
interface Reply {
  readonly $metadata: { readonly requestId?: string | undefined };
}

/** One session in one account. Each client is made at its first call and forgotten with the session. */
export class AwsSession implements AwsAccountSession {
  readonly #requestIds: string[] = [];
  readonly #clients: { destroy(): void }[] = [];
  #keys: AwsKeys | null;
  #iamClient: IAMClient | undefined;
  #organizationsClient: OrganizationsClient | undefined;
  #account: AccountClient | undefined;

  constructor(
    private readonly target: AccountTarget,
    keys: AwsKeys,
    private readonly options: AwsSessionOptions,
  ) {
    this.#keys = keys;
  }

  get awsId(): string {
    return this.target.awsId;
  }

  get requestIds(): readonly string[] {
    return this.#requestIds;
  }

  close(): void {
    for (const client of this.#clients.splice(0)) client.destroy();
    this.#keys = null;
  }

  /**
   * Whoever answers for the role must be the account: evidence of another one, however good, says nothing about this.
   * @throws RootkeepError `EVIDENCE_UNAVAILABLE`, `aws_wrong_account`
   */
  async requireOwnAccount(): Promise<void> {
    const { partition, awsId } = this.target;
    const { Account: account, Arn: arn = "" } = await this.#call("sts:GetCallerIdentity", async (abortSignal) => {
      const sdk = await import("@aws-sdk/client-sts");
      const client = this.#kept(new sdk.STSClient(this.#settings("sts")));
      return await client.send(new sdk.GetCallerIdentityCommand({}), { abortSignal });
    });
    if (account !== awsId || !arn.startsWith(`arn:${partition}:sts::${awsId}:assumed-role/`)) throw noEvidence("aws_wrong_account");
  }

  async accountSummary(): Promise<AccountSummary> {
    const { SummaryMap: map = {} } = await this.#call("iam:GetAccountSummary", async (abortSignal) => {
      const { sdk, client } = await this.#iam();
      return await client.send(new sdk.GetAccountSummaryCommand({}), { abortSignal });
    });
    return {
      mfaEnabled: oneOrNone(map.AccountMFAEnabled),
      accessKeysPresent: oneOrNone(map.AccountAccessKeysPresent),
      signingCertificatesPresent: oneOrNone(map.AccountSigningCertificatesPresent),
      passwordPresent: oneOrNone(map.AccountPasswordPresent),
    };
  }

  async rootReport(): Promise<RootReport> {
    const { forMs, firstPauseMs, pause } = this.options.reportWait;
    for (let waited = 0, next = firstPauseMs; !(await this.#isReportMade()); next *= 2) {
      if (waited + next > forMs) throw noEvidence("aws_report_pending");
      await pause(next, this.options.signal);
      waited += next;
    }
    const { Content: content, GeneratedTime: time } = await this.#call("iam:GetCredentialReport", async (abortSignal) => {
      const { sdk, client } = await this.#iam();
      return await client.send(new sdk.GetCredentialReportCommand({}), { abortSignal });
    });
    return parseRootReport(content, time, this.target);
  }

  async managementAccount(): Promise<string | null> {
    const reply = await this.#call("organizations:DescribeOrganization", async (abortSignal) => {
      const { sdk, client } = await this.#organizations();
      return await client.send(new sdk.DescribeOrganizationCommand({}), { abortSignal }).catch((error: unknown) => {
        if (isNamed(error, "AWSOrganizationsNotInUseException")) return null;
        throw error;
      });
    });
    if (reply === null) return null;
    const id = reply.Organization?.MasterAccountId;
    if (id === undefined || !/^\d{12}$/.test(id)) throw noEvidence("aws_answer_is_malformed");
    return id;
  }

  async accountState(awsId: string): Promise<OrganizationState | null> {
    const reply = await this.#call("organizations:DescribeAccount", async (abortSignal) => {
      const { sdk, client } = await this.#organizations();
      return await client.send(new sdk.DescribeAccountCommand({ AccountId: awsId }), { abortSignal }).catch((error: unknown) => {
        if (isNamed(error, "AccountNotFoundException")) return null;
        throw error;
      });
    });
    if (reply === null) return null;
    if (reply.Account?.Id !== awsId) throw noEvidence("aws_answer_is_malformed");
    const state = reply.Account.State;
    return ORGANIZATION_STATES.find((known) => known === state) ?? null;
  }

  async alternateContact(kind: ContactKind): Promise<AlternateContact | null> {
    const reply = await this.#call("account:GetAlternateContact", async (abortSignal) => {
      const sdk = await import("@aws-sdk/client-account");
      this.#account ??= this.#kept(new sdk.AccountClient(this.#settings("account")));
      return await this.#account
        .send(new sdk.GetAlternateContactCommand({ AlternateContactType: kind }), { abortSignal })
        .catch((error: unknown) => {
          if (isNamed(error, "ResourceNotFoundException")) return null;
          throw error;
        });
    });
    if (reply === null) return null;
    const { Name: name = "", Title: title = "", EmailAddress: email = "", PhoneNumber: phone = "" } = reply.AlternateContact ?? {};
    return { name, title, email, phone };
  }

  async #isReportMade(): Promise<boolean> {
    const { State: state } = await this.#call("iam:GenerateCredentialReport", async (abortSignal) => {
      const { sdk, client } = await this.#iam();
      return await client.send(new sdk.GenerateCredentialReportCommand({}), { abortSignal });
    });
    return state === "COMPLETE";
  }

  async #iam(): Promise<{ sdk: typeof import("@aws-sdk/client-iam"); client: IAMClient }> {
    const sdk = await import("@aws-sdk/client-iam");
    this.#iamClient ??= this.#kept(new sdk.IAMClient(this.#settings("iam")));
    return { sdk, client: this.#iamClient };
  }

  async #organizations(): Promise<{ sdk: typeof import("@aws-sdk/client-organizations"); client: OrganizationsClient }> {
    const sdk = await import("@aws-sdk/client-organizations");
    this.#organizationsClient ??= this.#kept(new sdk.OrganizationsClient(this.#settings("organizations")));
    return { sdk, client: this.#organizationsClient };
  }

  #kept<Client extends { destroy(): void }>(client: Client): Client {
    this.#clients.push(client);
    return client;
  }

  #settings(service: AskedService) {
    if (this.#keys === null) throw new Error("the session is closed");
    return { ...clientSettings(this.target.partition, service, this.options.endpoint), credentials: this.#keys };
  }

  /** Every call goes through here, so that every failure is ours and none carries the SDK's error. */
  async #call<Result extends Reply | null>(action: ReadOnlyAction, send: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    try {
      const reply = await send(this.options.signal);
      const requestId = reply?.$metadata.requestId;
      if (requestId !== undefined && REQUEST_ID.test(requestId)) this.#requestIds.push(`${action} ${requestId}`);
      return reply;
    } catch (error) {
      throw awsError(error);
    }
  }
}

/** AWS counts in the summary; root has at most one of each that is said there. A number that is not there is not zero. */
function oneOrNone(count: number | undefined): boolean | null {
  if (count === undefined || !Number.isInteger(count) || count < 0) return null;
  return count > 0;
}
