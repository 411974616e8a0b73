import { versionsOf } from "./accounts.js";
import { Answer } from "./answer.js";
import { type ApiClient, pathPart } from "./api-client.js";
import type { Call, Command } from "./command.js";
import { UsageError } from "./failure.js";
import { REASON } from "./people.js";

const accountPath = (call: Call): string => `/v1/accounts/${pathPart(call.given.positional("ACCOUNT"))}`;

/** What a verdict rests on, as the options say. @throws UsageError unless it is one thing. */
export function evidenceOf(given: Call["given"]): Readonly<Record<string, unknown>> {
  const [personId, at, eventIds] = [given.text("signed-in"), given.text("at"), given.list("event")];
  const found = [
    ...(personId === undefined || at === undefined ? [] : [{ kind: "sign-in", personId, at }]),
    ...(eventIds.length === 0 ? [] : [{ kind: "cloudtrail", eventIds }]),
    ...(given.flag("never-shown") ? [{ kind: "never-shown" }] : []),
  ];
  const [evidence] = found;
  const isHalf = (personId === undefined) !== (at === undefined);
  if (evidence === undefined || found.length > 1 || isHalf) {
    throw new UsageError("name one evidence: --signed-in PERSON with --at TIME, --event ID, or --never-shown");
  }
  return evidence;
}

/** The value that succeeds an account's working one, from its staging to the verdict; and what is due. */
export const ROTATE_COMMANDS: readonly Command[] = [
  {
    words: ["rotate", "due"],
    summary: "Lists what is to be rotated, why, and since or until when.",
    async run(call) {
      const items = (await call.client()).items("/v1/rotations/due");
      await call.list(
        call.given.flag("json") ? items : reasonsOf(items),
        ["account", "AWS id", "kind", "version", "why", "due", "candidate", "its state"],
        ({ members: m }) => [m["accountId"], m["awsId"], m["kind"], m["versionId"], m["reason"], m["dueAt"], m["candidateId"], m["state"]],
      );
      return undefined;
    },
  },
  {
    words: ["rotate", "stage"],
    summary:
      "Stages a new password for an account: made, sealed, read back and copied before anybody can see it. With --mfa, a new device's seed.",
    positionals: ["ACCOUNT"],
    options: {
      mfa: { kind: "flag", meaning: "bring the seed of the new MFA device, as base32 or otpauth URI; it is asked for" },
      file: { kind: "text", value: "FILE", meaning: "with --mfa: take it from the first line of this file" },
    },
    notes:
      "Staging again gives the same one. To set it, ask for a purpose such as rotate-after-use, and open both: rootkeep reveal --candidate.",
    async run(call) {
      const client = await call.client();
      const path = `${accountPath(call)}/candidates`;
      const staged = call.given.flag("mfa") ? await bringSeed(call, client, path) : await client.post(path, { kind: "root-password" });
      call.say(`staged: ${staged.text("id")} (version ${String(staged.count("number"))})`, staged.members);
      return undefined;
    },
  },
  {
    words: ["rotate", "show"],
    summary: "Shows the values of an account that work, may work or worked: states and reports, never a value.",
    positionals: ["ACCOUNT"],
    async run(call) {
      const items = (await call.client()).items(`${accountPath(call)}/secrets`);
      await call.list(
        call.given.flag("json") ? items : versionsOf(items),
        ["kind", "version", "number", "state", "exposure", "ready", "to be set until", "report"],
        ({ members: m }) => [m["kind"], m["id"], m["number"], m["state"], m["exposure"], m["isReady"], m["deadline"], m["report"]],
      );
      return undefined;
    },
  },
  {
    words: ["rotate", "report"],
    summary: "Says whether you have set the candidate that you were shown. It is no proof: somebody else verifies it.",
    positionals: ["VERSION"],
    options: { outcome: { kind: "text", value: "OUTCOME", meaning: "applied, not-applied or unknown", isRequired: true } },
    async run(call) {
      const path = `/v1/candidates/${pathPart(call.given.positional("VERSION"))}/reports`;
      const answer = await (await call.client()).post(path, { outcome: call.given.required("outcome") });
      call.say(`noted: the candidate is ${answer.text("state")} (entry ${String(answer.count("seq"))})`, answer.members);
      return undefined;
    },
  },
  {
    words: ["rotate", "settle"],
    summary: "Asks for a verdict on a candidate; somebody else approves it, and neither was to set it.",
    positionals: ["VERSION"],
    options: {
      verdict: { kind: "text", value: "VERDICT", meaning: "works, does-not-work, or may-work for one that was given up", isRequired: true },
      "signed-in": { kind: "text", value: "PERSON", meaning: "who signed in with it, and was not to set it" },
      at: { kind: "text", value: "TIME", meaning: "when they did, RFC 3339" },
      event: { kind: "list", value: "ID", meaning: "id of a CloudTrail event that shows it; may be repeated" },
      "never-shown": { kind: "flag", meaning: "nobody was shown it" },
      reason: REASON,
    },
    async run(call) {
      const { given } = call;
      const subject = { versionId: given.positional("VERSION"), verdict: given.required("verdict"), evidence: evidenceOf(given) };
      const fields = { operation: "candidate.settle", reason: given.required("reason"), subject };
      const answer = await (await call.client()).post("/v1/requests", fields);
      const id = answer.text("id");
      call.say(`asked: ${id}; somebody else approves it with: rootkeep request approve ${id}`, answer.members);
      return undefined;
    },
  },
  {
    words: ["rotate", "suspect"],
    summary: "Says that a value may be known to whoever should not know it: its rotation is due at once.",
    positionals: ["ACCOUNT"],
    options: { kind: { kind: "text", value: "KIND", meaning: "root-password (default) or mfa-seed" } },
    async run(call) {
      const answer = await (await call.client()).post(`${accountPath(call)}/suspicions`, {
        kind: call.given.text("kind") ?? "root-password",
      });
      call.say(`noted (entry ${String(answer.count("seq"))}); rotate it: rootkeep rotate stage`, answer.members);
      return undefined;
    },
  },
];

/** One row for each reason. */
async function* reasonsOf(items: AsyncIterable<Answer>): AsyncGenerator<Answer, void, void> {
  for await (const item of items) {
    const candidate = item.members["candidate"] as { id?: unknown; state?: unknown } | null;
    for (const { members } of item.list("due"))
      yield new Answer({ ...item.members, ...members, candidateId: candidate?.id ?? null, state: candidate?.state ?? null });
  }
}

/** Sends the seed as bytes, which are wiped. */
async function bringSeed(call: Call, client: ApiClient, path: string): Promise<Answer> {
  const text = await call.ask("Seed of the new device (base32 or otpauth URI)", call.given.text("file"));
  const bytes = text.expose((seed) => Buffer.from(seed, "utf8"));
  try {
    return await client.upload(`${path}/mfa-seed`, {}, "application/octet-stream", bytes);
  } finally {
    bytes.fill(0);
  }
}
