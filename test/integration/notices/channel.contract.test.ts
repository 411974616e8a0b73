import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { mkdtemp, readFile, rename, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { SmtpConfig } from "../../../src/config/config.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { Secret } from "../../../src/kernel/secret.js";
import type { Channel } from "../../../src/notices/channel.port.js";
import { FileChannel } from "../../../src/notices/file-channel.adapter.js";
import { composeMessage } from "../../../src/notices/message.js";
import { SlackChannel } from "../../../src/notices/slack-channel.adapter.js";
import { SmtpChannel } from "../../../src/notices/smtp-channel.adapter.js";
import { WebhookChannel } from "../../../src/notices/webhook-channel.adapter.js";
import { MailReceiver, PostReceiver } from "../../support/notice-receivers.js";
import { selfSigned } from "../../support/stream-receivers.js";

// real: the channels, SMTP, TLS, HTTP, files. double: the receivers.

const SECRET = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const SLACK_SECRET = "abcdefgh12345678";
const DEADLINE_MS = 500;
const never = new AbortController().signal;
const certificate = selfSigned();
const authorities = certificate.cert;
const directory = await mkdtemp(join(tmpdir(), "rootkeep-notices-"));
const stops: (() => Promise<unknown>)[] = [() => rm(directory, { recursive: true, force: true })];
after(async () => {
  for (const stop of stops.reverse()) await stop();
});

const message = (id: string) =>
  composeMessage(
    id,
    {
      topic: "request.submitted",
      facts: { request: "req_0123456789abcdefghjkmnpqrs", purpose: "drill" },
      time: "2026-01-01T00:00:00.000Z",
    },
    { deployment: "test", publicUrl: "https://vault.example.com" },
  );

interface Home {
  readonly channel: Channel;
  /** Texts of the messages that were taken. */
  taken(): Promise<readonly string[]>;
  refuse(): Promise<readonly string[]>;
  /** Reasons of a receiver that does not answer; null where there is nobody to wait for. */
  hold: (() => readonly string[]) | null;
  mend(): Promise<void>;
}

async function smtpHome(how: "loopback" | "starttls" | "tls"): Promise<Home> {
  const receiver = await MailReceiver.start({
    ...certificate,
    secure: how === "tls",
    ...(how === "loopback" ? { disabledCommands: ["STARTTLS", "AUTH"] } : {}),
  });
  stops.push(() => receiver.stop());
  const config: SmtpConfig = {
    host: how === "loopback" ? "127.0.0.1" : "localhost",
    port: receiver.port,
    isImplicitTls: how === "tls",
    isLoopback: how === "loopback",
    user: how === "loopback" ? null : "vault@example.com",
    password: how === "loopback" ? null : Secret.of("right password"),
    from: "rootkeep@example.com",
  };
  return {
    channel: new SmtpChannel(config, { authorities, deadlineMs: DEADLINE_MS }),
    taken: async () => {
      for (const { isSecure, to, user } of receiver.mails) {
        assert.deepEqual([isSecure, to, user], [how !== "loopback", ["ben@example.com"], config.user ?? undefined]);
      }
      return receiver.mails.map(({ raw }) => raw);
    },
    refuse: async () => {
      receiver.manner = "refuse";
      return ["smtp_answered_452"];
    },
    hold: () => {
      receiver.manner = "hold";
      return ["smtp_timed_out", "smtp_ETIMEDOUT"];
    },
    mend: async () => void (receiver.manner = "take"),
  };
}

async function postHome(isTls: boolean, make: (url: string) => Channel): Promise<Home> {
  const receiver = await PostReceiver.start(isTls ? certificate : undefined);
  stops.push(() => receiver.stop());
  return {
    channel: make(receiver.url),
    taken: async () => receiver.posts.map(({ body }) => body),
    refuse: async () => {
      receiver.manner = "refuse";
      return ["webhook_answered_503"];
    },
    hold: () => {
      receiver.manner = "hold";
      return ["webhook_timed_out"];
    },
    mend: async () => void (receiver.manner = "take"),
  };
}

let files = 0;
async function fileHome(): Promise<Home> {
  const path = join(await mkdtemp(join(directory, `f${String(files++)}-`)), "notices.jsonl");
  const folder = join(path, "..");
  return {
    channel: new FileChannel(path),
    taken: async () => (await readFile(path, "utf8")).split("\n").slice(0, -1),
    refuse: async () => {
      await rename(folder, `${folder}.away`);
      return ["stream_file_ENOENT"];
    },
    hold: null,
    mend: () => rename(`${folder}.away`, folder),
  };
}

const options = { authorities, deadlineMs: DEADLINE_MS };
const HOMES: Readonly<Record<string, () => Promise<Home>>> = {
  "e-mail to a server on loopback": () => smtpHome("loopback"),
  "e-mail with STARTTLS": () => smtpHome("starttls"),
  "e-mail with TLS from the start": () => smtpHome("tls"),
  "a webhook over HTTP": () => postHome(false, (url) => new WebhookChannel(url, Secret.of(SECRET), options)),
  "a webhook over HTTPS": () => postHome(true, (url) => new WebhookChannel(url, Secret.of(SECRET), options)),
  "chat over HTTPS": () => postHome(true, (url) => new SlackChannel(url, Secret.of(SLACK_SECRET), options)),
  "the trial's file": fileHome,
};

const failsFor =
  (reasons: readonly string[]) =>
  (error: unknown): boolean => {
    assert.ok(isRootkeepError(error, "UNAVAILABLE"));
    assert.ok(reasons.includes(error.reason ?? ""), error.reason);
    return true;
  };
const addressFor = ({ isPersonal }: Channel): string | null => (isPersonal ? "ben@example.com" : null);

for (const [name, open] of Object.entries(HOMES))
  describe(`a channel: ${name}`, () => {
    it("hands over messages whole: what it is about, the link, and that nothing secret is in it", async () => {
      const { channel, taken } = await open();
      await channel.send(message("dlv_1"), addressFor(channel), never);
      await channel.send(message("dlv_2"), addressFor(channel), never);
      const texts = await taken();
      assert.equal(texts.length, 2);
      for (const text of texts) {
        assert.match(text.replaceAll("=\r\n", ""), /req_0123456789abcdefghjkmnpqrs/);
        assert.match(text, /a request waits for an approval/);
        assert.match(text.replaceAll("=\r\n", ""), /https:\/\/vault\.example\.com\/v1\/requests\/req_/);
      }
    });

    it("says so, in words of ours alone, when it was not taken, and delivers when it can again", async () => {
      const { channel, taken, refuse, mend } = await open();
      const reasons = await refuse();
      await assert.rejects(channel.send(message("dlv_1"), addressFor(channel), never), failsFor(reasons));
      await mend();
      await channel.send(message("dlv_1"), addressFor(channel), never);
      assert.equal((await taken()).length, 1);
    });

    it("waits for nobody for ever, and stops when told to", async (t) => {
      const { channel, hold } = await open();
      if (hold === null) {
        t.skip("a file answers at once");
        return;
      }
      const reasons = hold();
      await assert.rejects(channel.send(message("dlv_1"), addressFor(channel), never), failsFor(reasons));
      await assert.rejects(channel.send(message("dlv_1"), addressFor(channel), AbortSignal.timeout(50)), failsFor(reasons));
    });
  });

describe("e-mail", () => {
  const configOf = (port: number, rest: Partial<SmtpConfig> = {}): SmtpConfig => ({
    host: "localhost",
    port,
    isImplicitTls: false,
    isLoopback: false,
    user: null,
    password: null,
    from: "rootkeep@example.com",
    ...rest,
  });
  const channelOf = (port: number, rest: Partial<SmtpConfig> = {}, trusted = authorities): SmtpChannel =>
    new SmtpChannel(configOf(port, rest), { authorities: trusted, deadlineMs: DEADLINE_MS });

  it("is not sent in the clear beyond loopback, and not to a server with somebody else's certificate [L8]", async () => {
    const plain = await MailReceiver.start({ disabledCommands: ["STARTTLS", "AUTH"] });
    const encrypted = await MailReceiver.start({ ...certificate });
    stops.push(
      () => plain.stop(),
      () => encrypted.stop(),
    );
    await assert.rejects(
      channelOf(plain.port).send(message("dlv_1"), "ben@example.com", never),
      failsFor(["smtp_ETLS", "smtp_answered_500"]),
    );
    const stranger = selfSigned().cert;
    await assert.rejects(
      channelOf(encrypted.port, {}, stranger).send(message("dlv_1"), "ben@example.com", never),
      failsFor(["smtp_ESOCKET", "smtp_ETLS"]),
    );
    assert.deepEqual([plain.mails, encrypted.mails], [[], []]);
  });

  it("is refused with a wrong password, and the answer's words are not repeated", async () => {
    const receiver = await MailReceiver.start({ ...certificate });
    stops.push(() => receiver.stop());
    const channel = channelOf(receiver.port, { user: "vault", password: Secret.of("wrong password") });
    await assert.rejects(channel.send(message("dlv_1"), "ben@example.com", never), failsFor(["smtp_answered_535", "smtp_EAUTH"]));
  });

  it("goes to one address and no other, whatever stands in a person's row: no header and no second recipient can be written there", async () => {
    const receiver = await MailReceiver.start({ ...certificate });
    stops.push(() => receiver.stop());
    const channel = channelOf(receiver.port);
    const bad = [
      "ben@example.com\r\nBcc: eve@evil.example",
      "ben@example.com, eve@evil.example",
      "Ben <eve@evil.example>",
      "ben@example.com\n",
      "eve@evil.example;ben@example.com",
      '"a b"@example.com',
      "@example.com",
      "",
    ];
    for (const address of bad) await assert.rejects(channel.send(message("dlv_1"), address, never), failsFor(["smtp_address"]));
    assert.deepEqual(receiver.mails, []);
  });

  it("names the attempt by the same Message-ID each time, and says that no human wrote it", async () => {
    const receiver = await MailReceiver.start({ ...certificate });
    stops.push(() => receiver.stop());
    const channel = channelOf(receiver.port);
    for (let time = 0; time < 2; time++) await channel.send(message("dlv_7"), "ben@example.com", never);
    for (const { raw } of receiver.mails) {
      assert.match(raw, /^Message-ID: <dlv_7@example\.com>\r$/m);
      assert.match(raw, /^Auto-Submitted: auto-generated\r$/m);
      assert.match(raw, /^To: ben@example\.com\r$/m);
    }
  });
});

describe("a webhook", () => {
  it("is signed over id, time and body, with the id of the delivery", async () => {
    const receiver = await PostReceiver.start();
    stops.push(() => receiver.stop());
    await new WebhookChannel(receiver.url, Secret.of(SECRET)).send(message("dlv_9"), null, never);
    const { body = "", headers: received = {} } = receiver.posts[0] ?? {};
    const headers = received as Readonly<Record<string, string>>;
    const mac = createHmac("sha256", Buffer.alloc(32, 7));
    const signature = mac.update(`${headers["webhook-id"]!}.${headers["webhook-timestamp"]!}.${body}`).digest("base64");
    assert.deepEqual([headers["webhook-id"], headers["webhook-signature"]], ["dlv_9", `v1,${signature}`]);
    const { format, id, topic, isPage } = JSON.parse(body) as Record<string, unknown>;
    assert.deepEqual([format, id, topic, isPage], ["rk-notice-1", "dlv_9", "request.submitted", false]);
  });
});

describe("chat", () => {
  it("is posted to the approved place with the secret as last element", async () => {
    const receiver = await PostReceiver.start();
    stops.push(() => receiver.stop());
    await new SlackChannel(receiver.url, Secret.of(SLACK_SECRET)).send(message("dlv_9"), null, never);
    assert.equal(receiver.posts[0]?.path, `/in/${SLACK_SECRET}`);
  });
});

describe("the trial's file", () => {
  it("can be read by its owner alone", async () => {
    const path = join(directory, "owner.jsonl");
    await new FileChannel(path).send(message("dlv_1"));
    assert.equal((await stat(path)).mode & 0o777, 0o600);
  });
});
