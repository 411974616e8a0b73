// People who act over HTTP: three founders are enough for every part there is, so that a test enrols nobody and waits for few time steps.
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Answer } from "../../src/cli/answer.js";
import { ApiClient, type Released } from "../../src/cli/api-client.js";
import { releaseEnclosed } from "../../src/cli/delivery.js";
import { exportLog } from "../../src/cli/export-log.js";
import { type Refusal, RefusedError } from "../../src/cli/failure.js";
import type { Secret } from "../../src/kernel/secret.js";
import { runVerify } from "../../src/verify/main.js";
import type { Report } from "../../src/verify/report.js";
import { codeOfStep, parseOtpauth, stepAt, type TotpKey } from "./totp.js";

const TRIES = 5;

/** A receipt of an opening. */
export interface Receipt {
  readonly seq: number;
  readonly leaf: string;
}

/** One person with a password, an authenticator and a session. */
export class Member {
  readonly email: string;
  readonly password = randomBytes(18).toString("base64url");
  /** All that this person was given or chose and that must turn up nowhere. Codes stand apart: six digits turn up by chance. */
  readonly secrets: string[] = [this.password];
  readonly codes: string[] = [];
  id = "";
  client: ApiClient;
  #token: Secret<string> | undefined;
  #key: TotpKey | undefined;
  #lastStep = -1;

  constructor(
    readonly name: string,
    address: string,
  ) {
    this.email = `${name.toLowerCase().replaceAll(" ", ".")}@example.com`;
    this.client = new ApiClient(address, null);
  }

  /** The session's token, as it goes into a header. */
  get token(): string {
    return this.#token?.expose((token) => token) ?? "";
  }

  get visitor(): ApiClient {
    return new ApiClient(this.client.address, null);
  }

  /** The service has moved; the session is the same. */
  moveTo(address: string): void {
    this.client = new ApiClient(address, this.#token ?? null);
  }

  enrolAuthenticator({ secret, answer }: Released): void {
    secret.expose((uri) => {
      this.#key = parseOtpauth(uri);
      this.secrets.push(new URL(uri).searchParams.get("secret") ?? uri);
    });
    this.id = answer.text("personId");
  }

  /** A code that was not used before; waits for a time step where it must (the service takes one step to either side). */
  async code(): Promise<string> {
    const key = this.#key;
    if (key === undefined) throw new Error(`${this.name} has no authenticator`);
    const now = (): number => stepAt(key.periodSeconds, Date.now());
    // With steps of 30 s the one before is good for long enough, and three codes in a row need no waiting.
    const first = key.periodSeconds >= 30 ? now() - 1 : now();
    const step = Math.max(first, this.#lastStep + 1);
    while (now() + 1 < step) await new Promise((resolve) => setTimeout(resolve, 20));
    this.#lastStep = step;
    const code = codeOfStep(key.seed, step);
    this.codes.push(code);
    return code;
  }

  /** Runs `act` with a fresh code; again with a newer one where a busy machine was too late with it. */
  async withCode<T>(act: (code: string) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await act(await this.code());
      } catch (error) {
        const isLate = error instanceof RefusedError && ["STEP_UP_REQUIRED", "UNAUTHENTICATED"].includes(error.refusal.code);
        if (!isLate || tries === TRIES) throw error;
      }
    }
  }

  async signIn(): Promise<void> {
    const { email, password } = this;
    const { secret } = await this.withCode((code) => this.visitor.release("/v1/sessions", { email, password, code }, "token"));
    secret.expose((token) => this.secrets.push(token));
    this.#token = secret;
    this.moveTo(this.client.address);
  }

  async ask(fields: Readonly<Record<string, unknown>>): Promise<string> {
    return (await this.client.post("/v1/requests", { reason: "because the test says so", ...fields })).text("id");
  }

  async approve(requestId: string): Promise<Answer> {
    return await this.withCode((code) => this.client.post(`/v1/requests/${requestId}/approvals`, { code }));
  }

  /** Takes the link (who asked) or the code (who approved) of the invitation that a request has made. */
  async takeHalf(requestId: string, half: "link" | "code"): Promise<Released> {
    const field = half === "link" ? "token" : "code";
    return await this.withCode((code) => this.client.release(`/v1/requests/${requestId}/invitation-${half}`, { code }, field));
  }

  async open(grantId: string, kind = "root-password"): Promise<Released> {
    return await this.withCode((code) => releaseEnclosed(this.client, `/v1/grants/${grantId}/openings`, { kind, code }));
  }
}

/** Ada asks, Ben approves, Cyd audits; all three are custodians. */
export type Crew = Readonly<Record<"ada" | "ben" | "cyd", Member>>;

