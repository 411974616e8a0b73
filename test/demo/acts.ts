import { readFile } from "node:fs/promises";
import { parse } from "csv-parse/sync";
import type { Answer } from "../../src/cli/answer.js";
import type { Released } from "../../src/cli/api-client.js";
import { releaseEnclosed } from "../../src/cli/delivery.js";
import { codeOfStep, fromBase32, stepAt } from "../support/totp.js";
import { type Cast, CUSTOMER } from "./cast.js";
import { check, DemoFailure, ok, refused } from "./say.js";

/** One line of the import file. */
export interface CsvAccount {
  readonly aws_account_id: string;
  readonly customer: string;
  readonly kind: string;
  readonly password: string;
  readonly mfa_seed: string;
}

/** A receipt of an opening: the entry that the vault wrote before it opened. */
export interface Receipt {
  readonly seq: number;
  readonly leaf: string;
}

const PURPOSE = "s3-bucket-policy-unlock";
const AWS_PERIOD_SECONDS = 30;

/** The import file as a person would read it. */
export async function readCsv(path: string): Promise<readonly CsvAccount[]> {
  return parse(await readFile(path), { columns: true }) as unknown as CsvAccount[];
}

/** Imports the file, and returns the registered accounts by AWS id. */
export async function importAccounts({ ada, finn }: Cast, path: string, rows: readonly CsvAccount[]): Promise<ReadonlyMap<string, Answer>> {
  const report = await ada.client.upload("/v1/imports", { onError: "reject" }, "text/csv", await readFile(path));
  const [read, imported, skipped] = [report.count("rows"), report.count("imported"), report.count("skipped")];
  check("every line of the file is imported", imported === rows.length && skipped === 0);
  const accounts = new Map<string, Answer>();
  for await (const account of finn.client.items("/v1/accounts")) accounts.set(account.text("awsId"), account);
  check(
    "every account of the file is registered",
    rows.every(({ aws_account_id: id }) => accounts.has(id)),
  );
  ok(`imported accounts.csv: ${String(read)} rows read, ${String(imported)} imported, ${String(skipped)} skipped`);
  return accounts;
}

/** What must not be: asking past ticket, purpose or allowlist. */
export async function refuseRequests({ cleo }: Cast, ours: string, foreign: string): Promise<void> {
  const opening = { operation: "secret.reveal", reason: "the bucket denies everyone", accountId: ours, purpose: PURPOSE };
  await refused("TICKET_INVALID", () => cleo.ask(opening));
  ok("refused: an opening without a ticket (TICKET_INVALID)");
  const { facts } = await refused("BETTER_WAY", () => cleo.ask({ ...opening, ticket: "OPS-7", purpose: "account-name-change" }));
  ok(`refused: a purpose that needs no root (BETTER_WAY); the vault says: ${String(facts["way"])}`);
  await refused("NOT_ALLOWLISTED", () => cleo.ask({ ...opening, ticket: "OPS-7", accountId: foreign }));
  ok(`refused: an account beyond Cleo's allowlist entry, which covers ${CUSTOMER} (NOT_ALLOWLISTED)`);
}

/** Asks, and has as many people approve as the purpose needs. @returns the grant's id. */
export async function obtainGrant({ cleo, dan, eve }: Cast, accountId: string): Promise<string> {
  const purposes = await cleo.client.get("/v1/purposes");
  const isOurs = ({ members: { slug, scope } }: Answer): boolean =>
    slug === PURPOSE && Array.isArray(scope) && scope.includes("standalone");
  const purpose = purposes.list("items").find(isOurs);
  if (purpose === undefined) throw new DemoFailure(`the catalogue has no purpose ${PURPOSE}`);
  const needed = purpose.count("approvals");
  check("the purpose needs at least one approver", needed >= 1 && needed <= 2);
  const requestId = await cleo.ask({
    operation: "secret.reveal",
    reason: "the bucket denies everyone",
    ticket: "OPS-1042",
    accountId,
    purpose: PURPOSE,
  });
  ok(`Cleo asks for ${PURPOSE} under ticket OPS-1042; the purpose needs ${String(needed)} approvals`);
  await refused("SELF_APPROVAL", () => cleo.approve(requestId));
  ok("refused: Cleo, an approver too, approving Cleo's own request (SELF_APPROVAL)");
  for (const [index, approver] of [dan, eve].slice(0, needed).entries()) {
    const request = await cleo.client.get(`/v1/requests/${requestId}`);
    check("there is no grant before the last approval", request.textOrNull("grantId") === null);
    const answer = await approver.approve(requestId);
    ok(`${approver.firstName} approves with a fresh code: ${String(index + 1)} of ${String(needed)}, request is ${answer.text("state")}`);
  }
  const grantId = (await cleo.client.get(`/v1/requests/${requestId}`)).textOrNull("grantId");
  if (grantId === null) throw new DemoFailure("the last approval made no grant");
  return grantId;
}

