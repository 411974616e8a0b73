import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Approval } from "../../../src/approvals/approval.entity.js";
import { openingBytes, outcomeBytes } from "../../../src/approvals/request-body.js";
import type { ReadEntry } from "../../../src/audit/audit-reader.service.js";
import { parseCanonical } from "../../../src/audit/canonical-json.js";
import { entryExtras } from "../../../src/audit/entry.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { deriveEventId, type Id } from "../../../src/kernel/ids.js";
import { OPERATION_NAMES, ruleOf } from "../../../src/kernel/operations.js";
import { withClient } from "../../support/postgres.js";
import { type Actor, Vault } from "../../support/vault.js";

// real: PostgreSQL, file root key, every service. double: none.
describe("what is written down of an approval, an opening and a taking", () => {
  let vault: Vault;
  let ben: Actor;
  let rita: Actor;
  let account: Id<"account">;
  let requestId: Id<"request">;
  let grantId: Id<"grant">;
  let entries: readonly ReadEntry[];

  before(async () => {
    vault = await Vault.open();
    [, ben] = await vault.found();
    rita = await vault.enrol("Rita Requester", ["requester"]);
    const alan = await vault.enrol("Alan Approver", ["approver"]);
    account = await vault.import("111122223333");
    ({ requestId, grantId } = await vault.grant(rita, [alan], account));
    await vault.open(rita, grantId);
    await vault.reveals.code(rita, grantId, await rita.app.next());
    entries = await vault.reader.entries(0, 1_000);
  });
  after(() => vault.drop());

  const entryOf = (action: string, outcome: string): ReadEntry => {
    const found = entries.findLast(({ entry }) => entry.action === action && entry.outcome === outcome);
    if (found === undefined) throw new Error(`no entry ${action} ${outcome}`);
    return found;
  };
  const versionsOf = async (): Promise<Map<string, { state: string; exposure: string; id: string }>> =>
    new Map((await vault.secrets.ofAccount(account)).map(({ kind, versions: [version] }) => [kind, version as never]));

  it("an approval's statement names the request's hash, the person and the authenticator, and is stored [AS-1] [AS-5]", async () => {
    const { hash } = await vault.requests.read(requestId);
    const [approval] = await vault.transactions.peek((tx) => tx.readAll(Approval, { requestId }));
    assert.ok(approval !== undefined);
    const { challenge, ...rest } = parseCanonical(Buffer.from(approval.statement));
    assert.match(challenge as string, /^[0-9a-f]{64}$/);
    assert.deepEqual(rest, {
      format: "rk-statement-1",
      act: "approve",
      requestHash: hash,
      person: approval.personId,
      authenticator: approval.authenticatorId,
    });
  });

  it("an opening's statement stands in its intent, with grant, version and number [AS-4] [AS-5]", async () => {
    const { hash } = await vault.requests.read(requestId);
    const { details, target } = entryExtras(entryOf("secret.reveal", "intent").entry);
    const { act, requestHash, person, opening } = parseCanonical(Buffer.from(details?.["statement"] as string));
    assert.deepEqual([act, requestHash, person], ["open", hash, rita.personId]);
    assert.deepEqual(opening, { grant: grantId, number: 1, version: target?.id });
  });

  it("the statement of who took half an invitation stands in the entry that says so, with invitation and half [AS-6]", () => {
    const { entry } = entryOf("invitation.code", "allowed");
    const { details, target } = entryExtras(entry);
    const { id } = entry["request"] as { id: string };
    const submitted = entries.find((one) => one.entry.action === "request.submit" && entryExtras(one.entry).target?.id === id);
    assert.ok(submitted !== undefined);
    const { challenge, authenticator, ...rest } = parseCanonical(Buffer.from(details?.["statement"] as string));
    assert.match(challenge as string, /^[0-9a-f]{64}$/);
    assert.match(authenticator as string, /^aut_/);
    assert.deepEqual(rest, {
      format: "rk-statement-1",
      act: "take",
      requestHash: (submitted.entry["request"] as { hash: string }).hash,
      person: ben.personId,
      taking: { half: "code", invitation: target?.id },
    });
  });

  it("every act that takes a second factor leaves its statement, with authenticator and a challenge of its own: a passkey's place", async () => {
    // That of a review stands in break-glass.test.ts, where somebody breaks the glass; those of checklists in lifecycle/onboarding.test.ts.
    const actions = OPERATION_NAMES.filter((name) => ruleOf(name).stepUp && name !== "glass.review" && !name.startsWith("checklist."));
    const written = entries.filter(({ entry }) => entry.outcome === "intent" || entry.action.startsWith("invitation."));
    const told = new Map(written.map(({ entry }) => [entryExtras(entry).details?.["statement"] as string | undefined, entry.action]));
    for (const { statement } of await vault.transactions.peek((tx) => tx.readAll(Approval, {}))) told.set(statement, "request.approve");
    told.delete(undefined);
    assert.deepEqual([...new Set(told.values())].toSorted(), actions.toSorted());
    const statements = [...told.keys()].map((text) => parseCanonical(Buffer.from(text ?? "")));
    for (const { authenticator } of statements) assert.match(authenticator as string, /^aut_/);
    assert.equal(new Set(statements.map(({ challenge }) => challenge)).size, statements.length);
  });

  it("the intent's id is derived from grant, version and number, and the outcome's from the intent's [RQ-7]", () => {
    const intent = entryOf("secret.reveal", "intent").entry;
    const version = entryExtras(intent).target?.id ?? "";
    assert.equal(intent.id, deriveEventId(openingBytes(grantId, version, 1)));
    assert.equal(entryOf("secret.reveal", "allowed").entry.id, deriveEventId(outcomeBytes(intent.id)));
  });

  it("of a request the service can change nothing but its state [RQ-8]", async () => {
    await withClient(vault.database.connections.rootkeep_service, async (client) => {
      for (const column of ["body", "hash", "operation", "requester_id", "account_id", "person_id", "submitted_at", "expires_at"]) {
        const change = client.query(`UPDATE approvals.request SET ${column} = ${column}`);
        await assert.rejects(change, (error) => (error as { code?: unknown }).code === "42501", column);
      }
    });
  });

  it("an imported value is ACTIVE only after it was read back, and exposed from the start [VS-1] [VS-7] [VS-8]", () => {
    const staged = entryOf("account.import", "committed");
    const activated = entryOf("secret.activated", "committed");
    assert.ok(staged.seq < activated.seq);
    assert.equal(entryExtras(activated.entry).details?.["readBack"], true);
    const ids = (entryExtras(staged.entry).details?.["versions"] as { id: string }[]).map(({ id }) => id);
    assert.deepEqual(new Set(entryExtras(activated.entry).details?.["versions"] as string[]), new Set(ids));
  });

  it("an opened password is burnt by the entry that let it be opened; a seed stays what it was [VS-7]", async () => {
    const versions = await versionsOf();
    assert.deepEqual([versions.get("root-password")?.exposure, versions.get("mfa-seed")?.exposure], ["BURNT", "EXPOSED"]);
    const rows = entryExtras(entryOf("secret.reveal", "intent").entry).rows;
    assert.ok(rows.includes(`secret_version/${versions.get("root-password")?.id ?? ""}`));
  });

  it("a code's time step is taken by the entry that let it be given, and is not given again [VS-9]", async () => {
    const seed = (await versionsOf()).get("mfa-seed");
    assert.ok(entryExtras(entryOf("secret.code", "intent").entry).rows.includes(`secret_version/${seed?.id ?? ""}`));
    const { rows } = await withClient(vault.database.connections.rootkeep_service, (client) =>
      client.query<{ last_step: string | null }>("SELECT last_step FROM secrets.secret_version WHERE id = $1", [seed?.id]),
    );
    assert.ok(Number(rows[0]?.last_step) > 0);
    // In the same step of 30 seconds it has to wait; had the step just turned, the second code is another one.
    const again = await vault.reveals.code(rita, grantId, await rita.app.next()).then(
      () => "next step",
      (error: unknown) => (isRootkeepError(error, "CODE_WAIT") ? "wait" : String(error)),
    );
    assert.ok(["wait", "next step"].includes(again), again);
  });
});
