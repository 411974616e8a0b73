import { pathPart } from "./api-client.js";
import type { Command } from "./command.js";

/** Break-glass and its reviews, and messages that did not reach anybody. */
export const GLASS_COMMANDS: readonly Command[] = [
  {
    words: ["glass", "list"],
    summary: "Lists the uses of break-glass and their reviews.",
    async run(call) {
      const items = (await call.client()).items("/v1/glass", {});
      await call.list(items, ["use", "state", "account", "request", "grant", "review due", "overdue", "reviewed by"], ({ members: m }) => [
        m["id"],
        m["state"],
        m["accountId"],
        m["requestId"],
        m["grantId"],
        m["dueAt"],
        m["isOverdue"],
        m["reviewerId"],
      ]);
      return undefined;
    },
  },
  {
    words: ["glass", "review"],
    summary: "Closes the review of a break-glass; for a custodian who took no part. Asks for a fresh authenticator code.",
    positionals: ["USE"],
    options: { findings: { kind: "text", value: "TEXT", meaning: "what you found; the log commits to it", isRequired: true } },
    async run(call) {
      const findings = call.given.required("findings");
      const code = await call.ask("Authenticator code to close the review");
      const answer = await (await call.client()).post(`/v1/glass/${pathPart(call.given.positional("USE"))}/reviews`, { code, findings });
      call.say(`reviewed (entry ${String(answer.count("seq"))})`, answer.members);
      return undefined;
    },
  },
  {
    words: ["notice", "list"],
    summary: "Lists messages that were given up, or with --state WAITING those that wait.",
    options: { state: { kind: "text", value: "STATE", meaning: "DEAD (default), WAITING or SENT" } },
    async run(call) {
      const items = (await call.client()).items("/v1/notices", { state: call.given.text("state") });
      await call.list(items, ["message", "state", "topic", "channel", "recipient", "attempts", "reason", "since"], ({ members: m }) => [
        m["id"],
        m["state"],
        m["topic"],
        m["channel"],
        m["recipient"],
        m["attempts"],
        m["reason"],
        m["createdAt"],
      ]);
      return undefined;
    },
  },
  {
    words: ["notice", "retry"],
    summary: "Puts a message that was given up back in line.",
    positionals: ["MESSAGE"],
    async run(call) {
      await (await call.client()).post(`/v1/notices/${pathPart(call.given.positional("MESSAGE"))}/retries`);
      call.say("back in line");
      return undefined;
    },
  },
];
