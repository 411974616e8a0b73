import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Secret } from "../kernel/secret.js";
import type { Answer } from "./answer.js";
import type { OptionRow } from "./arguments.js";
import type { Call } from "./command.js";
import { LocalError } from "./failure.js";

/** For a machine without a browser, or with one somewhere else. */
export const PASTE_OPTION = {
  kind: "flag",
  meaning: "the browser is elsewhere: asks for the address that it ends at, instead of waiting for it here",
} as const satisfies OptionRow;

/** A sign-in at the provider that was begun, and the provider's answer to it. */
export interface Proven {
  readonly loginToken: Secret<string>;
  /** Query of the redirect. */
  readonly response: Secret<string>;
}

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;
const PAGE = "<!doctype html><title>Rootkeep</title><p>You can close this window and go on in the terminal.</p>";

/**
 * Sends the person to the provider and waits for the browser to come back: on a loopback address of this machine (RFC 8252), or as an
 * address that the person pastes. What completes the sign-in stays in this process; the address that is printed is no secret.
 * @throws RefusedError, LocalError
 */
export async function proveAtProvider(call: Call, purpose: "sign-in" | "link"): Promise<Proven> {
  const { secret, answer } = await call.visitor().release("/v1/oidc/logins", { purpose }, "loginToken");
  const redirect = new URL(answer.text("redirect"));
  const isHere = redirect.protocol === "http:" && LOOPBACK.test(redirect.hostname) && redirect.port !== "";
  const pasted = call.given.flag("paste") || !isHere;
  call.shell.stderr.write(`Sign in at:\n\n  ${answer.text("authorizationUrl")}\n\n`);
  const response = pasted ? await pastedAnswer(call, redirect) : await awaitedAnswer(redirect, answer);
  return { loginToken: secret, response };
}

async function pastedAnswer(call: Call, redirect: URL): Promise<Secret<string>> {
  const pasted = await call.ask("Address that the browser ended at");
  return pasted.expose((text) => {
    const url = URL.canParse(text.trim()) ? new URL(text.trim()) : null;
    if (url?.origin !== redirect.origin || url.pathname !== redirect.pathname) {
      throw new LocalError(`that is no address at ${redirect.origin}${redirect.pathname}`);
    }
    return Secret.of(url.search.slice(1));
  });
}

async function awaitedAnswer(redirect: URL, begun: Answer): Promise<Secret<string>> {
  const state = new URL(begun.text("authorizationUrl")).searchParams.get("state");
  const left = Math.max(1_000, Date.parse(begun.text("expiresAt")) - Date.now());
  return await new Promise<Secret<string>>((resolve, reject) => {
    const server = createServer((request, reply) => {
      const found = answerIn(request, redirect, state);
      respond(reply, found === null ? 404 : 200);
      if (found !== null)
        end(() => {
          resolve(found);
        });
    });
    const late = setTimeout(() => {
      end(() => {
        reject(new LocalError("nobody signed in in time"));
      });
    }, left);
    const end = (then: () => void): void => {
      clearTimeout(late);
      server.close(then);
      server.closeIdleConnections();
    };
    server.on("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(late);
      reject(new LocalError(`cannot listen on ${redirect.host} (${error.code ?? "unknown fault"}); try --paste`));
    });
    server.listen(Number(redirect.port), redirect.hostname.replaceAll(/[[\]]/g, ""));
  });
}

/** Whatever else knocks, a page of somebody's or another program, does not know the state and neither ends nor answers the waiting. */
function answerIn(request: IncomingMessage, redirect: URL, state: string | null): Secret<string> | null {
  const url = URL.canParse(request.url ?? "", redirect.origin) ? new URL(request.url ?? "", redirect.origin) : null;
  if (request.method !== "GET" || url?.pathname !== redirect.pathname) return null;
  return state !== null && url.searchParams.get("state") === state ? Secret.of(url.search.slice(1)) : null;
}

function respond(reply: ServerResponse, status: number): void {
  reply.writeHead(status, {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'",
    "referrer-policy": "no-referrer",
    connection: "close",
  });
  reply.end(status === 200 ? PAGE : "");
}
