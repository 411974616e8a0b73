import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { parseAddress } from "../../../src/cli/address.js";
import { LocalError } from "../../../src/cli/failure.js";
import { Prompt } from "../../../src/cli/prompt.js";
import { runRootkeep } from "../../../src/cli/run.js";
import { writeSession } from "../../../src/cli/session-file.js";
import { parseClientEnvironment } from "../../../src/config/client-environment.js";
import { Secret } from "../../../src/kernel/secret.js";
import { parseDeliveryKey } from "../../../src/keys/delivery-key.js";
import { enclose } from "../../../src/keys/enclose.js";
import { type DoubleReply, type DoubleRequest, type RestDouble, refusal, startRestDouble } from "../../support/rest-double.js";

const TOKEN = "rks_the-token-of-the-session";
const RECEIPT = "c2sp.org/tlog-proof@v1\nindex 9\n";
const VALUE = "the opened password";
const GRANT = "grt_0123456789abcdefghjkmnpqrs";
const CLEAR_GRANT = "grt_0123456789abcdefghjkmnpqrt";
const FORGED_GRANT = "grt_0123456789abcdefghjkmnpqrv";

/** What the service's own code encloses for the key in the call. */
async function jweFor(body: string): Promise<string> {
  const { deliverTo } = JSON.parse(body) as { deliverTo: Record<string, unknown> };
  return await enclose(Secret.of(Buffer.from(VALUE)), parseDeliveryKey(deliverTo, "deliverTo"));
}

async function answer({ method, url, body }: DoubleRequest): Promise<DoubleReply | undefined> {
  switch (`${method} ${url.pathname}`) {
    case "POST /v1/sessions":
      return { status: 201, body: { sessionId: "ses_1", personId: "per_1", token: TOKEN, expiresAt: "2026-01-01T08:00:00.000Z" } };
    case "GET /v1/people":
      return url.searchParams.has("after")
        ? { body: { items: [person("per_2", "Ben")], next: null } }
        : { body: { items: [person("per_1", "Ada\u001b[2J")], next: "more" } };
    case "POST /v1/requests":
      return body.includes("account-name-change")
        ? refusal(409, "BETTER_WAY", { route: "ROLE", way: "A role calls account:PutAccountName." })
        : { status: 201, body: { id: "req_1", seq: 7 } };
    case `POST /v1/grants/${GRANT}/openings`:
      return {
        headers: { "audit-seq": "9", "audit-leaf": "ab" },
        body: { jwe: await jweFor(body), kind: "root-password", intentSeq: 9, outcomeSeq: 10, receipt: RECEIPT },
      };
    case `POST /v1/grants/${CLEAR_GRANT}/openings`:
      return { body: { value: VALUE, kind: "root-password", intentSeq: 9, outcomeSeq: 10, receipt: RECEIPT } };
    case `POST /v1/grants/${FORGED_GRANT}/openings`:
      return {
        body: { jwe: `${(await jweFor(body)).slice(0, -3)}AAA`, kind: "root-password", intentSeq: 9, outcomeSeq: 10, receipt: RECEIPT },
      };
    case "DELETE /v1/sessions/current":
      return { status: 204 };
    default:
      return undefined;
  }
}

function person(id: string, name: string): object {
  return { id, name, email: "someone@example.com", state: "ACTIVE", createdAt: "2026-01-01T00:00:00.000Z" };
}

interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

