import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { CATALOGUE_ROWS } from "../../../src/approvals/catalogue.js";
import { loadCatalogue } from "../../../src/approvals/load-catalogue.js";
import { requestHash } from "../../../src/approvals/request-body.js";
import { type ErrorCode, isRootkeepError } from "../../../src/kernel/errors.js";
import type { Id } from "../../../src/kernel/ids.js";
import { unusedCode } from "../../support/act-code.js";
import { blindTransactions, type Openers, openersOf } from "../../support/blind-rows.js";
import { DatabaseOwner } from "../../support/database-owner.js";
import { withClient } from "../../support/postgres.js";
import { type Actor, formOf, Vault } from "../../support/vault.js";

// real: PostgreSQL, every service. double: row checks, switched off so that the law's own guards are seen at work.
describe("what was approved is exactly what happens [L3]", () => {
  let vault: Vault;
  let owner: DatabaseOwner;
  let blind: Openers;
  let rita: Actor;
  let alan: Actor;
  let account: Id<"account">;
  let requestId: Id<"request">;
  let grantId: Id<"grant">;

  const refused = async (openers: Openers, code: ErrorCode): Promise<void> => {
    const opening = openers.reveals.reveal(rita, grantId, "root-password", await unusedCode(rita));
    await assert.rejects(opening, (error) => isRootkeepError(error, code));
  };
  const edited = async (table: string, sql: string, values: readonly unknown[], use: () => Promise<void>): Promise<void> => {
    const copy = await owner.copy(table);
    assert.equal(await owner.run(sql, values), 1);
    await use();
    await copy.putBack();
  };

  before(async () => {
    vault = await Vault.open();
    await vault.found();
    rita = await vault.enrol("Rita Requester", ["requester"]);
    alan = await vault.enrol("Alan Approver", ["approver"]);
    account = await vault.import("111122223333");
    ({ requestId, grantId } = await vault.grant(rita, [alan], account));
    owner = await DatabaseOwner.take(vault.database);
    blind = openersOf(vault, undefined, blindTransactions(vault));
  });
  after(async () => {
    await owner.close();
    await vault.drop();
  });

  it("gives the service no right to change a request, an approval or what a grant opens", async () => {
    await withClient(vault.database.connections.rootkeep_service, async (client) => {
      for (const sql of [
        "UPDATE approvals.request SET body = body",
        "UPDATE approvals.request SET hash = hash",
        "UPDATE approvals.request SET requester_id = requester_id",
        "UPDATE approvals.request SET account_id = account_id",
        "UPDATE approvals.approval SET statement = statement",
        "UPDATE approvals.approval SET verdict = verdict",
        "UPDATE approvals.access_grant SET versions = versions",
        "UPDATE approvals.access_grant SET holder_id = holder_id",
        "UPDATE approvals.access_grant SET expires_at = expires_at",
        "DELETE FROM approvals.request",
        "DELETE FROM approvals.approval",
      ]) {
        await assert.rejects(client.query(sql), { code: "42501" }, sql);
      }
    });
  });

  it("refuses a request whose text or hash was edited: they no longer belong together", async () => {
    const body = "UPDATE approvals.request SET body = replace(body, 'INC-42', 'INC-43') WHERE id = $1";
    await edited("approvals.request", body, [requestId], () => refused(blind, "ROW_REFUSED"));
    const hash = "UPDATE approvals.request SET hash = set_byte(hash, 0, get_byte(hash, 0) # 1) WHERE id = $1";
    await edited("approvals.request", hash, [requestId], () => refused(blind, "ROW_REFUSED"));
  });

  it("refuses a request whose text and hash were exchanged together: the approvals are of other words", async () => {
    const [row] = await owner.rows<{ body: string }>("SELECT body FROM approvals.request WHERE id = $1", [requestId]);
    const text = (row?.body ?? "").replace("INC-42", "INC-43");
    const both = "UPDATE approvals.request SET body = $2, hash = $3 WHERE id = $1";
    await edited("approvals.request", both, [requestId, text, requestHash(text)], () => refused(blind, "APPROVAL_REQUIRED"));
  });

  it("refuses when the account is no longer the one that was approved", async () => {
    const aws = "UPDATE accounts.account SET aws_id = '999900001111' WHERE id = $1";
    await edited("accounts.account", aws, [account], () => refused(blind, "STATE_CONFLICT"));
    const partition = "UPDATE accounts.account SET partition = 'aws-cn' WHERE id = $1";
    await edited("accounts.account", partition, [account], () => refused(blind, "STATE_CONFLICT"));
  });

  it("takes the stricter of the catalogue at submission and at use", async () => {
    const stricter = CATALOGUE_ROWS.map((row) =>
      row.slug === "billing-root-only" && row.approvals === 1 ? { ...row, approvals: 2 } : row,
    );
    await refused(openersOf(vault, loadCatalogue(stricter)), "APPROVAL_REQUIRED");
    const without = CATALOGUE_ROWS.filter((row) => row.slug !== "billing-root-only");
    await refused(openersOf(vault, loadCatalogue(without)), "STATE_CONFLICT");
  });

  it("opens what was approved, though today's catalogue asks for less", async () => {
    const laxer = loadCatalogue(
      CATALOGUE_ROWS.map((row) => (row.slug === "account-email-change" && row.approvals === 2 ? { ...row, approvals: 1 } : row)),
    );
    const other = await vault.import("444455556666");
    const form = formOf({ operation: "secret.reveal", accountId: other, purpose: "account-email-change", ticket: "INC-9" });
    const two = await vault.requests.submit(rita, form);
    const { requests } = openersOf(vault, laxer);
    const { state, needed } = await requests.approve(alan, two.requestId, await alan.app.next(), "");
    assert.deepEqual([state, needed], ["SUBMITTED", 2]);
    assert.equal(await vault.open(rita, grantId), "Tr0ub4dor-and-3-horses");
  });
});
