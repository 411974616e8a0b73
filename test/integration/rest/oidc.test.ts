// real: the whole application over HTTP, PostgreSQL, oidc-provider over HTTP, the command line as a program. double: none.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ApiClient } from "../../../src/cli/api-client.js";
import type { Secret } from "../../../src/kernel/secret.js";
import { type Crew, type Member, refusal } from "../../support/crew.js";
import { TestProvider } from "../../support/oidc-provider.js";
import { PROGRAMS } from "../../support/program.js";
import { type RestApp, startRestApp } from "../../support/rest-app.js";

const WHO = "ben-at-work";

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** `rootkeep` while it runs: what it said so far, and what it is told. */
class Terminal {
  stdout = "";
  stderr = "";
  readonly ended: Promise<number | null>;
  private readonly child: ChildProcess;

  constructor(argv: readonly string[], environment: Readonly<Record<string, string>>) {
    const env = { PATH: process.env["PATH"] ?? "", ...environment };
    this.child = spawn(process.execPath, [PROGRAMS.cli, ...argv], { cwd: "/", env, stdio: ["pipe", "pipe", "pipe"] });
    this.child.stdout?.on("data", (chunk: Buffer) => (this.stdout += chunk.toString("utf8")));
    this.child.stderr?.on("data", (chunk: Buffer) => (this.stderr += chunk.toString("utf8")));
    this.ended = new Promise((resolve) => this.child.once("close", resolve));
  }

  type(line: string): void {
    this.child.stdin?.write(`${line}\n`);
  }

  /** The address at which the person is to sign in. */
  async authorizationUrl(): Promise<string> {
    for (let tries = 0; tries < 600; tries++) {
      const [, url] = /^Sign in at:\n\n {2}(\S+)\n/m.exec(this.stderr) ?? [];
      if (url !== undefined) return url;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`no address: ${this.stderr}`);
  }
}

