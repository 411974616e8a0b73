import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import type { Answer } from "./answer.js";
import { pathPart } from "./api-client.js";
import type { OptionRow } from "./arguments.js";
import type { Call, Command } from "./command.js";
import { LocalError } from "./failure.js";
import { printable } from "./output.js";
import { ask } from "./people.js";
import { renderChecklist } from "./render-checklist.js";

const REASON = {
  kind: "text",
  value: "TEXT",
  meaning: "why; custodians see it, and the log commits to it",
  isRequired: true,
} as const satisfies OptionRow;
const ORDER = {
  kind: "text",
  value: "FILE",
  meaning: "the customer's written order; its SHA-256 is sent, the file is not",
  isRequired: true,
} as const satisfies OptionRow;
const TWO = "One custodian asks, another approves: the account changes with the approval.";

/** The life of an account: taking over, closing, handing back, and the steps of each. */
export const LIFECYCLE_COMMANDS: readonly Command[] = [
  {
    words: ["account", "onboard"],
    summary: "Begins the takeover of an account. Asks for a fresh authenticator code.",
    positionals: ["ACCOUNT"],
    options: {
      authorisation: {
        kind: "text",
        value: "FILE",
        meaning:
          "the customer's signed authorisation; its SHA-256 is sent. Only for an account that was imported as in use it may be left out",
      },
    },
    async run(call) {
      const client = await call.client();
      const file = call.given.text("authorisation");
      const document = file === undefined ? null : await sha256Of(file);
      const code = await call.ask("Authenticator code to begin");
      const form = { document, code };
      const answer = await client.post(`/v1/accounts/${pathPart(call.given.positional("ACCOUNT"))}/checklists`, form);
      call.say(
        `begun: ${answer.text("id")} (entry ${String(answer.count("seq"))}); what to do: rootkeep account steps ${answer.text("id")}`,
        answer.members,
      );
      return undefined;
    },
  },
  {
    words: ["account", "close"],
    summary: "Asks to close an account on the customer's order.",
    positionals: ["ACCOUNT"],
    options: { order: ORDER, reason: REASON },
    notes: `${TWO} It must not be checked out.`,
    async run(call) {
      return await move(call, "closing", { document: await sha256Of(call.given.required("order")) });
    },
  },
  {
    words: ["account", "handback"],
    summary: "Asks to hand an account back to the customer.",
    positionals: ["ACCOUNT"],
    options: {
      order: ORDER,
      target: {
        kind: "text",
        value: "TARGET",
        meaning: "organization (of the customer's), standalone, or whole-organization (with the organization that it manages)",
        isRequired: true,
      },
      reason: REASON,
    },
    notes: `${TWO} What is open of it ends then, and only release-handback opens.`,
    async run(call) {
      const document = await sha256Of(call.given.required("order"));
      return await move(call, "releasing", { document, target: call.given.required("target") });
    },
  },
  {
    words: ["account", "move"],
    summary: "Asks to move an account in its life where no checklist does.",
    positionals: ["ACCOUNT"],
    options: {
      to: {
        kind: "text",
        value: "STATE",
        meaning: "quarantined, rotating, active (settled, or the order taken back), reopening, sealed_final or abandoned",
        isRequired: true,
      },
      reason: REASON,
    },
    notes: TWO,
    async run(call) {
      return await move(call, call.given.required("to"), {});
    },
  },
  {
    words: ["account", "checklists"],
    summary: "Lists the checklists of an account.",
    positionals: ["ACCOUNT"],
    async run(call) {
      const items = (await call.client()).items(`/v1/accounts/${pathPart(call.given.positional("ACCOUNT"))}/checklists`);
      await call.list(items, ["checklist", "kind", "state", "custody", "target", "begun", "by", "ended"], ({ members: m }) => [
        m["id"],
        m["kind"],
        m["state"],
        m["custody"],
        m["target"],
        m["begunAt"],
        m["begunBy"],
        m["endedAt"],
      ]);
      return undefined;
    },
  },
  {
    words: ["account", "steps"],
    summary: "Shows a checklist: what stands, by what, and exactly what to do next.",
    positionals: ["CHECKLIST"],
    async run(call) {
      const checklist = await (await call.client()).get(`/v1/checklists/${pathPart(call.given.positional("CHECKLIST"))}`);
      if (call.given.flag("json")) call.show(checklist);
      else call.shell.stdout.write(renderChecklist(checklist));
      return undefined;
    },
  },
  {
    words: ["account", "step", "claim"],
    summary: "Names the evidence by which a step is done. Asks for a fresh authenticator code.",
    positionals: ["CHECKLIST", "STEP"],
    options: {
      kind: {
        kind: "text",
        value: "KIND",
        meaning: "entry, posture, rotation, destruction, mail, attestation, aws-event or document",
        isRequired: true,
      },
      reference: {
        kind: "text",
        value: "ID",
        meaning: "position of the log entry, eventID of the CloudTrail event, or id of what proves it",
      },
      file: { kind: "text", value: "FILE", meaning: "the document; its SHA-256 is sent, the file is not" },
      event: { kind: "text", value: "NAME", meaning: "name of the CloudTrail event" },
      at: { kind: "text", value: "TIME", meaning: "time of the CloudTrail event, such as 2026-03-01T10:00:00Z" },
      note: { kind: "text", value: "TEXT", meaning: "what was done and seen; never a secret" },
    },
    notes:
      "What the vault can check is ticked at once. An attestation, a CloudTrail event and a document wait for another person: account step attest.",
    async run(call) {
      const client = await call.client();
      const file = call.given.text("file");
      const reference = file === undefined ? (call.given.text("reference") ?? null) : await sha256Of(file);
      const { given } = call;
      const code = await call.ask("Authenticator code to claim");
      const form = { kind: given.required("kind"), reference, event: given.text("event") ?? null, at: given.text("at") ?? null };
      tell(call, await client.post(`${stepPath(call)}/claims`, { ...form, note: given.text("note") ?? null, code }));
      return undefined;
    },
  },
  {
    words: ["account", "step", "attest"],
    summary: "Shows what somebody else has claimed of a step, asks for a fresh authenticator code, and stands for it as well.",
    positionals: ["CHECKLIST", "STEP"],
    async run(call) {
      const client = await call.client();
      const checklist = await client.get(`/v1/checklists/${pathPart(call.given.positional("CHECKLIST"))}`);
      const step = checklist.list("steps").find((one) => one.text("step") === call.given.positional("STEP"));
      if (step === undefined || step.members["evidence"] === null) throw new LocalError("nobody has claimed this step");
      const evidence = step.object("evidence");
      // Nobody stands for what they have not been shown.
      call.shell.stderr.write(renderClaim(step, evidence));
      const code = await call.ask("Authenticator code to attest");
      tell(call, await client.post(`${stepPath(call)}/attestations`, { claim: evidence.count("seq"), code }));
      return undefined;
    },
  },
  {
    words: ["account", "step", "waive"],
    summary: "Asks to let a step go undone.",
    positionals: ["CHECKLIST", "STEP"],
    options: { reason: REASON },
    notes: "One custodian asks, another approves: it is waived with the approval, and shown so for good. Not every step can be.",
    async run(call) {
      const subject = { checklistId: call.given.positional("CHECKLIST"), step: call.given.positional("STEP") };
      return await ask(call, "checklist.waive", subject);
    },
  },
];

