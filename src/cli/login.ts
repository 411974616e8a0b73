import { type ApiClient, pathPart, type Released } from "./api-client.js";
import type { OptionRow } from "./arguments.js";
import type { Call, Command } from "./command.js";
import { isRefused, UsageError } from "./failure.js";
import { PASTE_OPTION, proveAtProvider } from "./provider-answer.js";
import { deleteSession, writeSession } from "./session-file.js";

const PERSON_OPTION = { kind: "text", value: "PERSON", meaning: "whose; for custodians" } as const satisfies OptionRow;

/** Signing in and out. */
export const LOGIN_COMMANDS: readonly Command[] = [
  {
    words: ["login"],
    summary: "Signs in: with --email by password and authenticator code, with --oidc at the company's provider and by authenticator code.",
    options: {
      email: { kind: "text", value: "EMAIL", meaning: "who you are; the password is asked for, or read from stdin" },
      "password-file": { kind: "text", value: "FILE", meaning: "take the password from the first line of this file" },
      oidc: { kind: "flag", meaning: "sign in at the company's provider: prints its address and waits for the browser to come back" },
      paste: PASTE_OPTION,
    },
    async run(call) {
      const email = call.given.text("email");
      if ((email === undefined) !== call.given.flag("oidc")) throw new UsageError("name one of --email and --oidc");
      const client = call.visitor();
      const { secret, answer } = email === undefined ? await atProvider(call, client) : await withPassword(call, client, email);
      const [personId, expiresAt] = [answer.text("personId"), answer.text("expiresAt")];
      const { sessionFile } = call.shell.environment;
      await writeSession(sessionFile, { address: client.address, token: secret, personId, expiresAt });
      call.say(`signed in at ${client.address} until ${expiresAt}`, answer.members);
      return undefined;
    },
  },
  {
    words: ["logout"],
    summary: "Ends the session at the service and forgets its token here.",
    async run(call) {
      const { sessionFile } = call.shell.environment;
      try {
        await (await call.client()).remove("/v1/sessions/current");
      } catch (error) {
        // A session that the service no longer knows is over; what is left is ours to delete.
        if (!isRefused(error, "UNAUTHENTICATED")) throw error;
      }
      await deleteSession(sessionFile);
      call.say("signed out");
      return undefined;
    },
  },
  {
    words: ["session", "list"],
    summary: "Lists your own sessions, or for a custodian those of somebody else.",
    options: { person: PERSON_OPTION },
    async run(call) {
      const items = (await call.client()).items(`${ownerPath(call)}/sessions`);
      await call.list(items, ["session", "since", "last seen", "until", "from", "by", "this one"], ({ members: m }) => [
        m["id"],
        m["createdAt"],
        m["lastSeenAt"],
        m["expiresAt"],
        m["place"],
        m["method"],
        m["isCurrent"] === true ? "yes" : null,
      ]);
      return undefined;
    },
  },
  {
    words: ["session", "end"],
    summary: "Ends one of your own sessions, or for a custodian one of somebody else's.",
    positionals: ["SESSION"],
    options: { person: PERSON_OPTION },
    async run(call) {
      await (await call.client()).remove(`${ownerPath(call)}/sessions/${pathPart(call.given.positional("SESSION"))}`);
      call.say("ended");
      return undefined;
    },
  },
];

function ownerPath(call: Call): string {
  const person = call.given.text("person");
  return person === undefined ? "/v1" : `/v1/people/${pathPart(person)}`;
}

async function withPassword(call: Call, client: ApiClient, email: string): Promise<Released> {
  const password = await call.ask("Password", call.given.text("password-file"));
  const code = await call.ask("Authenticator code");
  return await client.release("/v1/sessions", { email, password, code }, "token");
}

/** The code is asked for last: it is good for seconds, and a browser takes longer. */
async function atProvider(call: Call, client: ApiClient): Promise<Released> {
  const { loginToken, response } = await proveAtProvider(call, "sign-in");
  const code = await call.ask("Authenticator code");
  return await client.release("/v1/oidc/sessions", { loginToken, response, code }, "token");
}
