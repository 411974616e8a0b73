import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { BrakeLimits } from "../../src/approvals/opening-brake.service.js";
import { isRootkeepError } from "../../src/kernel/errors.js";
import type { Id } from "../../src/kernel/ids.js";
import { formOf, Vault } from "../support/vault.js";
import type { ChildTask, ChildWord } from "./child.js";
import { Closing, Scene } from "./scene.js";

const LIMITS: BrakeLimits = { person: 3, deployment: 5, windowMinutes: 60 };
const engaged = (error: unknown): boolean => isRootkeepError(error, "BRAKE_ENGAGED");

// real: PostgreSQL, service processes of their own, file root key, every service. double: none.
describe("the exfiltration brake", () => {
  const closing = new Closing();
  let scene: Scene;
  const grants: Id<"grant">[] = [];

  before(async () => {
    scene = await Scene.open({ accounts: 9, authenticators: 30, vault: { brake: LIMITS } });
    closing.add(() => scene.drop());
    for (let count = 0; count < 8; count++) grants.push((await scene.granted()).grantId);
  });
  after(() => closing.close());

  const nextWord = async (child: ChildProcess): Promise<ChildWord> => ((await once(child, "message")) as [ChildWord])[0];

  async function openInProcesses(grantIds: readonly Id<"grant">[]): Promise<ChildWord[]> {
    const { host, port, database, password } = scene.vault.database.connections.rootkeep_service;
    const { personId, sessionId } = scene.holder;
    const children = grantIds.map(() =>
      fork(fileURLToPath(new URL("./child.js", import.meta.url)), { env: { ...process.env, TMPDIR: scene.vault.directory } }),
    );
    try {
      await Promise.all(
        children.map(async (child, index) => {
          child.send({
            host,
            port,
            database,
            password: password?.expose((text) => text) ?? "",
            rootKeyUri: scene.vault.rootKey.uri,
            acting: { personId, sessionId },
            act: { grantId: grantIds[index]! },
            stopAt: null,
            after: 0,
            brake: LIMITS,
          } satisfies ChildTask);
          assert.equal((await nextWord(child)).word, "ready");
        }),
      );
      const codes: string[] = [];
      while (codes.length < children.length) codes.push(await scene.holder.app.next());
      const words = children.map(nextWord);
      children.forEach((child, index) => child.send(codes[index]!));
      return await Promise.all(words);
    } finally {
      for (const child of children) {
        child.kill("SIGKILL");
        if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
      }
    }
  }

  it("lets two service processes that race have only what is left, together", async () => {
    await scene.open(grants[0]!);
    await scene.open(grants[1]!);
    const words = await openInProcesses([grants[2]!, grants[3]!]);
    assert.deepEqual(words.map(({ word }) => word).sort(), ["answered", "refused"], JSON.stringify(words));
    assert.deepEqual(
      words.flatMap((said) => (said.word === "refused" ? [said.text] : [])),
      ["BRAKE_ENGAGED"],
    );
  });

  it("holds after a restart, whatever stands in tables: the log is counted", async () => {
    const replica = await Vault.open({ replicaOf: scene.vault, brake: LIMITS });
    try {
      // A grant that forgot its openings, and a raise out of nowhere, are refused as rows; nothing makes the log shorter.
      await assert.rejects(replica.reveals.reveal(scene.holder, grants[4]!, "root-password", await scene.holder.app.next()), engaged);
      await assert.rejects(replica.reveals.code(scene.holder, grants[4]!, await scene.holder.app.next()), engaged);
    } finally {
      await replica.close();
    }
  });

  it("says so in the log once for each time that it engages, pages custodians, and uses up neither grant nor password", async () => {
    const told = (await scene.assertWhole()).filter(({ action }) => action === "brake.engaged");
    assert.equal(told.length, 1);
    assert.deepEqual(
      [told[0]?.outcome, told[0]?.details?.["scope"], told[0]?.details?.["person"], told[0]?.details?.["limit"]],
      ["denied", "person", scene.holder.personId, 3],
    );
    const notices = await scene.vault.dataSource.query<{ audience: string }[]>(
      "SELECT audience FROM notices.notice WHERE topic = 'brake.engaged'",
    );
    assert.deepEqual(
      notices.map(({ audience }) => JSON.parse(audience) as unknown),
      [[{ role: "custodian", account: null, except: [] }]],
    );
    assert.equal((await scene.vault.grants.read(grants[4]!)).openings, "{}");
    const { accountId } = await scene.vault.grants.read(grants[4]!);
    assert.notEqual(await scene.exposure(accountId), "BURNT");
  });

  it("is raised for a time by two custodians, for one person, and the deployment's own limit still holds", async () => {
    const { personId } = scene.holder;
    const alone = formOf({ operation: "brake.raise", subject: { personId, openings: 6, minutes: 30 } });
    const { requestId } = await scene.vault.requests.submit(scene.custodian, alone);
    await assert.rejects(scene.vault.requests.approve(scene.custodian, requestId, await scene.custodian.app.next(), ""), (error) =>
      isRootkeepError(error, "SELF_APPROVAL"),
    );
    await assert.rejects(scene.open(grants[4]!), engaged);
    const second = scene.vault.custodians![1];
    await scene.vault.requests.approve(second, requestId, await second.app.next(), "");
    await scene.open(grants[4]!);
    await scene.open(grants[5]!);
    await assert.rejects(scene.open(grants[6]!), engaged);
    const scopes = (await scene.assertWhole()).filter(({ action }) => action === "brake.engaged").map(({ details }) => details?.["scope"]);
    assert.deepEqual(scopes, ["person", "deployment"]);
  });

  it("refuses a raise that is no number of openings for a time", async () => {
    for (const subject of [
      { openings: 0, minutes: 30 },
      { openings: 5, minutes: 1_441 },
      { openings: "many", minutes: 30 },
      { openings: 5 },
      { personId: "everybody", openings: 5, minutes: 30 },
    ]) {
      const form = formOf({ operation: "brake.raise", subject });
      await assert.rejects(scene.vault.requests.submit(scene.custodian, form), (error) => isRootkeepError(error, "MALFORMED"));
    }
  });
});
