import { randomBytes, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A credential of root; an inactive one is there all the same. */
export interface DoubleCredential {
  readonly isActive: boolean;
  readonly since: Date;
}

/** One account as AWS would know it. Change it, and the next answers are others. */
export interface DoubleAccount {
  readonly awsId: string;
  readonly partition: string;
  /** What the customer's trust policy asks for; null where there is no role for us. */
  externalId: string | null;
  hasMfa: boolean;
  passwordChanged: Date | null;
  accessKeys: DoubleCredential[];
  certificates: DoubleCredential[];
  /** Management account of its organization. */
  managementId: string | null;
  state: string;
  contacts: Record<string, { readonly Name: string; readonly Title: string; readonly EmailAddress: string; readonly PhoneNumber: string }>;
  /** Actions that the role does not allow. */
  denied: string[];
}

/** Answers of a call: a body, or the name of an error. */
type Reply = { readonly body: string; readonly type: string } | { readonly error: string; readonly status?: number };

interface IssuedSession {
  readonly account: DoubleAccount;
  readonly token: string;
  readonly actions: ReadonlySet<string>;
}

const XML = "text/xml";
const JSON_1_1 = "application/x-amz-json-1.1";
const HEADER =
  "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,mfa_active," +
  "access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service," +
  "access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service," +
  "cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated,additional_credentials_info";

/**
 * A double of AWS over real HTTP for what moto does not show of root: its row in the credential report, the numbers of the account summary,
 * external ids that are wrong, denied calls, and bad days. The real adapter and the real SDK talk to it; it passes the same contract. STS gives
 * sessions here only to whom the role trusts, and lets them do what their own policy and the role allow. Set its fields to break it.
 */
export class AwsDouble {
  /** So many calls are answered with Throttling first. */
  throttledCalls = 0;
  /** So many calls are answered with an error of AWS's own first. */
  failingCalls = 0;
  /** Takes requests and does not answer. */
  isSilent = false;
  latencyMs = 0;
  /** GetCallerIdentity names this account, and its ARN that one. */
  identityIs: string | null = null;
  identityArnIs: string | null = null;
  /** So many times a report is said to be in the making; Infinity for never made. */
  reportLooks = 1;
  /** Replaces the report. */
  alterReport: (report: string) => string = (report) => report;
  /** Members that the summary lacks. */
  readonly missingInSummary = new Set<string>();
  /** Operations answered, `service:Operation`, in order. */
  readonly calls: string[] = [];
  /** Keys and tokens that were given out: they must turn up nowhere. */
  readonly secrets: string[] = [];
  /** The most calls that were answered at the same time. */
  mostAtOnce = 0;
  readonly #accounts = new Map<string, DoubleAccount>();
  readonly #sessions = new Map<string, IssuedSession>();
  readonly #looks = new Map<string, number>();
  readonly #reports = new Map<string, string>();
  #atOnce = 0;
  readonly #server = createServer((request, response) => {
    void this.#serve(request, response);
  });

  static async start(): Promise<AwsDouble> {
    const double = new AwsDouble();
    await new Promise<void>((resolve) => double.#server.listen(0, "127.0.0.1", resolve));
    return double;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Makes an account that is as it should be, but for `changes`. */
  account(awsId: string, changes: Partial<DoubleAccount> = {}): DoubleAccount {
    const account: DoubleAccount = {
      awsId,
      partition: "aws",
      externalId: null,
      hasMfa: true,
      passwordChanged: new Date(),
      accessKeys: [],
      certificates: [],
      managementId: null,
      state: "ACTIVE",
      contacts: {},
      denied: [],
      ...changes,
    };
    this.#accounts.set(awsId, account);
    return account;
  }

  /** AWS makes a report at most every four hours, and gives the same until then; from now on there is none. */
  forgetReports(): void {
    this.#looks.clear();
    this.#reports.clear();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (this.isSilent) return;
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#atOnce);
    if (this.latencyMs > 0) await new Promise((resolve) => setTimeout(resolve, this.latencyMs).unref());
    this.#atOnce--;
    const asked = askedOf(request, Buffer.concat(chunks).toString("utf8"));
    const reply = this.#answer(asked, request);
    response.setHeader("x-amzn-requestid", randomUUID());
    if ("body" in reply) {
      response.setHeader("content-type", reply.type);
      response.end(reply.body);
      return;
    }
    const token = String(request.headers["x-amz-security-token"]);
    const { error, status = 400 } = reply;
    response.statusCode = status;
    const message = `leaky message about ${token}`;
    if (asked.service === "sts" || asked.service === "iam") {
      response.setHeader("content-type", XML);
      response.end(`<ErrorResponse><Error><Type>Sender</Type><Code>${error}</Code><Message>${message}</Message></Error></ErrorResponse>`);
    } else {
      response.setHeader("content-type", JSON_1_1);
      response.setHeader("x-amzn-errortype", error);
      response.end(JSON.stringify({ __type: error, message }));
    }
  }

  #answer(asked: Asked, request: IncomingMessage): Reply {
    const isQuery = asked.service === "sts" || asked.service === "iam";
    if (this.throttledCalls > 0) {
      this.throttledCalls--;
      return { error: isQuery ? "Throttling" : "TooManyRequestsException" };
    }
    if (this.failingCalls > 0) {
      this.failingCalls--;
      return { error: isQuery ? "ServiceFailure" : "ServiceException", status: 500 };
    }
    const signed = /Credential=([^/]+)\/\d{8}\/[a-z0-9-]+\/([a-z]+)\/aws4_request/.exec(String(request.headers.authorization));
    // Whoever signs for another service is refused, as AWS does.
    if (signed?.[2] !== asked.service) return { error: "SignatureDoesNotMatch", status: 403 };
    const action = `${asked.service}:${asked.operation}`;
    this.calls.push(action);
    if (action === "sts:AssumeRole") return this.#assumeRole(asked.parameters);
    const session = this.#sessions.get(signed[1] ?? "");
    if (session === undefined || request.headers["x-amz-security-token"] !== session.token)
      return { error: "InvalidClientTokenId", status: 403 };
    const isAllowed = session.actions.has(action) && !session.account.denied.includes(action);
    if (!isAllowed) return { error: isQuery ? "AccessDenied" : "AccessDeniedException", status: 403 };
    return this.#answerIn(session.account, asked);
  }

  #assumeRole(parameters: URLSearchParams): Reply {
    const [, partition = "", awsId = "", role] = /^arn:([a-z-]+):iam::(\d{12}):role\/(.+)$/.exec(parameters.get("RoleArn") ?? "") ?? [];
    const account = this.#accounts.get(awsId);
    const isTrusted = account?.externalId != null && account.externalId === parameters.get("ExternalId") && account.partition === partition;
    if (!isTrusted || role === undefined) return { error: "AccessDenied", status: 403 };
    const policy = JSON.parse(parameters.get("Policy") ?? "{}") as { Statement?: { Action: string[] }[] };
    const [key, secret, token] = [
      `ASIA${randomBytes(8).toString("hex").toUpperCase()}`,
      randomBytes(20).toString("hex"),
      randomBytes(60).toString("base64"),
    ];
    this.secrets.push(key, secret, token);
    this.#sessions.set(key, { account, token, actions: new Set(policy.Statement?.flatMap(({ Action }) => Action)) });
    return xml(
      "AssumeRole",
      `<Credentials><AccessKeyId>${key}</AccessKeyId><SecretAccessKey>${secret}</SecretAccessKey><SessionToken>${token}</SessionToken>` +
        `<Expiration>${new Date(Date.now() + 900_000).toISOString()}</Expiration></Credentials>`,
    );
  }

  #answerIn(account: DoubleAccount, { service, operation, json }: Asked): Reply {
    switch (`${service}:${operation}`) {
      case "sts:GetCallerIdentity": {
        const [id, inArn] = [this.identityIs ?? account.awsId, this.identityArnIs ?? account.awsId];
        return xml(
          operation,
          `<Account>${id}</Account><Arn>arn:${account.partition}:sts::${inArn}:assumed-role/R/s</Arn><UserId>AROA:s</UserId>`,
        );
      }
      case "iam:GetAccountSummary":
        return xml(operation, `<SummaryMap>${this.#summaryOf(account)}</SummaryMap>`);
      case "iam:GenerateCredentialReport":
        return xml(operation, `<State>${this.#makeReport(account) ? "COMPLETE" : "STARTED"}</State>`);
      case "iam:GetCredentialReport": {
        const report = this.#reports.get(account.awsId);
        if (report === undefined) return { error: "ReportNotPresent", status: 410 };
        const content = Buffer.from(this.alterReport(report), "utf8").toString("base64");
        const time = new Date().toISOString();
        return xml(operation, `<Content>${content}</Content><ReportFormat>text/csv</ReportFormat><GeneratedTime>${time}</GeneratedTime>`);
      }
      case "organizations:DescribeOrganization":
        if (account.managementId === null) return { error: "AWSOrganizationsNotInUseException" };
        return { type: JSON_1_1, body: JSON.stringify({ Organization: { Id: "o-exampleorg1", MasterAccountId: account.managementId } }) };
      case "organizations:DescribeAccount":
        return this.#describeAccount(account, String(json["AccountId"]));
      case "account:GetAlternateContact": {
        const contact = account.contacts[String(json["AlternateContactType"])];
        if (contact === undefined) return { error: "ResourceNotFoundException", status: 404 };
        return { type: "application/json", body: JSON.stringify({ AlternateContact: contact }) };
      }
      default:
        return { error: "InvalidAction" };
    }
  }

  #makeReport(account: DoubleAccount): boolean {
    const looks = (this.#looks.get(account.awsId) ?? 0) + 1;
    this.#looks.set(account.awsId, looks);
    if (looks <= this.reportLooks) return false;
    if (!this.#reports.has(account.awsId)) this.#reports.set(account.awsId, reportOf(account));
    return true;
  }

  #describeAccount(account: DoubleAccount, awsId: string): Reply {
    if (account.managementId === null) return { error: "AWSOrganizationsNotInUseException" };
    if (account.managementId !== account.awsId) return { error: "AccessDeniedException" };
    const member = this.#accounts.get(awsId);
    if (member?.managementId !== account.awsId) return { error: "AccountNotFoundException" };
    return { type: JSON_1_1, body: JSON.stringify({ Account: { Id: awsId, State: member.state, Status: "ACTIVE" } }) };
  }

  #summaryOf({ hasMfa, accessKeys, certificates, passwordChanged }: DoubleAccount): string {
    const entries = {
      Users: 3,
      AccountMFAEnabled: hasMfa ? 1 : 0,
      AccountAccessKeysPresent: accessKeys.length > 0 ? 1 : 0,
      AccountSigningCertificatesPresent: certificates.length > 0 ? 1 : 0,
      AccountPasswordPresent: passwordChanged === null ? 0 : 1,
    };
    return Object.entries(entries)
      .filter(([name]) => !this.missingInSummary.has(name))
      .map(([name, value]) => `<entry><key>${name}</key><value>${String(value)}</value></entry>`)
      .join("");
  }
}

