import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { Id } from "../../src/kernel/ids.js";
import { Authenticator } from "../../src/people/authenticator.entity.js";
import { type Actor, formOf, Vault } from "../support/vault.js";
import type { StepTask, StepWord } from "./step-caller.js";
import { tally, times } from "./tally.js";

const PROGRAMS = 2;
const APPROVALS = 40;
const OPENINGS = 10;
const CALLERS = PROGRAMS * (APPROVALS + OPENINGS);
const ROUNDS = times(1, 5);
/** What a caller hears whose time step somebody else has used: that, or that they have tried too often, or that they waited too long. */
const TOO_LATE = ["STEP_UP_REQUIRED", "LOCKED_OUT", "UNAVAILABLE"];

// real: two service programs over one PostgreSQL, file root key, every service. double: none.
describe("one time step of one person's authenticator", () => {
  let vault: Vault;
  let ada: Actor;
  let alan: Actor;
  let carl: Actor;
  before(async () => {
    vault = await Vault.open();
    [ada] = await vault.found();
    alan = await vault.enrol("Alan Approver", ["approver"]);
    carl = await vault.enrol("Carl Caller", ["custodian", "requester"]);
  });
  after(() => vault.drop());

  /** Requests of Ada's that Carl may approve, each a change of its own. */
  async function requests(count: number): Promise<Id<"request">[]> {
    const ids: Id<"request">[] = [];
    for (let index = 0; index < count; index++) {
      const scope = { kind: "customer", values: [`C${String(index)}`] };
      const form = formOf({ operation: "allowlist.grant", subject: { personId: alan.personId, role: "requester", scope } });
      ids.push((await vault.requests.submit(ada, form)).requestId);
    }
    return ids;
  }

  async function start(task: Pick<StepTask, "approve" | "open">): Promise<ChildProcess> {
    const { host, port, database, password } = vault.database.connections.rootkeep_service;
    const child = fork(fileURLToPath(new URL("./step-caller.js", import.meta.url)), { env: { ...process.env, TMPDIR: vault.directory } });
    const facts = { host, port, database, password: password?.expose((text) => text) ?? "", rootKeyUri: vault.rootKey.uri };
    child.send({ ...facts, ...task, acting: { personId: carl.personId, sessionId: carl.sessionId } } satisfies StepTask);
    assert.equal((await wordOf(child)).word, "ready");
    return child;
  }

  async function wordOf(child: ChildProcess): Promise<StepWord> {
    return ((await once(child, "message")) as [StepWord])[0];
  }

  /** The last time step that Carl's app was believed for; the row of his password has none. */
  async function lastStep(): Promise<number> {
    const [app] = await vault.transactions.peek((tx) => tx.readAll(Authenticator, { personId: carl.personId, kind: "totp" }));
    assert.ok(app !== undefined && app.lastStep !== null);
    return Number(app.lastStep);
  }

  it(`serves one of ${String(CALLERS)} callers on two services, whatever each of them wants it for`, async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const account = await vault.import(String(111122223333 + round));
      const { grantId } = await vault.grant(carl, [alan], account);
      const asked = await requests(PROGRAMS * APPROVALS);
      const children = await Promise.all(
        Array.from({ length: PROGRAMS }, (_, index) =>
          start({ approve: asked.slice(index * APPROVALS, (index + 1) * APPROVALS), open: { grantId, times: OPENINGS } }),
        ),
      );
      try {
        const { size } = await vault.reader.head();
        const used = await lastStep();
        const code = await carl.app.next();
        const words = children.map((child) => wordOf(child));
        for (const child of children) child.send(code);
        const ends = (await Promise.all(words)).flatMap((word) => (word.word === "ended" ? word.ends : []));
        assert.equal(ends.length, CALLERS);
        assert.equal(ends.filter((end) => end === "won").length, 1, ends.join());
        assert.deepEqual(
          [...new Set(ends)].filter((end) => end !== "won" && !TOO_LATE.includes(end)),
          [],
        );

        // What the log says is what happened: one act of Carl's, with one statement; nothing of the other ninety-nine.
        const entries = (await vault.reader.entries(size, 1_000)).map(({ entry }) => entry);
        const acts = entries.filter(({ action, outcome }) => action === "request.approve" || outcome === "intent");
        assert.equal(acts.length, 1);
        assert.ok((await lastStep()) > used, "the step is used up");
        tally("one time step", { tried: 1, calls: CALLERS });
      } finally {
        for (const child of children) child.kill("SIGKILL");
      }
      await vault.grants.giveBack(carl, grantId);
      // Ninety-nine wrong codes lock Carl out for a while; the next round is not about that.
      await vault.dataSource.query("DELETE FROM people.signin_failure");
    }
  });
});
