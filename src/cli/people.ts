import { pathPart } from "./api-client.js";
import type { OptionRow } from "./arguments.js";
import { type Call, type Command, OUT_OPTION } from "./command.js";
import { UsageError } from "./failure.js";
import { PASTE_OPTION, proveAtProvider } from "./provider-answer.js";

/** Why a request is made; approvers read it. */
export const REASON = {
  kind: "text",
  value: "TEXT",
  meaning: "why; approvers read it and the log keeps it",
  isRequired: true,
} as const satisfies OptionRow;

const PASSWORD_FILE = {
  kind: "text",
  value: "FILE",
  meaning: "take the new password from the first line of this file",
} as const satisfies OptionRow;

/** A request among custodians: one custodian asks, another approves with `request approve`. */
export async function ask(call: Call, operation: string, subject: Readonly<Record<string, unknown>>): Promise<number | undefined> {
  const client = await call.client();
  const answer = await client.post("/v1/requests", { operation, reason: call.given.required("reason"), subject });
  call.say(
    `asked: ${answer.text("id")}; another custodian approves it with: rootkeep request approve ${answer.text("id")}`,
    answer.members,
  );
  return undefined;
}

const MEMBERS: readonly Command[] = [
  {
    words: ["people", "list"],
    summary: "Lists everybody whom this deployment knows.",
    async run(call) {
      const items = (await call.client()).items("/v1/people");
      await call.list(items, ["person", "name", "e-mail", "state", "since"], ({ members: m }) => [
        m["id"],
        m["name"],
        m["email"],
        m["state"],
        m["createdAt"],
      ]);
      return undefined;
    },
  },
  {
    words: ["people", "self"],
    summary: "Shows who you are signed in as, and with which roles.",
    async run(call) {
      call.show(await (await call.client()).get("/v1/people/self"));
      return undefined;
    },
  },
  {
    words: ["people", "enrol"],
    summary: "Asks to enrol a person.",
    options: {
      name: { kind: "text", value: "NAME", meaning: "the person's name", isRequired: true },
      email: { kind: "text", value: "EMAIL", meaning: "the person's e-mail address", isRequired: true },
      reason: REASON,
    },
    run: (call) => ask(call, "person.enrol", { name: call.given.required("name"), email: call.given.required("email") }),
  },
  {
    words: ["people", "reset"],
    summary: "Asks to end all that a person signs in with, and to invite them anew.",
    positionals: ["PERSON"],
    options: { reason: REASON },
    run: (call) => ask(call, "authenticator.reset", { personId: call.given.positional("PERSON") }),
  },
  {
    words: ["people", "link"],
    summary: "Asks to link a person's identity at the company's provider; they are then invited like somebody new.",
    positionals: ["PERSON"],
    options: { reason: REASON },
    run: (call) => ask(call, "identity.link", { personId: call.given.positional("PERSON") }),
  },
  {
    words: ["people", "identities"],
    summary: "Lists a person's identities at the company's provider, ended ones too.",
    positionals: ["PERSON"],
    async run(call) {
      const items = (await call.client()).items(`/v1/people/${pathPart(call.given.positional("PERSON"))}/identities`);
      await call.list(items, ["identity", "issuer", "subject", "state", "counts from"], ({ members: m }) => [
        m["id"],
        m["issuer"],
        m["subject"],
        m["state"],
        m["usableFrom"],
      ]);
      return undefined;
    },
  },
  {
    words: ["people", "team"],
    summary: "Asks to put a person into a team; policies may want approvers of another one.",
    positionals: ["PERSON"],
    options: {
      team: { kind: "text", value: "TEAM", meaning: "the team, such as cloud-operations" },
      none: { kind: "flag", meaning: "take the person out of their team" },
      reason: REASON,
    },
    run(call) {
      const team = call.given.text("team") ?? null;
      if ((team === null) !== call.given.flag("none")) throw new UsageError("name one of --team and --none");
      return ask(call, "person.team", { personId: call.given.positional("PERSON"), team });
    },
  },
  {
    words: ["people", "teams"],
    summary: "Lists who is of which team.",
    async run(call) {
      const items = (await call.client()).items("/v1/teams");
      await call.list(items, ["person", "team"], ({ members: m }) => [m["personId"], m["team"]]);
      return undefined;
    },
  },
  {
    words: ["people", "suspend"],
    summary: "Suspends a person at once; it takes one custodian. For good it is: people leave.",
    positionals: ["PERSON"],
    async run(call) {
      await (await call.client()).post(`/v1/people/${pathPart(call.given.positional("PERSON"))}/suspensions`);
      call.say("suspended");
      return undefined;
    },
  },
  {
    words: ["people", "restore"],
    summary: "Asks to restore a suspended person.",
    positionals: ["PERSON"],
    options: { reason: REASON },
    run: (call) => ask(call, "person.restore", { personId: call.given.positional("PERSON") }),
  },
  {
    words: ["people", "leave"],
    summary: "Asks to say that a person has left for good: all that they had ends, and nobody can bring it back.",
    positionals: ["PERSON"],
    options: { reason: REASON },
    notes: "Name and e-mail address stay taken. Until another custodian approves, people suspend keeps the person out.",
    run: (call) => ask(call, "person.leave", { personId: call.given.positional("PERSON") }),
  },
];

