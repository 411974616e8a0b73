import { readFile } from "node:fs/promises";
import type { Answer } from "./answer.js";
import type { Call, Command } from "./command.js";
import { LocalError, UsageError } from "./failure.js";
import { cell, renderTable } from "./output.js";
import { REASON } from "./people.js";
import { HOLDER_OPTION, holdersOf } from "./requests.js";

const FILE_CHARS_MAX = 32 * 1024;

/** The policy that a file states, as JSON. @throws LocalError for a file that cannot be read, or holds something else. */
async function policyFile(path: string): Promise<Readonly<Record<string, unknown>>> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw new LocalError(`${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? "unknown fault"})`);
  });
  if (text.length > FILE_CHARS_MAX) throw new LocalError(`${path} is longer than a policy can be`);
  try {
    const policy: unknown = JSON.parse(text);
    if (typeof policy === "object" && policy !== null && !Array.isArray(policy)) return policy as Readonly<Record<string, unknown>>;
  } catch {
    // Said below, without the parser's words: they would quote the file.
  }
  throw new LocalError(`${path} holds no JSON object`);
}

/** The policy of this name as it is in force, or undefined. */
async function policyNamed(call: Call, name: string): Promise<Answer | undefined> {
  for await (const policy of (await call.client()).items("/v1/policies")) if (policy.text("name") === name) return policy;
  return undefined;
}

/** The subject of a change: the whole new policy, and the hash of the one that stands there now. */
async function changeFields(call: Call): Promise<Readonly<Record<string, unknown>>> {
  const { given } = call;
  const [file, removed] = [given.text("file"), given.text("remove")];
  if ((file === undefined) === (removed === undefined)) throw new UsageError("name one of --file and --remove");
  const policy = file === undefined ? null : await policyFile(file);
  const name = removed ?? cell(policy?.["name"]);
  const replaces = (await policyNamed(call, name))?.text("hash") ?? null;
  return { name, policy, replaces };
}

function renderTerms(explanation: Answer): string {
  return renderTable(
    ["term", "is", "because of"],
    explanation.list("terms").map(({ members: m }) => [m["term"], words(m["value"]), words(m["decidedBy"]) || "the catalogue"]),
  );
}

function words(value: unknown): string {
  return Array.isArray(value) ? value.join(" ") : String(value);
}

function renderExplanation(explanation: Answer): string {
  const { refusal, version, catalogue, policies, missing } = explanation.members;
  const facts = (refusal ?? null) === null ? {} : (explanation.object("refusal").members["facts"] as Record<string, unknown>);
  const lines = [
    `${explanation.text("decision")}${(refusal ?? null) === null ? "" : `: ${explanation.object("refusal").text("code")}`}`,
    ...((refusal ?? null) === null ? [] : [`  ${explanation.object("refusal").text("message")}`]),
    ...Object.entries(facts).map(([name, value]) => `  ${name}: ${cell(value)}`),
    `catalogue ${cell(catalogue)}, policies ${cell(version ?? "not asked")}${words(policies) === "" ? "" : ` (${words(policies)})`}`,
    ...(Array.isArray(missing) ? missing.map((item) => `missing: ${cell(item)}`) : []),
  ];
  const approvers = explanation
    .list("approvers")
    .map(({ members: m }) => `  ${cell(m["person"])} ${m["team"] === null ? "" : cell(m["team"])}`.trimEnd());
  const who = explanation.list("terms").length === 0 ? [] : [`may approve now: ${String(approvers.length)}`, ...approvers];
  const terms = explanation.list("terms").length === 0 ? "" : renderTerms(explanation);
  return `${lines.join("\n")}\n${terms}${who.map((line) => `${line}\n`).join("")}`;
}

async function preview(call: Call, subject: Readonly<Record<string, unknown>>): Promise<void> {
  const answer = await (await call.client()).post("/v1/policies/previews", subject);
  if (call.given.flag("json")) {
    call.show(answer);
    return;
  }
  const rows = answer
    .list("purposes")
    .flatMap((purpose) =>
      purpose
        .list("changes")
        .map(({ members: m }) => [
          purpose.text("purpose"),
          purpose.text("kind"),
          purpose.count("accounts"),
          m["effect"],
          m["term"],
          words(m["before"]),
          words(m["after"]),
        ]),
    );
  call.shell.stdout.write(`${answer.text("before")} would become ${answer.text("after")}; nothing was changed\n`);
  call.shell.stdout.write(renderTable(["purpose", "kind", "accounts", "becomes", "term", "before", "after"], rows));
}