/** Opens the password and a code, each as it must be; what must be refused is. @returns the receipts of the openings. */
export async function open({ cleo }: Cast, grantId: string, row: CsvAccount): Promise<readonly Receipt[]> {
  const password = await cleo.withCode((code) =>
    releaseEnclosed(cleo.client, `/v1/grants/${grantId}/openings`, { kind: "root-password", code }),
  );
  check(
    "the opened password is the imported one",
    password.secret.expose((value) => value === row.password),
  );
  ok(`Cleo opens the password once: ${"•".repeat(12)} (${String(row.password.length)} characters, equal to the file's)`);
  ok(`it came as a JWE for a key of this one call, ${password.answer.text("deliveredTo")}; nothing on the way could read it`);
  await refused("GRANT_SPENT", () =>
    cleo.withCode((code) => releaseEnclosed(cleo.client, `/v1/grants/${grantId}/openings`, { kind: "root-password", code })),
  );
  ok("refused: opening it a second time under the same grant (GRANT_SPENT)");
  await refused("NOT_FOUND", () =>
    cleo.withCode((code) => releaseEnclosed(cleo.client, `/v1/grants/${grantId}/openings`, { kind: "mfa-seed", code })),
  );
  ok("refused: the MFA seed itself; of a seed only codes come out (NOT_FOUND)");

  const seed = fromBase32(row.mfa_seed);
  const before = stepAt(AWS_PERIOD_SECONDS, Date.now());
  const code = await cleo.withCode((fresh) => releaseEnclosed(cleo.client, `/v1/grants/${grantId}/codes`, { code: fresh }));
  const after = stepAt(AWS_PERIOD_SECONDS, Date.now());
  const isRight = code.secret.expose((value) => value === codeOfStep(seed, before) || value === codeOfStep(seed, after));
  check("the MFA code is that of the imported seed", isRight);
  ok(`Cleo gets the account's MFA code of this moment: ${code.secret.expose((value) => value)}, as computed here from the file's seed`);
  return [receiptOf(password), receiptOf(code)];
}

/** Check-in; from then on the password that was seen is burnt. */
export async function checkIn({ cleo }: Cast, grantId: string, accountId: string): Promise<void> {
  await cleo.client.post(`/v1/grants/${grantId}/returns`);
  const account = await cleo.client.get(`/v1/accounts/${accountId}`);
  check("the account is free again", account.textOrNull("checkedOutBy") === null);
  ok("Cleo checks the account in");
  await refused("APPROVAL_EXPIRED", () => cleo.withCode((code) => releaseEnclosed(cleo.client, `/v1/grants/${grantId}/codes`, { code })));
  const again = { operation: "secret.reveal", reason: "one more look at it", ticket: "OPS-1043", accountId, purpose: PURPOSE };
  await refused("BURNT", () => cleo.ask(again));
  ok("refused: the returned grant (APPROVAL_EXPIRED), and an ordinary purpose for the password that was seen (BURNT)");
}

function receiptOf({ receipt, answer }: Released): Receipt {
  if (receipt?.seq !== answer.count("intentSeq")) throw new DemoFailure("an opening came without the receipt of its entry");
  return receipt;
}
