// real: the program and the command line, PostgreSQL, processes, HTTP, directories; double: nothing.
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { type Crew, found, importAccounts, newAccount } from "../../support/crew.js";
import { Program, removeHome } from "../../support/program.js";
import { runCli } from "../../support/run-cli.js";

const ACCOUNTS = [newAccount("123456789012"), newAccount("210987654321")];
/** Password and seed of each. */
const VERSIONS = ACCOUNTS.length * 2;

interface Ready {
  readonly isReady: boolean;
  readonly alerts: readonly string[];
}

describe("a service with a second store", () => {
  let parent = "";
  let directory = "";
  let place = "";
  let service: Program;
  let crew: Crew;

  before(async () => {
    parent = await mkdtemp(join(tmpdir(), "rootkeep-e2e-"));
    directory = join(parent, "data");
    place = join(parent, "copies");
    await mkdir(place, { mode: 0o700 });
    service = await Program.start({ directory });
    crew = await found(service.address, await service.invitations());
  });
  after(async () => {
    await (service as Program | undefined)?.kill();
    await removeHome(directory);
    await rm(parent, { recursive: true, force: true });
  });

  const environment = () => ({ ROOTKEEP_DATA_DIR: directory, ROOTKEEP_SECOND_STORE: `file:${place}` });
  const ready = async (): Promise<Ready> => (await (await fetch(`${service.address}/readyz`)).json()) as Ready;
  const alertsOnce = async (isThere: (alerts: readonly string[]) => boolean): Promise<Ready> => {
    for (;;) {
      const answer = await ready();
      if (isThere(answer.alerts)) return answer;
      await pause(300);
    }
  };
  const copies = async (): Promise<string[]> => {
    const files = await readdir(place, { recursive: true, withFileTypes: true });
    return files.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name));
  };
  const restart = async (): Promise<void> => {
    await service.stop();
    service = await Program.start({ directory, environment: { ROOTKEEP_SECOND_STORE: `file:${place}` } });
    for (const member of Object.values(crew)) member.moveTo(service.address);
  };
  const check = async (): Promise<{ status: number | null; report: Record<string, unknown>; stdout: string }> => {
    const { status, stdout, stderr } = await runCli(["second-store", "check", "--json"], { environment: environment() });
    assert.ok(stdout.startsWith("{"), stderr);
    return { status, stdout, report: JSON.parse(stdout) as Record<string, unknown> };
  };

  it("says on /readyz that L5 holds to the last backup alone where there is none, and is ready all the same", async () => {
    const { isReady, alerts } = await ready();
    assert.equal(isReady, true);
    assert.ok(alerts.includes("no-second-store"));
    await importAccounts(crew.cyd, ACCOUNTS);
  });

  it("copies nothing to a store that custodians have not approved, then everything, and says how far it is", async () => {
    await restart();
    const before = await ready();
    assert.ok(!before.alerts.includes("no-second-store"));
    assert.deepEqual(await copies(), []);
    const { digest } = (await crew.cyd.client.get("/v1/configuration")).members;
    await crew.cyd.approve(await crew.ben.ask({ operation: "config.approve", subject: { digest } }));
    await restart();
    while ((await copies()).length < VERSIONS) await pause(300);
    const { isReady } = await alertsOnce((alerts) => !alerts.includes("versions-uncopied"));
    assert.equal(isReady, true);
    const text = (await Promise.all((await copies()).map((file) => readFile(file, "utf8")))).join("");
    for (const { password } of ACCOUNTS) assert.ok(!text.includes(password));
  });

  it("stays ready while the store is away, and says so", async () => {
    await rename(place, `${place}.away`);
    await restart();
    const { isReady } = await alertsOnce((alerts) => alerts.includes("second-store-away"));
    assert.equal(isReady, true);
    assert.ok(service.events("second_store.unavailable").some(({ reason }) => reason === "second_store_is_not_there"));
    await rename(`${place}.away`, place);
    await service.stop();
  });

  it("is checked by the operator: everything there, then one missing, one changed, one unknown", async () => {
    const whole = await check();
    assert.equal(whole.status, 0, whole.stdout);
    assert.deepEqual(whole.report, { isWell: true, versions: VERSIONS, copies: VERSIONS, missing: [], changed: [], unknown: [], left: [] });
    const [first = "", second = ""] = await copies();
    await rm(first);
    await writeFile(second, (await readFile(second, "utf8")).replace('"partition":"aws"', '"partition":"aws-cn"'));
    await writeFile(join(place, "copies", "somebody"), "x");
    const { status, report } = await check();
    assert.equal(status, 1);
    assert.deepEqual(
      { ...report, missing: (report["missing"] as string[]).length, changed: (report["changed"] as string[]).length },
      { isWell: false, versions: VERSIONS, copies: VERSIONS - 2, missing: 2, changed: 2, unknown: [], left: [] },
    );
    const shown = await runCli(["second-store", "check"], { environment: environment() });
    assert.equal(shown.status, 1);
    assert.match(shown.stdout, /^4 versions are to have a copy; 2 copies are intact\n/);
    assert.match(shown.stdout, /^changed copies\/somebody$/m);
  });

  it("is not checked where there is none", async () => {
    const { status, stderr } = await runCli(["second-store", "check"], { environment: { ROOTKEEP_DATA_DIR: directory } });
    assert.notEqual(status, 0);
    assert.match(stderr, /ROOTKEEP_SECOND_STORE names no store that could be checked/);
  });
});
