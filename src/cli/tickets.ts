import { pathPart } from "./api-client.js";
import type { Command } from "./command.js";

/** The built-in board, and what is on its way into tickets. */
export const TICKET_COMMANDS: readonly Command[] = [
  {
    words: ["ticket", "list"],
    summary: "Lists the tickets of the built-in board.",
    options: { state: { kind: "text", value: "STATE", meaning: "OPEN or CLOSED; both unless told" } },
    async run(call) {
      const items = (await call.client()).items("/v1/tickets", { state: call.given.text("state") });
      await call.list(items, ["ticket", "state", "account", "title", "opened by", "opened", "closed"], ({ members: m }) => [
        m["reference"],
        m["state"],
        m["accountId"],
        m["title"],
        m["openedBy"],
        m["openedAt"],
        m["closedAt"],
      ]);
      return undefined;
    },
  },
  {
    words: ["ticket", "show"],
    summary: "Shows one ticket and what is written under it.",
    positionals: ["TICKET"],
    async run(call) {
      call.show(await (await call.client()).get(`/v1/tickets/${pathPart(call.given.positional("TICKET"))}`));
      return undefined;
    },
  },
  {
    words: ["ticket", "open"],
    summary: "Opens a ticket on the built-in board.",
    options: {
      account: { kind: "text", value: "ACCOUNT", meaning: "the account that it names; an opening needs a ticket that names its account" },
      series: { kind: "text", value: "LETTERS", meaning: "what stands before the number, such as INC; OPS unless told" },
      title: { kind: "text", value: "TEXT", meaning: "what it is about; no name of a person, and never a secret" },
    },
    async run(call) {
      const title = call.given.required("title");
      const form = { title, accountId: call.given.text("account"), series: call.given.text("series") };
      const answer = await (await call.client()).post("/v1/tickets", form);
      call.say(`opened ${answer.text("reference")} (entry ${String(answer.count("seq"))})`, answer.members);
      return undefined;
    },
  },
  {
    words: ["ticket", "comment"],
    summary: "Writes under a ticket of the built-in board.",
    positionals: ["TICKET"],
    options: { text: { kind: "text", value: "TEXT", meaning: "what is written; never a secret: all who sign in read it" } },
    async run(call) {
      const text = call.given.required("text");
      await (await call.client()).post(`/v1/tickets/${pathPart(call.given.positional("TICKET"))}/comments`, { text });
      call.say("written");
      return undefined;
    },
  },
  {
    words: ["ticket", "close"],
    summary: "Closes a ticket of the built-in board: nothing is asked for or opened by it any more.",
    positionals: ["TICKET"],
    async run(call) {
      await (await call.client()).post(`/v1/tickets/${pathPart(call.given.positional("TICKET"))}/closings`);
      call.say("closed");
      return undefined;
    },
  },
  {
    words: ["ticket-update", "list"],
    summary: "Lists changes of requests that could not be written to their tickets, or with --state WAITING those that wait.",
    options: { state: { kind: "text", value: "STATE", meaning: "DEAD (default), WAITING or SENT" } },
    async run(call) {
      const items = (await call.client()).items("/v1/ticket-updates", { state: call.given.text("state") });
      await call.list(items, ["update", "state", "ticket", "event", "thread", "attempts", "reason", "since"], ({ members: m }) => [
        m["id"],
        m["state"],
        m["reference"],
        m["event"],
        m["thread"],
        m["attempts"],
        m["reason"],
        m["createdAt"],
      ]);
      return undefined;
    },
  },
  {
    words: ["ticket-update", "retry"],
    summary: "Puts a change that was given up back in line, and with it what waits behind it.",
    positionals: ["UPDATE"],
    async run(call) {
      await (await call.client()).post(`/v1/ticket-updates/${pathPart(call.given.positional("UPDATE"))}/retries`);
      call.say("back in line");
      return undefined;
    },
  },
];
