import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { AlarmNotices } from "../../../src/notices/alarm-notices.service.js";
import { KeepingChannel, type NoticeCrew, noticeCrew } from "../../support/notice-crew.js";
import { Vault } from "../../support/vault.js";

const HOUR_MS = 3_600_000;

// real: PostgreSQL, outbox, spreader, sender; double: the channel's other end, and the clock between two alarms.
describe("pages of alarms", () => {
  let vault: Vault;
  let room: KeepingChannel;
  let crew: NoticeCrew;
  let alarms: AlarmNotices;
  let now = 0;

  before(async () => {
    vault = await Vault.open();
    await vault.found();
  });
  after(() => vault.drop());
  beforeEach(() => {
    room = new KeepingChannel("webhook", false);
    crew = noticeCrew(vault, [room]);
    alarms = new AlarmNotices(vault.dataSource, [room], { deployment: "test", publicUrl: null }, () => now);
  });

  const refused = (id: string): Promise<void> => alarms.tell("row.refused", { table: "access_grant", id, reason: "mac" });
  const told = async (): Promise<(string | undefined)[]> => {
    await crew.turn();
    return room.taken.splice(0).map(({ message }) => message.facts.row ?? message.facts.code ?? message.facts.event);
  };

  it("go out once for each row, not once for each kind of alarm: a harmless edit does not hide the next one", async () => {
    await refused("grt_one");
    await refused("grt_two");
    for (let count = 0; count < 50; count++) await refused("grt_one");
    assert.deepEqual(await told(), ["access_grant/grt_one", "access_grant/grt_two"]);
    now += HOUR_MS;
    await refused("grt_one");
    assert.deepEqual(await told(), ["access_grant/grt_one"], "who still tries it an hour later is told of again");
  });

  it("are no flood: beyond ten in a minute one says that there are more, and the next minute has its own", async () => {
    now += HOUR_MS;
    for (let count = 0; count < 100; count++) await refused(`grt_${String(count)}`);
    const first = await told();
    assert.deepEqual([first.length, first.at(-1)], [11, "more-in-the-log"]);
    await alarms.tell("audit.chain_broken", { seq: 7 });
    assert.deepEqual(await told(), ["audit.chain_broken"], "another kind of alarm waits for none of them");
    now += 60_000;
    await refused("grt_50");
    assert.deepEqual(await told(), ["access_grant/grt_50"]);
  });

  it("name no more of a row than its table and id, and nothing that is not of the form of one", async () => {
    now += HOUR_MS;
    await alarms.tell("row.refused", {
      table: "person",
      id: "<https://evil.example|look>",
      reason: "mac",
      value: "Tr0ub4dor-and-3-horses",
    });
    await crew.turn();
    const text = room.taken.map(({ message }) => JSON.stringify(message)).join("");
    assert.ok(text.includes("(withheld)") && !text.includes("evil") && !text.includes("Tr0ub4dor"));
  });
});
