// double: channels and people.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import type { Id } from "../../../src/kernel/ids.js";
import type { Channel } from "../../../src/notices/channel.port.js";
import type { Notice } from "../../../src/notices/notice.js";
import { Pager } from "../../../src/notices/pager.service.js";
import { KeepingChannel } from "../../support/notice-crew.js";

const PEOPLE: Readonly<Record<string, string | null>> = { per_ada: "ada@example.com", per_ben: null, per_cyd: "cyd@example.com" };
const NOTICE: Notice = {
  topic: "custodians.recovering",
  facts: {},
  audience: Object.keys(PEOPLE).map((person) => ({ person: person as Id<"person"> })),
};
const RECIPIENTS = {
  resolve: () => Promise.resolve(Object.keys(PEOPLE) as Id<"person">[]),
  addressOf: (person: string) => Promise.resolve(PEOPLE[person] ?? null),
};
const isUnaccepted = (error: unknown): boolean => isRootkeepError(error, "PAGE_UNACCEPTED");
const pager = (channels: readonly Channel[], recipients = RECIPIENTS): Pager =>
  new Pager(channels, recipients, { deployment: "test", publicUrl: null }, 200);

describe("a page to everybody", () => {
  it("reaches every room and every person, and names the channels that have accepted", async () => {
    const [room, mail, away] = [new KeepingChannel("webhook", false), new KeepingChannel("smtp", true), new KeepingChannel("slack", false)];
    away.isRefusing = true;
    assert.deepEqual(await pager([away, room, mail]).pageAll(NOTICE), ["webhook", "smtp"]);
    assert.deepEqual(room.topics(), ["custodians.recovering"]);
    assert.deepEqual(mail.addresses, ["ada@example.com", "cyd@example.com"]);
  });

  it("is refused where there is no channel, where none accepts, and where none does in time", async () => {
    const [away, slow] = [new KeepingChannel("webhook", false), new KeepingChannel("smtp", true)];
    away.isRefusing = true;
    slow.gate = new Promise(() => undefined);
    for (const channels of [[], [away], [away, slow]]) await assert.rejects(pager(channels).pageAll(NOTICE), isUnaccepted);
  });

  it("is refused where only people would hear of it and their rows are refused; a room hears of it all the same", async () => {
    const recipients = { ...RECIPIENTS, resolve: () => Promise.reject(new Error("rows are refused")) };
    const [room, mail] = [new KeepingChannel("webhook", false), new KeepingChannel("smtp", true)];
    await assert.rejects(pager([mail], recipients).pageAll(NOTICE), isUnaccepted);
    assert.deepEqual(await pager([room, mail], recipients).pageAll(NOTICE), ["webhook"]);
  });

  it("counts where one of many was reached in time", async () => {
    const mail = new KeepingChannel("smtp", true);
    const send = mail.send.bind(mail);
    mail.send = async (message, address) => {
      if (address === "cyd@example.com") await new Promise(() => undefined);
      await send(message, address);
    };
    assert.deepEqual(await pager([mail]).pageAll(NOTICE), ["smtp"]);
  });
});
