import type { Answer } from "./answer.js";
import { pathPart } from "./api-client.js";
import type { OptionRow } from "./arguments.js";
import { type Call, type Command, OUT_OPTION, RECEIPT_OPTION } from "./command.js";
import { releaseEnclosed } from "./delivery.js";
import { UsageError } from "./failure.js";
import { cell } from "./output.js";
import { REASON } from "./people.js";

const requestPath = (call: Call): string => `/v1/requests/${pathPart(call.given.positional("REQUEST"))}`;
const grantPath = (call: Call): string => `/v1/grants/${pathPart(call.given.positional("GRANT"))}`;

/** The fields of a request as the options say. @throws UsageError for an option that the operation does not take, or lacks. */
export function requestFields(given: Call["given"]): Readonly<Record<string, unknown>> {
  const operation = given.text("operation") ?? "secret.reveal";
  const shared = { operation, reason: given.required("reason"), ...present("ticket", given.text("ticket")) };
  const opening = { account: given.text("account"), purpose: given.text("purpose") };
  if (operation === "secret.reveal") {
    if (opening.account === undefined || opening.purpose === undefined) throw new UsageError("--account and --purpose are needed");
    const kinds = given.list("kind");
    return {
      ...shared,
      accountId: opening.account,
      purpose: opening.purpose,
      ...(kinds.length === 0 ? {} : { kinds }),
      ...present("minutes", given.count("minutes")),
      ...(given.flag("break-glass") ? { breakGlass: true } : {}),
      ...(given.list("holder").length === 0 ? {} : { holders: holdersOf(given) }),
    };
  }
  return { ...shared, subject: subjectOf(operation, given) };
}

/** What another guarded act is about. @throws UsageError */
function subjectOf(operation: string, given: Call["given"]): Readonly<Record<string, unknown>> {
  if (operation === "account.destroy") {
    const accountId = given.text("account");
    if (accountId === undefined) throw new UsageError("--account is needed");
    return { accountId };
  }
  if (operation === "brake.raise") {
    const { openings, minutes } = { openings: given.count("openings"), minutes: given.count("minutes") };
    if (openings === undefined || minutes === undefined) throw new UsageError("--openings and --minutes are needed");
    return { openings, minutes, ...present("personId", given.text("person")) };
  }
  const subject = { ...present("digest", given.text("digest")), ...present("versionId", given.text("version")) };
  if (Object.keys(subject).length !== 1)
    throw new UsageError("name --digest (config.approve) or --version (secret.waive); or --operation brake.raise or account.destroy");
  return subject;
}

/** Who is to open which kind, where that is not the one who asks. @throws UsageError */
export function holdersOf(given: Call["given"]): Readonly<Record<string, string>> {
  const pairs = given.list("holder").map((pair) => pair.split("="));
  if (pairs.some((pair) => pair.length !== 2 || pair.includes(""))) throw new UsageError("--holder takes KIND=PERSON");
  return Object.fromEntries(pairs as [string, string][]);
}

/** The option behind {@link holdersOf}. */
export const HOLDER_OPTION = {
  kind: "list",
  value: "KIND=PERSON",
  meaning: "somebody else who is to open this kind, such as mfa-seed=per_…; may be repeated",
} as const satisfies OptionRow;

function present(name: string, value: string | number | undefined): Readonly<Record<string, string | number>> {
  return value === undefined ? {} : { [name]: value };
}

/** The whole request, for whoever decides on it: everything that the approval binds to. */
function renderRequest(request: Answer): string {
  const { body, ...rest } = request.members;
  const rows = Object.entries({ ...rest, ...(typeof body === "object" ? body : {}) });
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `  ${cell(name).padEnd(width)}  ${cell(value)}\n`).join("");
}