async function move(call: Call, to: string, rest: Readonly<Record<string, unknown>>): Promise<number | undefined> {
  return await ask(call, "account.move", { accountId: call.given.positional("ACCOUNT"), to, ...rest });
}

function stepPath(call: Call): string {
  return `/v1/checklists/${pathPart(call.given.positional("CHECKLIST"))}/steps/${pathPart(call.given.positional("STEP"))}`;
}

function tell(call: Call, answer: Answer): void {
  const [state, account, seq] = [answer.text("state"), answer.text("accountState"), String(answer.count("seq"))];
  const says = state === "CLAIMED" ? "claimed; another person attests it" : "ticked";
  call.say(`${says}; the account is ${account} (entry ${seq})`, answer.members);
}

function renderClaim(step: Answer, evidence: Answer): string {
  const lines = [
    `${step.text("step")}  ${step.text("title")}`,
    `  ${step.text("instruction")}`,
    `claimed by ${evidence.text("claimedBy")} at ${evidence.text("claimedAt")}`,
    `  ${evidence.text("kind")} ${evidence.text("reference")} ${JSON.stringify(evidence.members["facts"])}`,
    `  ${evidence.text("note")}`,
  ];
  return lines.map((line) => `${printable(line)}\n`).join("");
}

/** SHA-256 of a file of any size, in hex. */
async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash).catch((error: unknown) => {
    throw new LocalError(`${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? "unknown fault"})`);
  });
  return hash.digest("hex");
}