const INVITATIONS: readonly Command[] = [
  {
    words: ["people", "invite-link"],
    summary:
      "Asks for a fresh authenticator code and takes the invitation's token, once; for the custodian who asked. It goes to the person.",
    positionals: ["REQUEST"],
    options: { out: OUT_OPTION },
    run: (call) => takeHalf(call, "invitation-link", "token"),
  },
  {
    words: ["people", "invite-code"],
    summary:
      "Asks for a fresh authenticator code and takes the invitation's code, once; for the custodian who approved. Hand it over in person or by telephone.",
    positionals: ["REQUEST"],
    options: { out: OUT_OPTION },
    run: (call) => takeHalf(call, "invitation-code", "code"),
  },
  {
    words: ["people", "accept"],
    summary: "Accepts an invitation: asks for its token, its code and a new password, and shows the authenticator's otpauth:// URI once.",
    options: { "password-file": PASSWORD_FILE, out: OUT_OPTION },
    notes: "Put the URI into your authenticator, then: rootkeep people confirm",
    async run(call) {
      await call.deliver(async () => {
        const [token, code] = [await call.ask("Invitation token"), await call.ask("Invitation code")];
        const password = await call.ask("New password", call.given.text("password-file"));
        return await call.visitor().release("/v1/invitations/acceptances", { token, code, password }, "otpauth");
      });
      return undefined;
    },
  },
  {
    words: ["people", "confirm"],
    summary: "Proves that the new authenticator works: asks for the invitation's token and a code.",
    async run(call) {
      const [token, code] = [await call.ask("Invitation token"), await call.ask("Authenticator code")];
      call.show(await call.visitor().post("/v1/invitations/confirmations", { token, code }));
      return undefined;
    },
  },
  {
    words: ["people", "accept-link"],
    summary:
      "Links your identity: asks for the invitation's token and code, sends you to the provider, and asks for an authenticator code of yours.",
    options: { paste: PASTE_OPTION },
    async run(call) {
      const [token, invitationCode] = [await call.ask("Invitation token"), await call.ask("Invitation code")];
      const { loginToken, response } = await proveAtProvider(call, "link");
      const code = await call.ask("Authenticator code");
      call.show(await call.visitor().post("/v1/oidc/identities", { token, invitationCode, loginToken, response, code }));
      return undefined;
    },
  },
  {
    words: ["people", "found"],
    summary: "Takes a founding custodian's seat, and with --confirm proves its authenticator; the last one founds the deployment.",
    options: {
      name: { kind: "text", value: "NAME", meaning: "your name" },
      email: { kind: "text", value: "EMAIL", meaning: "your e-mail address" },
      confirm: { kind: "flag", meaning: "second step: asks for the token again and for a code" },
      "password-file": PASSWORD_FILE,
      out: OUT_OPTION,
    },
    run: (call) => (call.given.flag("confirm") ? confirmFounding(call) : acceptFounding(call)),
  },
];

/** One half of an invitation; the code is asked for once it is known where the half may go. */
async function takeHalf(call: Call, path: string, field: string): Promise<undefined> {
  const client = await call.client();
  await call.deliver(async () => {
    const code = await call.ask("Authenticator code to take it");
    return await client.release(`/v1/requests/${pathPart(call.given.positional("REQUEST"))}/${path}`, { code }, field);
  });
  return undefined;
}

async function acceptFounding(call: Call): Promise<undefined> {
  const [name, email] = [call.given.text("name"), call.given.text("email")];
  if (name === undefined || email === undefined) throw new UsageError("--name and --email are needed");
  await call.deliver(async () => {
    const token = await call.ask("Founding invitation");
    const password = await call.ask("New password", call.given.text("password-file"));
    return await call.visitor().release("/v1/founding/acceptances", { token, name, email, password }, "otpauth");
  });
  return undefined;
}

async function confirmFounding(call: Call): Promise<undefined> {
  const [token, code] = [await call.ask("Founding invitation"), await call.ask("Authenticator code")];
  call.show(await call.visitor().post("/v1/founding/confirmations", { token, code }));
  return undefined;
}

/** People and invitations. */
export const PEOPLE_COMMANDS: readonly Command[] = [...MEMBERS, ...INVITATIONS];