describe("signing in at the company's provider, over the wire", () => {
  let folder = "";
  let redirect = "";
  let provider: TestProvider;
  let rest: RestApp;
  let crew: Crew;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "rootkeep-oidc-"));
    redirect = `http://127.0.0.1:${String(await freePort())}/signed-in`;
    provider = await TestProvider.start({ redirect });
    rest = await startRestApp(provider.environment());
    crew = await rest.found();
    provider.logoutAddress = `${rest.address}/v1/oidc/logout`;
    await provider.rotateKeys();
  });
  after(async () => {
    await rest.close();
    await provider.stop();
    await rm(folder, { recursive: true, force: true });
  });

  function rootkeep(...argv: string[]): Terminal {
    return new Terminal(argv, { ROOTKEEP_ADDRESS: rest.address, ROOTKEEP_SESSION_FILE: join(folder, "session.json") });
  }

  /** Runs `argv` with `lines` on stdin, signs in at the provider when asked, and types a code. Once more if a machine under load was too late. */
  async function through(member: Member, lines: readonly string[], ...argv: string[]): Promise<Terminal> {
    const terminal = rootkeep(...argv);
    for (const line of lines) terminal.type(line);
    const response = await provider.visit(await terminal.authorizationUrl(), WHO);
    if (argv.includes("--paste")) terminal.type(`${redirect}?${response}`);
    else {
      // A page that knows the port but not the state neither ends nor answers the waiting.
      assert.equal((await fetch(`${redirect}?code=mine&state=guessed`)).status, 404);
      const page = await fetch(`${redirect}?${response}`);
      assert.equal(page.headers.get("referrer-policy"), "no-referrer");
      assert.match(await page.text(), /close this window/);
    }
    terminal.type(await member.code());
    await terminal.ended;
    return terminal;
  }

  async function signedIn(...options: string[]): Promise<Terminal> {
    for (let tries = 0; ; tries++) {
      const terminal = await through(crew.ben, [], "login", "--oidc", ...options);
      if ((await terminal.ended) === 0) return terminal;
      if (tries === 2) assert.fail(terminal.stderr);
    }
  }

  /** A session by REST, as any client opens it. */
  async function session(): Promise<{ token: Secret<string>; client: ApiClient }> {
    const visitor = crew.ben.visitor;
    for (let tries = 0; ; tries++) {
      const { secret: loginToken, answer } = await visitor.release("/v1/oidc/logins", { purpose: "sign-in" }, "loginToken");
      const response = await provider.visit(answer.text("authorizationUrl"), WHO);
      try {
        const fields = { loginToken, response, code: await crew.ben.code() };
        const { secret: token } = await visitor.release("/v1/oidc/sessions", fields, "token");
        return { token, client: new ApiClient(rest.address, token) };
      } catch (error) {
        if (tries === 2) throw error;
      }
    }
  }

  it("goes from the two custodians' decision to a session, on the command line", async () => {
    const requestId = await crew.ada.ask({ operation: "identity.link", subject: { personId: crew.ben.id } });
    await crew.cyd.approve(requestId);
    const { secret: token } = await crew.ada.takeHalf(requestId, "link");
    const { secret: code } = await crew.cyd.takeHalf(requestId, "code");
    const halves = [token, code].map((half) => half.expose((text) => text));
    const linked = await through(crew.ben, halves, "people", "accept-link", "--json");
    assert.equal(await linked.ended, 0, linked.stderr);
    assert.equal((JSON.parse(linked.stdout) as { personId: string }).personId, crew.ben.id);
    // Linking has ended the session of before.
    assert.equal(await refusal(crew.ben.client.get("/v1/people/self")), "UNAUTHENTICATED");

    const { stdout } = await signedIn();
    assert.match(stdout, /^signed in at /);
    const list = rootkeep("session", "list", "--json");
    assert.equal(await list.ended, 0, list.stderr);
    const own = JSON.parse(list.stdout.trim().split("\n")[0] ?? "") as Record<string, unknown>;
    assert.equal(own["method"], "oidc");
    assert.equal(own["place"], "127.0.0.1");
    await signedIn("--paste");
    const identities = (await crew.ada.client.get(`/v1/people/${crew.ben.id}/identities`, { limit: 10 })).list("items");
    assert.deepEqual(
      identities.map((item) => [item.text("issuer"), item.text("subject"), item.text("state")]),
      [[provider.issuer, WHO, "ACTIVE"]],
    );
  });

  it("asks the provider before an approval: away refuses it and reading goes on; who was let go is signed out", async () => {
    const { client } = await session();
    const requestId = await crew.ada.ask({ operation: "person.enrol", subject: { name: "Noor Haddad", email: "noor@example.com" } });
    const approve = async (): Promise<string> =>
      await refusal(client.post(`/v1/requests/${requestId}/approvals`, { code: await crew.ben.code(), reason: "" }));
    await new Promise((resolve) => setTimeout(resolve, 3_100));
    provider.isDown = true;
    try {
      assert.equal(await approve(), "UNAVAILABLE");
      assert.equal((await client.get("/v1/people/self")).text("id"), crew.ben.id);
    } finally {
      provider.isDown = false;
    }
    provider.letGo(WHO);
    assert.equal(await approve(), "UNAUTHENTICATED");
    assert.equal(await refusal(client.get("/v1/people/self")), "UNAUTHENTICATED");
    provider.takeBack(WHO);
  });

  it("ends at once when the provider itself says so through the back channel", async () => {
    let sid = "";
    provider.meddle = (answer) => {
      const claims = Buffer.from(String(answer["id_token"]).split(".")[1] ?? "", "base64url").toString("utf8");
      sid = String((JSON.parse(claims) as { sid?: string }).sid);
      return answer;
    };
    const { client } = await session();
    provider.meddle = undefined;
    const other = await session();
    await provider.callBackChannel(WHO, sid);
    assert.equal(await refusal(client.get("/v1/people/self")), "UNAUTHENTICATED");
    assert.equal((await other.client.get("/v1/people/self")).text("id"), crew.ben.id);
  });

  it("takes a form for the logout alone, and a logout token in a form alone of the right kind", async () => {
    const form = "application/x-www-form-urlencoded";
    for (const path of ["/v1/sessions", "/v1/oidc/logins", "/v1/oidc/sessions"]) {
      const { status } = await rest.http.post(path).set("content-type", form).send("purpose=sign-in");
      assert.equal(status, 400, path);
    }
    assert.equal((await rest.http.post("/v1/oidc/logout").set("content-type", form).send("logout_token=a.b.c")).status, 400);
    assert.equal((await rest.http.post("/v1/oidc/logout").set("content-type", form).send("other=1")).status, 400);
  });

  it("lets custodians see and end the sessions of others, and nobody else", async () => {
    const { client } = await session();
    const path = `/v1/people/${crew.ben.id}/sessions`;
    const shown = (await crew.ada.client.get(path, { limit: 200 })).list("items").filter((item) => item.text("method") === "oidc");
    assert.equal(shown.length >= 1, true);
    for (const item of shown) await crew.ada.client.remove(`${path}/${item.text("id")}`);
    assert.equal(await refusal(client.get("/v1/people/self")), "UNAUTHENTICATED");
  });

  it("has written neither a token, nor a code, nor the client's secret into the operators' log", () => {
    const text = rest.lines.join("\n");
    assert.equal(/rko_|rks_|rki_|client secret|code=/.test(text), false);
  });
});
