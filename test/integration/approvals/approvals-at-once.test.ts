import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { MIGRATIONS } from "../../../migrations/index.js";
import { CATALOGUE } from "../../../src/approvals/catalogue.js";
import type { GuardedAct } from "../../../src/approvals/guarded-act.port.js";
import { Requests } from "../../../src/approvals/requests.service.js";
import { revealAct } from "../../../src/approvals/reveal-act.service.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import type { Id } from "../../../src/kernel/ids.js";
import { createTestDatabase, withClient } from "../../support/postgres.js";
import { type Actor, formOf, Vault } from "../../support/vault.js";

/** Resolves for everybody when `count` callers have come. */
function door(count: number): () => Promise<void> {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return async () => {
    if (--count === 0) open();
    await opened;
  };
}

// PostgreSQL looks for a circle of waiting transactions after `deadlock_timeout`, and ends one of them, which is then run again: nobody is
// refused, everybody waits. Here it looks too late, so that who waits in a circle runs into `lock_timeout` and is refused UNAVAILABLE.
// real: PostgreSQL, file root key, every service. double: doors around the reveal's terms, so that calls meet each other.
describe("approvals for one account, when others want it in the same moment", () => {
  let vault: Vault;
  let rita: Actor;
  let alan: Actor;
  let anna: Actor;

  before(async () => {
    const database = await createTestDatabase({ migrations: MIGRATIONS });
    await withClient(database.superuser, (client) => client.query(`ALTER DATABASE ${database.name} SET deadlock_timeout = '60s'`));
    vault = await Vault.open({ database });
    await vault.found();
    rita = await vault.enrol("Rita Requester", ["requester"]);
    alan = await vault.enrol("Alan Approver", ["approver"]);
    anna = await vault.enrol("Anna Approver", ["approver"]);
  });
  after(() => vault.drop());

  const engine = (termsNow: (reveal: GuardedAct, ...call: Parameters<GuardedAct["termsNow"]>) => ReturnType<GuardedAct["termsNow"]>) => {
    const reveal = revealAct(CATALOGUE, vault.secrets);
    const act = { ...reveal, termsNow: (...call: Parameters<GuardedAct["termsNow"]>) => termsNow(reveal, ...call) };
    return new Requests(vault.transactions, vault.people.stepUp, [act], {
      logOrigin: "rootkeep.test/audit/test/1",
      tickets: vault.ticketLooks,
    });
  };
  const ask = async (accountId: Id<"account">): Promise<Id<"request">> => {
    const form = formOf({ operation: "secret.reveal", accountId, purpose: "billing-root-only", ticket: "INC-42" });
    return (await vault.requests.submit(rita, form)).requestId;
  };
  const someoneWaits = async (): Promise<boolean> => {
    const waiting = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    return (await vault.dataSource.query<unknown[]>(waiting)).length > 0;
  };

  it("two of two requests queue for it: one grant, one CHECKED_OUT, and nobody waits in a circle", async () => {
    const account = await vault.import("111122223333");
    const together = door(2);
    const requests = engine(async (reveal, ...call) => {
      await together();
      return await reveal.termsNow(...call);
    });
    const [first, second] = [await ask(account), await ask(account)];
    const [one, other] = [await alan.app.next(), await anna.app.next()];
    const ends = await Promise.allSettled([requests.approve(alan, first, one, ""), requests.approve(anna, second, other, "")]);
    const refused = ends.flatMap((end): unknown[] => (end.status === "rejected" ? [end.reason] : []));
    assert.equal(refused.length, 1, refused.join());
    assert.ok(isRootkeepError(refused[0], "CHECKED_OUT"), String(refused[0]));
  });

  it("one of a second request and an opening under the grant of the first queue too, and the value is opened", async () => {
    const account = await vault.import("444455556666", { password: "Correct-horse-7-battery" });
    const { grantId } = await vault.grant(rita, [alan], account);
    const requestId = await ask(account);
    const [codeOfApprover, codeOfHolder] = [await anna.app.next(), await rita.app.next()];
    let opening: Promise<string> | undefined;
    const requests = engine(async (reveal, ...call) => {
      const terms = await reveal.termsNow(...call);
      // The approval holds what it may change; now comes the opening, and the approval goes on when that one waits for it.
      opening = vault.reveals
        .reveal(rita, grantId, "root-password", codeOfHolder)
        .then(({ value }) => value.expose((bytes) => bytes.toString("utf8")));
      opening.catch(() => undefined);
      for (let looks = 0; looks < 500 && !(await someoneWaits()); looks++) await sleep(5);
      return terms;
    });
    await assert.rejects(requests.approve(anna, requestId, codeOfApprover, ""), (error) => isRootkeepError(error, "CHECKED_OUT"));
    assert.equal(await opening, "Correct-horse-7-battery");
  });
});