describe("rootkeep", () => {
  let folder = "";
  let double: RestDouble;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "rootkeep-cli-"));
    double = await startRestDouble(answer);
  });
  after(async () => {
    await double.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function run(argv: readonly string[], stdin = "", isTerminal = false, address: string | null = double.address): Promise<Ran> {
    const out = { stdout: "", stderr: "" };
    const pipe = {
      async *[Symbol.asyncIterator]() {
        yield await Promise.resolve(stdin);
      },
    };
    const stderr = { write: (text: string) => (out.stderr += text) };
    const status = await runRootkeep(argv, {
      stdout: { isTTY: isTerminal, write: (text: string) => (out.stdout += text) },
      stderr,
      prompt: new Prompt(pipe, stderr),
      environment: { address, sessionFile: join(folder, "session.json") },
    });
    return { status, ...out };
  }
  const signIn = () =>
    writeSession(join(folder, "session.json"), { address: double.address, token: Secret.of(TOKEN), personId: "per_1", expiresAt: "x" });

  it("signs in with what stdin gives, and prints no token", async () => {
    const { status, stdout, stderr } = await run(["login", "--email", "ada@example.com", "--json"], "a long password\n123456\n");
    assert.equal(status, 0, stderr);
    assert.ok(!`${stdout}${stderr}`.includes(TOKEN));
    const sent = double.requests.at(-1);
    assert.deepEqual(JSON.parse(sent?.body ?? ""), { email: "ada@example.com", password: "a long password", code: "123456" });
    assert.equal(sent?.headers["idempotency-key"], undefined, "what releases a secret has no idempotency key");
    assert.ok((await readFile(join(folder, "session.json"), "utf8")).includes(TOKEN));
  });
  it("lists every page, and shows other people's text harmless", async () => {
    await signIn();
    const table = await run(["people", "list"]);
    assert.equal(table.status, 0, table.stderr);
    assert.match(table.stdout, /per_1 +Ada\\u\{1b\}\[2J/);
    assert.match(table.stdout, /per_2 +Ben/);
    const lines = (await run(["people", "list", "--json"])).stdout.trimEnd().split("\n");
    assert.deepEqual(
      lines.map((line) => (JSON.parse(line) as { id: string }).id),
      ["per_1", "per_2"],
    );
    assert.equal(double.requests.at(-1)?.headers.authorization, `Bearer ${TOKEN}`);
  });
  it("ends with 2 when the service refuses, and says code, facts and request id", async () => {
    await signIn();
    const argv = [
      "request",
      "submit",
      "--account",
      "acc_1",
      "--purpose",
      "account-name-change",
      "--ticket",
      "OPS-1",
      "--reason",
      "a new name",
    ];
    const { status, stdout, stderr } = await run(argv);
    assert.equal(status, 2);
    assert.equal(stdout, "");
    assert.match(stderr, /BETTER_WAY \(409\)/);
    assert.match(stderr, /way: A role calls account:PutAccountName\./);
    assert.match(stderr, /request id: 5b1c1f0e-0000-4000-8000-000000000001/);
    const { stderr: json } = await run([...argv, "--json"]);
    assert.equal((JSON.parse(json) as { code: string }).code, "BETTER_WAY");
    assert.match(double.requests.at(-1)?.headers["idempotency-key"]?.toString() ?? "", /^[0-9a-f-]{36}$/);
  });
  it("asks for nothing that it could not show: no terminal, no call", async () => {
    await signIn();
    const before = double.requests.length;
    const { status, stdout } = await run(["reveal", GRANT], "123456\n");
    assert.equal(status, 1);
    assert.equal(stdout, "");
    assert.equal(double.requests.length, before);
  });
  it("prints a secret to a terminal, once, and its facts elsewhere", async () => {
    await signIn();
    const { status, stdout, stderr } = await run(["reveal", GRANT], "123456\n", true);
    assert.equal(status, 0, stderr);
    assert.equal(stdout, `${VALUE}\n`);
    assert.ok(!stderr.includes(VALUE));
    assert.match(stderr, /intentSeq +9/);
  });
  it("writes a secret into a file, and its facts as JSON without it", async () => {
    await signIn();
    const { status, stdout, stderr } = await run(["reveal", GRANT, "--out", join(folder, "secret"), "--json"], "123456\n");
    assert.equal(status, 0, stderr);
    assert.equal(await readFile(join(folder, "secret"), "utf8"), VALUE);
    const { deliveredTo, ...facts } = JSON.parse(stdout) as { deliveredTo: string };
    assert.deepEqual(facts, { kind: "root-password", intentSeq: 9, outcomeSeq: 10, receipt: RECEIPT });
    assert.match(deliveredTo, /^[\w-]{43}$/);
  });
  it("asks for every value under a key of its own, and sends the public part alone", async () => {
    await signIn();
    const sent: Record<string, unknown>[] = [];
    for (const name of ["one", "another"]) {
      assert.equal((await run(["reveal", GRANT, "--out", join(folder, name)], "123456\n")).status, 0);
      sent.push((JSON.parse(double.requests.at(-1)?.body ?? "") as { deliverTo: Record<string, unknown> }).deliverTo);
    }
    assert.deepEqual(Object.keys(sent[0] ?? {}).toSorted(), ["crv", "kty", "x", "y"]);
    assert.notEqual(sent[0]?.["x"], sent[1]?.["x"]);
  });
  it("takes no value in the clear, and none that was changed on the way; says that it counts as seen, and leaves no file", async () => {
    await signIn();
    for (const [grant, pattern] of [
      [CLEAR_GRANT, /has no "jwe"/],
      [FORGED_GRANT, /does not open with the key that was sent: .*counts as seen/],
    ] as const) {
      const { status, stdout, stderr } = await run(["reveal", grant, "--out", join(folder, grant)], "123456\n");
      assert.equal(status, 1);
      assert.match(stderr, pattern);
      assert.ok(!`${stdout}${stderr}`.includes(VALUE));
      assert.ok(!(await readdir(folder)).includes(grant));
    }
  });
  it("keeps the receipt of an opening in a file, and loses no value when that cannot be written", async () => {
    await signIn();
    const path = join(folder, "opening.tlog-proof");
    const { status, stderr } = await run(["reveal", GRANT, "--out", join(folder, "first"), "--receipt", path], "123456\n");
    assert.equal(status, 0, stderr);
    assert.equal(await readFile(path, "utf8"), RECEIPT);
    assert.ok(!stderr.includes("tlog-proof@"));
    const again = await run(["reveal", GRANT, "--out", join(folder, "second"), "--receipt", path], "123456\n");
    assert.equal(again.status, 1);
    assert.match(again.stderr, /the receipt was not written to .*EEXIST/);
    assert.equal(await readFile(join(folder, "second"), "utf8"), VALUE);
    assert.equal(await readFile(path, "utf8"), RECEIPT);
  });
  it("leaves no file when the service refuses to open", async () => {
    await signIn();
    const { status } = await run(["reveal", "grt_absent", "--out", join(folder, "never")], "123456\n");
    assert.equal(status, 2);
    assert.ok(!(await readdir(folder)).includes("never"));
  });
  it("sends the token of one service to no other", async () => {
    await signIn();
    const other = await startRestDouble(answer);
    try {
      const { status, stderr } = await run(["people", "list", "--address", other.address]);
      assert.equal(status, 1);
      assert.match(stderr, /the session is of/);
      assert.equal(other.requests.length, 0);
    } finally {
      await other.close();
    }
  });
  it("follows no redirect with what it sends", async () => {
    const away = await startRestDouble(() => ({ status: 307, headers: { location: `${double.address}/v1/sessions` } }));
    try {
      const before = double.requests.length;
      const { status } = await run(["login", "--email", "ada@example.com", "--address", away.address], "a long password\n123456\n");
      assert.equal(status, 1);
      assert.equal(double.requests.length, before);
    } finally {
      await away.close();
    }
  });
  it("keeps an id that was typed one part of the path", async () => {
    await signIn();
    await run(["account", "show", "../people?x=1"]);
    assert.equal(double.requests.at(-1)?.url.pathname, "/v1/accounts/..%2Fpeople%3Fx%3D1");
    assert.equal((await run(["account", "show", ".."])).status, 1);
  });
  it("signs out at the service and here", async () => {
    await signIn();
    assert.equal((await run(["logout"])).status, 0);
    assert.equal(double.requests.at(-1)?.method, "DELETE");
    const { status, stderr } = await run(["people", "list"]);
    assert.equal(status, 1);
    assert.match(stderr, /nobody is signed in/);
  });
  it("ends with 1 when nobody listens, without a stack", async () => {
    const { status, stderr } = await run(["login", "--email", "a@example.com"], "password\n123456\n", false, "http://127.0.0.1:1");
    assert.equal(status, 1);
    assert.match(stderr, /^http:\/\/127\.0\.0\.1:1 cannot be reached/);
  });
  it("ends with 3 and the usage when it is not understood", async () => {
    for (const argv of [[], ["nonsense"], ["people"], ["reveal"], ["people", "list", "--nonsense"], ["audit", "verify"]]) {
      const { status, stdout } = await run(argv);
      assert.equal(status, 3, argv.join(" "));
      assert.equal(stdout, "");
    }
  });
  it("helps on stdout, on everything, a group and one command", async () => {
    for (const [argv, pattern] of [
      [["help"], /audit export DIR/],
      [["--help"], /request approve REQUEST/],
      [["people", "--help"], /people invite-code REQUEST/],
      [["help", "people", "enrol"], /usage: rootkeep people enrol --name NAME/],
      [["reveal", "--help"], /usage: rootkeep reveal GRANT/],
      [["audit", "verify", "--help"], /usage: rootkeep audit verify DIR/],
      [["--version"], /^rootkeep \d+\.\d+\.\d+\n$/],
    ] as const) {
      const { status, stdout } = await run(argv);
      assert.equal(status, 0, argv.join(" "));
      assert.match(stdout, pattern);
    }
  });
});

describe("the client's address", () => {
  it("is an origin; http only on this machine", () => {
    assert.equal(parseAddress("https://vault.example.com/"), "https://vault.example.com");
    assert.equal(parseAddress("http://[::1]:8480"), "http://[::1]:8480");
    for (const text of [
      "",
      "vault",
      "ftp://vault",
      "http://vault.example.com",
      "http://127.0.0.1.example.com",
      "https://a:b@vault",
      "https://vault/x",
    ]) {
      assert.throws(() => parseAddress(text), LocalError, text);
    }
  });
  it("and the session's file come from the environment", () => {
    assert.deepEqual(parseClientEnvironment({}, "/users/ada"), { address: null, sessionFile: "/users/ada/.config/rootkeep/session.json" });
    assert.deepEqual(parseClientEnvironment({ ROOTKEEP_ADDRESS: "https://vault", ROOTKEEP_SESSION_FILE: "/run/session" }, "/users/ada"), {
      address: "https://vault",
      sessionFile: "/run/session",
    });
  });
});