interface Asked {
  readonly service: "sts" | "iam" | "organizations" | "account";
  readonly operation: string;
  readonly parameters: URLSearchParams;
  readonly json: Readonly<Record<string, unknown>>;
}

function askedOf(request: IncomingMessage, body: string): Asked {
  const target = request.headers["x-amz-target"];
  const none = new URLSearchParams();
  if (typeof target === "string") {
    return { service: "organizations", operation: target.split(".")[1] ?? "", parameters: none, json: JSON.parse(body) as Asked["json"] };
  }
  if (request.url === "/getAlternateContact") {
    return { service: "account", operation: "GetAlternateContact", parameters: none, json: JSON.parse(body) as Asked["json"] };
  }
  const parameters = new URLSearchParams(body);
  const service = parameters.get("Version") === "2010-05-08" ? "iam" : "sts";
  return { service, operation: parameters.get("Action") ?? "", parameters, json: {} };
}

function xml(operation: string, content: string): Reply {
  const body = `<${operation}Response><${operation}Result>${content}</${operation}Result></${operation}Response>`;
  return { type: XML, body };
}

/** The report of AWS, with a user whose name would shift columns for whoever counts commas. */
function reportOf({ awsId, partition, hasMfa, passwordChanged, accessKeys, certificates }: DoubleAccount): string {
  const time = (date: Date): string => date.toISOString().replace(/\.\d{3}Z$/, "+00:00");
  const key = (at: number): string[] => {
    const found = accessKeys[at];
    return [found?.isActive === true ? "true" : "false", found === undefined ? "N/A" : time(found.since), "N/A", "N/A", "N/A"];
  };
  const certificate = (at: number): string[] => {
    const found = certificates[at];
    return [found?.isActive === true ? "true" : "false", found === undefined ? "N/A" : time(found.since)];
  };
  const password = passwordChanged === null ? ["false", "N/A", "N/A"] : ["true", "no_information", time(passwordChanged)];
  const row = [
    "<root_account>",
    `arn:${partition}:iam::${awsId}:root`,
    "2019-03-01T09:12:44+00:00",
    ...password,
    "not_supported",
    hasMfa ? "true" : "false",
    ...key(0),
    ...key(1),
    ...certificate(0),
    ...certificate(1),
    "",
  ];
  const user = `smith,true,arn:${partition}:iam::${awsId}:user/smith,2020-01-01T00:00:00+00:00,${"N/A,".repeat(18)}N/A`;
  return [HEADER, row.join(","), user].join("\n");
}