const REQUESTS: readonly Command[] = [
  {
    words: ["request", "submit"],
    summary: "Asks to open an account's root credentials for a purpose; or, with --operation, for another guarded act.",
    options: {
      account: { kind: "text", value: "ACCOUNT", meaning: "the account (acc_…)" },
      purpose: { kind: "text", value: "SLUG", meaning: "what root is needed for; see: rootkeep purposes" },
      ticket: { kind: "text", value: "REF", meaning: "the ticket; needed for an opening" },
      kind: { kind: "list", value: "KIND", meaning: "only these kinds of secret; may be repeated (default: all of the purpose)" },
      holder: HOLDER_OPTION,
      minutes: { kind: "count", value: "N", meaning: "for how long, at most as long as the purpose allows" },
      operation: {
        kind: "text",
        value: "OPERATION",
        meaning: "secret.reveal (default), config.approve, secret.waive, brake.raise or account.destroy",
      },
      digest: { kind: "text", value: "HEX", meaning: "config.approve: digest of the configuration that you looked at" },
      "break-glass": { kind: "flag", meaning: "an emergency: fewer approvers, less time, everybody paged, a review afterwards" },
      openings: { kind: "count", value: "N", meaning: "brake.raise: how many openings go through in a window" },
      person: { kind: "text", value: "PERSON", meaning: "brake.raise: whose (default: the deployment's)" },
      version: { kind: "text", value: "VERSION", meaning: "secret.waive: the burnt version (ver_…)" },
      reason: REASON,
    },
    async run(call) {
      const answer = await (await call.client()).post("/v1/requests", requestFields(call.given));
      call.say(`asked: ${answer.text("id")} (entry ${String(answer.count("seq"))})`, answer.members);
      return undefined;
    },
  },
  {
    words: ["request", "list"],
    summary: "Lists requests.",
    options: {
      state: { kind: "text", value: "STATE", meaning: "only those in this state, such as SUBMITTED" },
      mine: { kind: "flag", meaning: "only your own" },
      awaiting: { kind: "flag", meaning: "only those that you may decide now" },
    },
    async run(call) {
      const { given } = call;
      const query = {
        state: given.text("state"),
        mine: given.flag("mine") ? "true" : undefined,
        awaiting: given.flag("awaiting") ? "me" : undefined,
      };
      const items = (await call.client()).items("/v1/requests", query);
      await call.list(items, ["request", "state", "operation", "by", "AWS id", "purpose", "ticket", "approvals", "grant"], (request) => {
        const { members: body } = request.object("body");
        const needed = (body["policy"] as { approvals?: unknown } | undefined)?.approvals;
        const given = request.list("approvals").filter(({ members }) => members["verdict"] === "approve").length;
        return [
          request.text("id"),
          request.text("state"),
          body["operation"],
          body["requester"],
          (body["account"] as { awsId?: unknown } | null)?.awsId,
          (body["purpose"] as { slug?: unknown } | null)?.slug,
          body["ticket"],
          `${String(given)}/${cell(needed)}`,
          request.members["grantId"],
        ];
      });
      return undefined;
    },
  },
  {
    words: ["request", "show"],
    summary: "Shows a request whole; never a secret.",
    positionals: ["REQUEST"],
    async run(call) {
      const request = await (await call.client()).get(requestPath(call));
      if (call.given.flag("json")) call.show(request);
      else call.shell.stdout.write(renderRequest(request));
      return undefined;
    },
  },
  {
    words: ["request", "approve"],
    summary: "Shows a request whole, asks for a fresh authenticator code, and approves.",
    positionals: ["REQUEST"],
    options: { reason: { kind: REASON.kind, value: REASON.value, meaning: "a remark; the log keeps it" } },
    async run(call) {
      const client = await call.client();
      // Nobody approves what they have not been shown.
      call.shell.stderr.write(renderRequest(await client.get(requestPath(call))));
      const code = await call.ask("Authenticator code to approve");
      const answer = await client.post(`${requestPath(call)}/approvals`, { code, ...present("reason", call.given.text("reason")) });
      const counts = `${String(answer.count("approvals"))} of ${String(answer.count("needed"))}`;
      call.say(`approved: ${counts}; the request is ${answer.text("state")} (entry ${String(answer.count("seq"))})`, answer.members);
      return undefined;
    },
  },
  {
    words: ["request", "deny"],
    summary: "Denies a request; one denial ends it.",
    positionals: ["REQUEST"],
    options: { reason: REASON },
    async run(call) {
      await (await call.client()).post(`${requestPath(call)}/denials`, { reason: call.given.required("reason") });
      call.say("denied");
      return undefined;
    },
  },
  {
    words: ["request", "withdraw"],
    summary: "Takes your own request back.",
    positionals: ["REQUEST"],
    options: { reason: REASON },
    async run(call) {
      await (await call.client()).post(`${requestPath(call)}/withdrawals`, { reason: call.given.required("reason") });
      call.say("withdrawn");
      return undefined;
    },
  },
  {
    words: ["purposes"],
    summary: "Lists what root may be needed for, under which terms, and the better way where there is one.",
    async run(call) {
      const catalogue = await (await call.client()).get("/v1/purposes");
      await call.list(
        catalogue.list("items"),
        ["purpose", "for", "route", "approvals", "minutes", "codes", "title / better way"],
        ({ members: m }) => [
          m["slug"],
          Array.isArray(m["scope"]) ? m["scope"].join(" ") : m["scope"],
          m["route"],
          m["approvals"],
          m["minutes"],
          m["codes"],
          m["way"] ?? m["title"],
        ],
      );
      return undefined;
    },
  },
];

