import type { Command } from "./command.js";
import { isRefused } from "./failure.js";
import { deleteSession, writeSession } from "./session-file.js";

/** Signing in and out. */
export const LOGIN_COMMANDS: readonly Command[] = [
  {
    words: ["login"],
    summary: "Signs in with password and authenticator code; both are asked for, or read from stdin, a line each.",
    options: {
      email: { kind: "text", value: "EMAIL", meaning: "who you are", isRequired: true },
      "password-file": { kind: "text", value: "FILE", meaning: "take the password from the first line of this file" },
    },
    async run(call) {
      const client = call.visitor();
      const password = await call.ask("Password", call.given.text("password-file"));
      const code = await call.ask("Authenticator code");
      const { secret, answer } = await client.release("/v1/sessions", { email: call.given.required("email"), password, code }, "token");
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
    summary: "Lists your own sessions.",
    async run(call) {
      const items = (await call.client()).items("/v1/sessions");
      await call.list(items, ["session", "since", "last seen", "until", "this one"], ({ members: m }) => [
        m["id"],
        m["createdAt"],
        m["lastSeenAt"],
        m["expiresAt"],
        m["isCurrent"] === true ? "yes" : null,
      ]);
      return undefined;
    },
  },
];