/** Policies: what this deployment demands beyond the catalogue. */
export const POLICY_COMMANDS: readonly Command[] = [
  {
    words: ["policy", "explain"],
    summary: "Says what a request would meet now: refused or allowed, why, the better way, who may approve, what is missing.",
    options: {
      person: { kind: "text", value: "PERSON", meaning: "who would ask (per_…; default: you)" },
      account: { kind: "text", value: "ACCOUNT", meaning: "the account (acc_…)", isRequired: true },
      purpose: { kind: "text", value: "SLUG", meaning: "what root is needed for; see: rootkeep purposes", isRequired: true },
      kind: { kind: "list", value: "KIND", meaning: "only these kinds of secret; may be repeated (default: all of the purpose)" },
      holder: HOLDER_OPTION,
      ticket: { kind: "text", value: "REF", meaning: "the ticket, where there is one already" },
    },
    async run(call) {
      const { given } = call;
      const kinds = given.list("kind");
      const explanation = await (await call.client()).post("/v1/policies/explanations", {
        accountId: given.required("account"),
        purpose: given.required("purpose"),
        ...(given.text("person") === undefined ? {} : { personId: given.text("person") }),
        ...(given.text("ticket") === undefined ? {} : { ticket: given.text("ticket") }),
        ...(kinds.length === 0 ? {} : { kinds }),
        ...(given.list("holder").length === 0 ? {} : { holders: holdersOf(given) }),
      });
      if (given.flag("json")) call.show(explanation);
      else call.shell.stdout.write(renderExplanation(explanation));
      return undefined;
    },
  },
  {
    words: ["policy", "list"],
    summary: "Lists the policies in force.",
    async run(call) {
      const items = (await call.client()).items("/v1/policies");
      await call.list(items, ["policy", "purposes", "scope", "demands"], ({ members: m }) => {
        const { name, purposes, scope, ...terms } = m["policy"] as Record<string, unknown>;
        return [name, words(purposes), JSON.stringify(scope), JSON.stringify(terms)];
      });
      return undefined;
    },
  },
  {
    words: ["policy", "show"],
    summary: "Shows one policy whole, as JSON that `policy change --file` takes.",
    positionals: ["POLICY"],
    async run(call) {
      const policy = await policyNamed(call, call.given.positional("POLICY"));
      if (policy === undefined) throw new LocalError("there is no policy of this name");
      if (call.given.flag("json")) call.show(policy);
      else call.shell.stdout.write(`${JSON.stringify(policy.members["policy"], null, 2)}\n`);
      return undefined;
    },
  },
  {
    words: ["policy", "history"],
    summary: "Lists every change of the policies, with the request that made it.",
    async run(call) {
      const items = (await call.client()).items("/v1/policies/books");
      await call.list(items, ["version", "changed", "request", "policies"], ({ members: m }) => [
        m["version"],
        m["changedAt"],
        m["requestId"],
        Array.isArray(m["policies"]) ? m["policies"].length : 0,
      ]);
      return undefined;
    },
  },
  {
    words: ["policy", "change"],
    summary: "Asks to change a policy, or with --dry-run shows what would become stricter or looser.",
    options: {
      file: { kind: "text", value: "FILE", meaning: "the whole new policy, as JSON" },
      remove: { kind: "text", value: "POLICY", meaning: "take this policy away instead" },
      "dry-run": { kind: "flag", meaning: "ask for nothing: show what the change would do" },
      reason: { kind: REASON.kind, value: REASON.value, meaning: `${REASON.meaning}; needed unless --dry-run` },
    },
    notes: "The request names the policy as it stands now: if another change comes first, this one is refused and nothing is lost.",
    async run(call) {
      const subject = await changeFields(call);
      if (call.given.flag("dry-run")) {
        await preview(call, subject);
        return undefined;
      }
      const reason = call.given.text("reason");
      if (reason === undefined) throw new UsageError("--reason is needed, or --dry-run");
      const answer = await (await call.client()).post("/v1/requests", { operation: "policy.change", reason, subject });
      call.say(
        `asked: ${answer.text("id")}; another custodian approves it with: rootkeep request approve ${answer.text("id")}`,
        answer.members,
      );
      return undefined;
    },
  },
];
