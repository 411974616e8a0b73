// real: the program, PostgreSQL, a copy of its files as a backup, HTTP; double: nothing.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { startEmbeddedPostgres } from "../../../src/database/embedded-postgres.adapter.js";
import { AttackTally } from "../../support/attack-tally.js";
import { type Crew, castParts, found, importAccounts, newAccount, obtainGrant, refusal } from "../../support/crew.js";
import { withClient } from "../../support/postgres.js";
import { Program, removeHome } from "../../support/program.js";

const ACCOUNTS = [newAccount("123456789012"), newAccount("210987654321")];

/** Yesterday's backup put in the place of today's database; the guard lies beside it and was not restored. */
describe("a service over a restored backup [T11]", () => {
  let parent = "";
  let directory = "";
  let service: Program;
  let crew: Crew;
  let grantId = "";

  before(async () => {
    parent = await mkdtemp(join(tmpdir(), "rootkeep-e2e-"));
    directory = join(parent, "data");
    service = await Program.start({ directory });
    crew = await found(service.address, await service.invitations());
    await castParts(crew);
    const accountIds = await importAccounts(crew.ada, ACCOUNTS);
    grantId = await obtainGrant(crew, accountIds[0] ?? "");
    await service.stop();
    copy(join(directory, "postgres"), join(parent, "backup"));
    await start();
    await crew.ada.open(grantId);
    await crew.ada.client.post(`/v1/grants/${grantId}/returns`);
    await service.stop();
    await rm(join(directory, "postgres"), { recursive: true });
    copy(join(parent, "backup"), join(directory, "postgres"));
  });
  after(async () => {
    await (service as Program | undefined)?.kill();
    await removeHome(directory);
    await rm(parent, { recursive: true, force: true });
  });

  async function start(): Promise<void> {
    service = await Program.start({ directory });
    for (const member of Object.values(crew)) member.moveTo(service.address);
  }

  it("T11: says so within one start, and pages", async () => {
    await start();
    assert.match(service.output, /^ROLLBACK DETECTED: /m);
    const tally = new AttackTally("T11");
    tally.note("a start", service.events("audit.rollback_detected").length === 1 ? null : "says nothing");
    tally.assertHeld();
  });

  it("T11: opens nothing that was opened after the backup, appends nothing and is not ready", async () => {
    assert.equal(await refusal(crew.ada.open(grantId)), "ROLLBACK_DETECTED");
    assert.equal(
      await refusal(crew.ben.ask({ operation: "person.enrol", subject: { name: "Dot Dow", email: "dot@example.com" } })),
      "ROLLBACK_DETECTED",
    );
    const response = await fetch(new URL("/readyz", service.address));
    const { checks } = (await response.json()) as { checks: Record<string, { status: string; code?: string }> };
    assert.deepEqual([response.status, checks["guard"]], [503, { status: "failing", code: "ROLLBACK_DETECTED" }]);
  });

  it("T11: signs nothing: whoever signs two histories has no log any more", async () => {
    const halted = service.events("signer.halted");
    assert.deepEqual(
      halted.map(({ code }) => code),
      ["ROLLBACK_DETECTED"],
    );
    await service.stop();
  });
});

describe("a service over a log whose guards were altered [T25]", () => {
  it("T25: does not start while a trigger is off, and starts once it is on again", async () => {
    const parent = await mkdtemp(join(tmpdir(), "rootkeep-e2e-"));
    const directory = join(parent, "data");
    const alter = async (sql: string): Promise<void> => {
      const server = await startEmbeddedPostgres({ directory: join(directory, "postgres") });
      await withClient(server.superuser, (client) => client.query(sql)).finally(() => server.stop());
    };
    try {
      await (await Program.start({ directory })).stop();
      await alter("ALTER TABLE audit.entry DISABLE TRIGGER no_mutation");
      const { status, stderr } = await Program.fail({ directory });
      assert.equal(status, 1);
      assert.match(stderr, /the database is not safe: trigger no_mutation of audit\.entry is not enabled ALWAYS/);
      await alter("ALTER TABLE audit.entry ENABLE ALWAYS TRIGGER no_mutation");
      await (await Program.start({ directory })).stop();
    } finally {
      await removeHome(directory);
      await rm(parent, { recursive: true, force: true });
    }
  });
});

/** With owners and modes: PostgreSQL may run as another user than this program. */
function copy(from: string, to: string): void {
  const { status, stderr } = spawnSync("cp", ["-a", from, to]);
  assert.equal(status, 0, String(stderr));
}
