import { readFile } from "node:fs/promises";
import { pathPart } from "./api-client.js";
import type { OptionRow } from "./arguments.js";
import type { Call, Command } from "./command.js";
import { LocalError, UsageError } from "./failure.js";
import { REASON } from "./people.js";

const FILE_CHARS_MAX = 32 * 1024;

/** Options that state facts of an account. */
const FACT_OPTIONS = {
  customer: { kind: "text", value: "NAME", meaning: "the customer" },
  kind: { kind: "text", value: "KIND", meaning: "standalone, management or member" },
  custody: { kind: "text", value: "MODE", meaning: "who keeps the root credentials: VAULTED, CENTRAL, SPLIT, CO_OWNED, CUSTOMER or NONE" },
  organization: { kind: "text", value: "ID", meaning: "id of the AWS organization (o-…), or none" },
  tag: { kind: "list", value: "KEY=VALUE", meaning: "an access tag; all that the account is to have, so it may be repeated" },
  "no-tags": { kind: "flag", meaning: "the account is to have no access tag" },
  contacts: { kind: "text", value: "FILE", meaning: "JSON list of all its contacts: role, name, email, phone" },
} as const satisfies Readonly<Record<string, OptionRow>>;

/** The facts that the options state; what is not named is left out. @throws UsageError, LocalError */
async function statedFacts({ given }: Call): Promise<Readonly<Record<string, unknown>>> {
  const [organization, contacts, tags] = [given.text("organization"), given.text("contacts"), given.list("tag")];
  if (tags.length > 0 && given.flag("no-tags")) throw new UsageError("name --tag or --no-tags");
  return {
    ...present("customer", given.text("customer")),
    ...present("kind", given.text("kind")),
    ...present("custody", given.text("custody")),
    ...(organization === undefined ? {} : { organizationId: organization === "none" ? null : organization }),
    ...(tags.length > 0 || given.flag("no-tags") ? { tags: tagsOf(tags) } : {}),
    ...(contacts === undefined ? {} : { contacts: await readList(contacts) }),
  };
}

function present(name: string, value: string | undefined): Readonly<Record<string, string>> {
  return value === undefined ? {} : { [name]: value };
}

function tagsOf(pairs: readonly string[]): Readonly<Record<string, string>> {
  const tags = new Map<string, string>();
  for (const pair of pairs) {
    const at = pair.indexOf("=");
    if (at < 1 || at === pair.length - 1 || tags.has(pair.slice(0, at))) throw new UsageError("--tag takes KEY=VALUE, each key once");
    tags.set(pair.slice(0, at), pair.slice(at + 1));
  }
  return Object.fromEntries(tags);
}

/** People stand in a file: an argument would stay in the shell's history. */
async function readList(path: string): Promise<readonly unknown[]> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw new LocalError(`${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? "unknown fault"})`);
  });
  if (text.length > FILE_CHARS_MAX) throw new LocalError(`${path} is longer than a list of contacts can be`);
  try {
    const list: unknown = JSON.parse(text);
    if (Array.isArray(list)) return list as readonly unknown[];
  } catch {
    // Said below, without the parser's words: they would quote the file.
  }
  throw new LocalError(`${path} holds no JSON list`);
}

/** Facts of accounts: what is registered, and how that changes. */
export const ACCOUNT_FACT_COMMANDS: readonly Command[] = [
  {
    words: ["account", "register"],
    summary: "Registers an account without credentials, and makes its root e-mail address.",
    options: {
      "aws-id": { kind: "text", value: "ID", meaning: "AWS account id, twelve digits", isRequired: true },
      ...FACT_OPTIONS,
      partition: { kind: "text", value: "PARTITION", meaning: "aws (default), aws-us-gov or aws-cn" },
      "root-email": {
        kind: "text",
        value: "ADDRESS",
        meaning: "the root e-mail address that it has and keeps, instead of one that is made",
      },
    },
    async run(call) {
      const { given } = call;
      const { kind, customer, ...facts } = await statedFacts(call);
      if (kind === undefined || customer === undefined) throw new UsageError("--kind and --customer are needed");
      const [partition, rootEmail] = [given.text("partition"), given.text("root-email")];
      const form = { awsId: given.required("aws-id"), kind, customer, ...facts };
      const answer = await (await call.client()).post("/v1/accounts", {
        ...form,
        ...present("partition", partition),
        ...present("rootEmail", rootEmail),
      });
      call.say(`registered: ${answer.text("id")}; its root e-mail address is ${answer.text("rootEmail")}`, answer.members);
      return undefined;
    },
  },
  {
    words: ["account", "change"],
    summary: "Asks to change facts of an account; who approves sees both sides.",
    positionals: ["ACCOUNT"],
    options: { ...FACT_OPTIONS, reason: REASON },
    notes:
      "Customer and tags say whose rights reach the account: whoever loses it by the change loses it at once, grants that are open too.",
    async run(call) {
      const subject = await statedFacts(call);
      if (Object.keys(subject).length === 0) throw new UsageError("name a fact that is to change");
      const [reason, accountId] = [call.given.required("reason"), pathPart(call.given.positional("ACCOUNT"))];
      const answer = await (await call.client()).post("/v1/requests", { operation: "account.change", reason, accountId, subject });
      const id = answer.text("id");
      call.say(`asked: ${id}; another custodian approves it with: rootkeep request approve ${id}`, answer.members);
      return undefined;
    },
  },
];