/** Which of the two versions of a kind is wanted. */
const CANDIDATE_OPTION = {
  kind: "flag",
  meaning: "the value that is staged to succeed the working one, where the grant names it",
} as const;

function versionOf({ given }: Call): Readonly<Record<string, string>> {
  return given.flag("candidate") ? { version: "candidate" } : {};
}

const GRANTS: readonly Command[] = [
  {
    words: ["reveal"],
    summary: "Opens a secret of a grant, once; asks for a fresh authenticator code. A second call is refused.",
    positionals: ["GRANT"],
    options: {
      kind: { kind: "text", value: "KIND", meaning: "root-password (default), or another kind that the grant names" },
      candidate: CANDIDATE_OPTION,
      out: OUT_OPTION,
      receipt: RECEIPT_OPTION,
    },
    notes: "The value goes to a terminal or into a new file, never into a pipe. From then on it is burnt: rotate it.",
    async run(call) {
      const client = await call.client();
      await call.deliver(async () => {
        const code = await call.ask("Authenticator code to open");
        const kind = call.given.text("kind") ?? "root-password";
        return await releaseEnclosed(client, `${grantPath(call)}/openings`, { kind, ...versionOf(call), code });
      });
      return undefined;
    },
  },
  {
    words: ["code"],
    summary: "Gets the account's MFA code of this moment; asks for a fresh authenticator code of yours.",
    positionals: ["GRANT"],
    options: { candidate: CANDIDATE_OPTION, out: OUT_OPTION, receipt: RECEIPT_OPTION },
    async run(call) {
      const client = await call.client();
      await call.deliver(async () => {
        const code = await call.ask("Authenticator code to open");
        return await releaseEnclosed(client, `${grantPath(call)}/codes`, { ...versionOf(call), code });
      });
      return undefined;
    },
  },
  {
    words: ["return"],
    summary: "Checks the account in: you are done with the grant.",
    positionals: ["GRANT"],
    async run(call) {
      await (await call.client()).post(`${grantPath(call)}/returns`);
      call.say("returned");
      return undefined;
    },
  },
  {
    words: ["grant", "show"],
    summary: "Shows a grant: holder, what it opens, what was opened, until when.",
    positionals: ["GRANT"],
    async run(call) {
      call.show(await (await call.client()).get(grantPath(call)));
      return undefined;
    },
  },
  {
    words: ["grant", "revoke"],
    summary: "Ends somebody's grant at once; for approvers and custodians.",
    positionals: ["GRANT"],
    async run(call) {
      await (await call.client()).post(`${grantPath(call)}/revocations`);
      call.say("revoked");
      return undefined;
    },
  },
];

/** Requests, decisions on them, and what an approved one opens. */
export const REQUEST_COMMANDS: readonly Command[] = [...REQUESTS, ...GRANTS];
