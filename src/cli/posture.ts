import { setTimeout as pause } from "node:timers/promises";
import type { Answer } from "./answer.js";
import { type ApiClient, pathPart } from "./api-client.js";
import type { Command } from "./command.js";
import { LocalError } from "./failure.js";

const LOOK_MS = 1_000;
const WAIT_SECONDS = 120;

/** What AWS says about the root of accounts. */
export const POSTURE_COMMANDS: readonly Command[] = [
  {
    words: ["posture", "list"],
    summary: "Lists accounts by what AWS says about their root: the worst first, and among these those with the oldest evidence.",
    async run(call) {
      const items = (await call.client()).items("/v1/posture");
      await call.list(items, ["account", "AWS id", "customer", "secured", "verdict", "open", "taken", "stale"], ({ members: m }) => [
        m["account"],
        m["awsId"],
        m["customer"],
        m["secured"],
        m["verdict"],
        (m["open"] as readonly string[]).join(" "),
        m["takenAt"],
        m["isStale"],
      ]);
      return undefined;
    },
  },
  {
    words: ["posture", "show"],
    summary: "Shows the newest evidence of one account and its age, and the role and external id that it is asked by.",
    positionals: ["ACCOUNT"],
    async run(call) {
      call.show(await (await call.client()).get(pathOf(call.given.positional("ACCOUNT"))));
      return undefined;
    },
  },
  {
    words: ["posture", "take"],
    summary: "Has AWS asked about one account now, and waits for what comes of it.",
    positionals: ["ACCOUNT"],
    options: { "no-wait": { kind: "flag", meaning: "do not wait: the evidence comes by itself" } },
    notes: "Exit status 1 where no evidence came; what was known stays as it was.",
    async run(call) {
      const client = await call.client();
      const path = pathOf(call.given.positional("ACCOUNT"));
      const before = await client.get(path);
      const asked = await client.post(path);
      if (call.given.flag("no-wait")) {
        call.say(`asked for (entry ${String(asked.count("seq"))})`, asked.members);
        return undefined;
      }
      const after = await awaitTaken(client, path, before, (line) => void call.shell.stderr.write(line));
      call.show(after);
      return after.members["takenAt"] === before.members["takenAt"] ? 1 : undefined;
    },
  },
];

function pathOf(account: string): string {
  return `/v1/accounts/${pathPart(account)}/posture`;
}

/** Waits until there is newer evidence, or a newer failure. */
async function awaitTaken(client: ApiClient, path: string, before: Answer, say: (line: string) => void): Promise<Answer> {
  for (let waited = 0; waited < WAIT_SECONDS; waited++) {
    await pause(LOOK_MS);
    const now = await client.get(path);
    if (["takenAt", "failedAt"].some((name) => now.members[name] !== null && now.members[name] !== before.members[name])) return now;
    if (waited % 10 === 9) say(`waiting for AWS (${String(waited + 1)} s)\n`);
  }
  throw new LocalError("no answer came in two minutes; look again with: rootkeep posture show");
}