/** Founds the deployment with three custodians, who are then signed in. */
export async function found(address: string, invitations: readonly string[]): Promise<Crew> {
  const crew = { ada: new Member("Ada Quist", address), ben: new Member("Ben Okoro", address), cyd: new Member("Cyd Ilves", address) };
  const founders = Object.values(crew);
  if (invitations.length !== founders.length) throw new Error(`there are ${String(invitations.length)} invitations`);
  for (const [index, founder] of founders.entries()) {
    const token = invitations[index] ?? "";
    const { name, email, password, visitor } = founder;
    founder.secrets.push(token);
    founder.enrolAuthenticator(await visitor.release("/v1/founding/acceptances", { token, name, email, password }, "otpauth"));
    await founder.withCode((code) => visitor.post("/v1/founding/confirmations", { token, code }));
  }
  for (const founder of founders) await founder.signIn();
  return crew;
}

/** An allowlist entry for `member`, asked by one custodian and approved by another. */
export async function allow(
  asking: Member,
  approving: Member,
  member: Member,
  role: string,
  scope: object = { kind: "all" },
): Promise<void> {
  await approving.approve(await asking.ask({ operation: "allowlist.grant", subject: { personId: member.id, role, scope } }));
}

/** Gives each founder the part that they play: requester, approver, auditor. */
export async function castParts({ ada, ben, cyd }: Crew): Promise<void> {
  await allow(ben, cyd, ada, "requester");
  await allow(cyd, ada, ben, "approver");
  await allow(ada, ben, cyd, "auditor");
}

/** One account for an import. */
export interface ImportedAccount {
  readonly awsId: string;
  readonly password: string;
  readonly seed: string;
  readonly customer: string;
}

/** An account with a password and a seed that occur nowhere else. */
export function newAccount(awsId: string, customer = "Acme"): ImportedAccount {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const seed = Array.from(randomBytes(32), (byte) => letters.charAt(byte % 32)).join("");
  return { awsId, customer, password: `Pw1-${randomBytes(18).toString("base64url")}`, seed };
}

/** The import file of `accounts`. */
export function importFile(accounts: readonly ImportedAccount[]): string {
  const lines = accounts.map(
    ({ awsId, customer, password, seed }) => `${awsId},aws,standalone,${customer},root-${awsId}@example.com,${password},${seed}`,
  );
  return ["aws_account_id,partition,kind,customer,root_email,password,mfa_seed", ...lines, ""].join("\n");
}

/** Imports `accounts`. @returns our ids, in the same order. */
export async function importAccounts(custodian: Member, accounts: readonly ImportedAccount[]): Promise<readonly string[]> {
  await custodian.client.upload("/v1/imports", { onError: "reject" }, "text/csv", Buffer.from(importFile(accounts)));
  const ids = new Map<string, string>();
  for await (const account of custodian.client.items("/v1/accounts")) ids.set(account.text("awsId"), account.text("id"));
  return accounts.map(({ awsId }) => {
    const id = ids.get(awsId);
    if (id === undefined) throw new Error(`account ${awsId} was not imported`);
    return id;
  });
}

/** Ada asks for an account with a purpose that needs one approver, and Ben approves. @returns the grant's id. */
export async function obtainGrant({ ada, ben }: Crew, accountId: string, purpose = "billing-root-only"): Promise<string> {
  const requestId = await ada.ask({ operation: "secret.reveal", accountId, purpose, ticket: "OPS-42" });
  await ben.approve(requestId);
  const grantId = (await ada.client.get(`/v1/requests/${requestId}`)).textOrNull("grantId");
  if (grantId === null) throw new Error("the approval made no grant");
  return grantId;
}

/** Exports the whole log and verifies it offline, against receipts from elsewhere. @returns the report and the export's size. */
export async function verifyLog(auditor: Member, receipts: readonly Receipt[] = []): Promise<{ report: Report; size: number }> {
  const parent = await mkdtemp(join(tmpdir(), "rootkeep-export-"));
  try {
    const directory = join(parent, "export");
    const options = { directory, from: 0, hasDisclosures: true, tool: "test", created: new Date(), onProgress: () => undefined };
    const { origin, to } = await exportLog(auditor.client, options);
    const trust = join(parent, "trust.json");
    await writeFile(trust, JSON.stringify({ origin, head: receipts.map(({ seq, leaf }) => ({ size: seq + 1, leaf })) }));
    let text = "";
    await runVerify([directory, "--trust", trust, "--json", "--quiet"], { write: (part) => (text += part) }, { write: () => undefined });
    return { report: JSON.parse(text) as Report, size: to };
  } finally {
    await rm(parent, { recursive: true, force: true });
  }
}

/** How the service refuses `act`. @throws Error when it does not refuse. */
export async function refusalOf(act: Promise<unknown>): Promise<Refusal> {
  try {
    await act;
  } catch (error) {
    if (error instanceof RefusedError) return error.refusal;
    throw error;
  }
  throw new Error("the service did not refuse");
}

/** The code with which the service refuses `act`. @throws Error when it does not refuse. */
export async function refusal(act: Promise<unknown>): Promise<string> {
  return (await refusalOf(act)).code;
}
