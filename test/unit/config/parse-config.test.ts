import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Config, ConfigProblem } from "../../../src/config/config.js";
import { ConfigError } from "../../../src/config/config.js";
import type { Environment, FileContents } from "../../../src/config/environment.js";
import { parseConfig } from "../../../src/config/parse-config.js";
import { TRIAL_NAMES } from "../../../src/config/reference.js";

const KMS_KEY = "aws-kms:arn:aws:kms:eu-central-1:444455556666:key/0123abcd-0123-0123-0123-0123456789ab";
const DATABASE = "postgres://rootkeep_service:hunter2hunter2@db.example.com/rootkeep";

function parse(environment: Environment, files: FileContents = {}): Config {
  return parseConfig(environment, { cwd: "/srv/vault", files });
}

function problemsOf(environment: Environment, files: FileContents = {}): readonly ConfigProblem[] {
  try {
    parse(environment, files);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems;
  }
  return [];
}

function refusedNames(environment: Environment, files: FileContents = {}): readonly string[] {
  return problemsOf(environment, files).map(({ variable }) => variable);
}

const TOLD = {
  ROOTKEEP_NOTICE_WEBHOOK: "https://hooks.example.com/in",
  ROOTKEEP_NOTICE_WEBHOOK_SECRET: `whsec_${"A".repeat(43)}=`,
};

const RECIPIENT = "age1zwlyl6h27gzv0lfntr7fcqrjrzqazap8sy5zylkxwneh7llf0dksu37mwt";

describe("the configuration", () => {
  it("is a complete loopback trial when nothing is set", () => {
    const config = parse({});
    assert.deepEqual(config, {
      deployment: "trial",
      listen: { host: "127.0.0.1", port: 8480, isLoopback: true },
      dataDirectory: "/srv/vault/.rootkeep",
      database: { kind: "embedded", directory: "/srv/vault/.rootkeep/postgres" },
      poolSize: 10,
      rootKeys: {
        password: "file:/srv/vault/.rootkeep/root-key.json",
        mfa: "file:/srv/vault/.rootkeep/root-key.json",
        mail: "file:/srv/vault/.rootkeep/root-key.json",
        people: "file:/srv/vault/.rootkeep/root-key.json",
      },
      awsKmsEndpoint: null,
      glassTicketPattern: "(?:INC|P1)-[1-9][0-9]{0,9}",
      delivery: "any",
      ticketPattern: "[A-Z][A-Z0-9]{1,9}-[1-9][0-9]{0,9}",
      logOrigin: "rootkeep.local/audit/trial/1",
      logKey: "file:/srv/vault/.rootkeep/log-key.json",
      logVerifierKey: null,
      guard: "file:/srv/vault/.rootkeep/guard",
      anchors: [],
      witnesses: [],
      awsS3Endpoint: null,
      posture: { role: null, everyHours: 24, profiles: {}, endpoint: null },
      foundingCustodians: 2,
      recertifyDays: 92,
      refusedAccounts: [],
      rootMail: null,
      escrowRecipient: null,
      backupHorizonDays: null,
      secondStore: null,
      oidc: null,
      isPasswordOffered: true,
      sessions: { idleSeconds: 900, absoluteSeconds: 28_800 },
      stream: { format: "plain", file: null, syslog: null, webhook: null },
      notices: { smtp: null, webhook: null, slack: null, trialFile: "/srv/vault/.rootkeep/notices.jsonl" },
      tickets: { system: "none" },
      publicUrl: null,
      brake: { person: 20, deployment: 100, windowMinutes: 60 },
      trial: { totpPeriodSeconds: 30, authenticatorWaitSeconds: 86_400, printsInvitations: true, opensBeforeGuard: false, names: [] },
      isProduction: false,
      warnings: ["file-root-key"],
    });
  });

  it("cannot be changed after it was validated, at any depth", () => {
    const config = parse({ ROOTKEEP_REFUSED_ACCOUNTS: "111122223333" });
    for (const part of [config, config.listen, config.database, config.rootKeys, config.trial, config.refusedAccounts, config.warnings])
      assert.ok(Object.isFrozen(part));
  });

  it("refuses a ROOTKEEP_ variable that it does not know, and leaves other programs' variables alone", () => {
    assert.deepEqual(problemsOf({ ROOTKEEP_LISTEN_PROT: "8480", PATH: "/bin" }), [
      { variable: "ROOTKEEP_LISTEN_PROT", rule: "is not known here" },
    ]);
  });

  it("reports every problem at once", () => {
    const names = refusedNames({ ROOTKEEP_LISTEN_PORT: "x", ROOTKEEP_POOL_SIZE: "0", ROOTKEEP_DEPLOYMENT: "Prod!", ROOTKEEP_ODD: "1" });
    assert.deepEqual(names.toSorted(), ["ROOTKEEP_DEPLOYMENT", "ROOTKEEP_LISTEN_PORT", "ROOTKEEP_ODD", "ROOTKEEP_POOL_SIZE"]);
  });

  it("takes an empty variable as not set", () => {
    assert.deepEqual(parse({ ROOTKEEP_DEPLOYMENT: "", DATABASE_URL: "", DATABASE_URL_FILE: "" }), parse({}));
  });

  const BAD: readonly (readonly [string, readonly string[]])[] = [
    ["ROOTKEEP_DEPLOYMENT", ["Prod", "a b", "a".repeat(33), "ü", "a\n"]],
    ["ROOTKEEP_LISTEN_HOST", ["a b", "host/", "[::1]"]],
    ["ROOTKEEP_LISTEN_PORT", ["-1", "65536", "08480", "8e3", "0x10", " 1", "1.5"]],
    ["ROOTKEEP_DATA_DIR", ["a\u0000b", "a\u202eb", "a\nb"]],
    ["DATABASE_URL", ["mysql://a@b/c", "postgres://a b", "db.example.com"]],
    ["ROOTKEEP_POOL_SIZE", ["1", "201"]],
    ["ROOTKEEP_ROOT_KEY", ["key.json", "file:", "pkcs11:token=a", KMS_KEY.replace("key/", "alias/"), `${KMS_KEY}x`]],
    ["ROOTKEEP_SECOND_STORE", ["no", "None", "file:", "s3:", "https://bucket", "copies"]],
    ["ROOTKEEP_AWS_KMS_ENDPOINT", ["http://kms.example.com", "https://user@kms.example.com", "https://kms.example.com/path"]],
    ["ROOTKEEP_TICKET_PATTERN", ["(", "A)|(B", ".*", "a b", "a".repeat(201)]],
    ["ROOTKEEP_LOG_ORIGIN", ["https://example.com/a", "example.com", "Example.com/a", "example.com/a b"]],
    ["ROOTKEEP_FOUNDING_CUSTODIANS", ["1", "10"]],
    ["ROOTKEEP_REFUSED_ACCOUNTS", ["123", "000000000000", "111122223333,,444455556666", "111122223333;444455556666"]],
    ["ROOTKEEP_STREAM_FILE", ["a\nb"]],
    [
      "ROOTKEEP_ESCROW_RECIPIENT",
      [
        RECIPIENT.toUpperCase(),
        `${RECIPIENT}q`,
        RECIPIENT.replace(/.$/, "q"),
        RECIPIENT.replace("age1z", "age1p"),
        "age1pq1qqqq",
        "AGE-SECRET-KEY-1",
      ],
    ],
    [
      "ROOTKEEP_STREAM_SYSLOG",
      [
        "siem.example.com:6514",
        "tls://siem.example.com",
        "tcp://siem.example.com:514",
        "tcp://127.0.0.1.example.com:514",
        "udp://127.0.0.1:514",
        "tls://siem.example.com:65536",
        "tls://user@siem.example.com:6514",
        "tls://siem.example.com:6514/x",
      ],
    ],
    [
      "ROOTKEEP_STREAM_WEBHOOK",
      [
        "http://siem.example.com",
        "http://127.0.0.1.example.com/",
        "https://user:word@siem.example.com/",
        "https://siem.example.com:0/",
        "https://siem.example.com:65536/",
        "https://siem.example.com/#a",
        "siem.example.com",
      ],
    ],
    ["ROOTKEEP_STREAM_WEBHOOK_SECRET", ["short", `whsec_${"a".repeat(31)}`, "a".repeat(44), `whsec_${"-".repeat(44)}`]],
    ["ROOTKEEP_STREAM_FORMAT", ["json", "OCSF"]],
    ["ROOTKEEP_TRIAL_TOTP_PERIOD_SECONDS", ["0", "301"]],
    ["ROOTKEEP_TRIAL_AUTHENTICATOR_WAIT_SECONDS", ["-1", "604801"]],
    ["ROOTKEEP_TRIAL_PRINT_INVITATIONS", ["true", "Yes", "1"]],
  ];
  for (const [name, values] of BAD)
    it(`refuses a ${name} that breaks its rule`, () => {
      for (const value of values) assert.ok(refusedNames({ [name]: value }).includes(name), JSON.stringify(value));
    });

  it("takes every way of a stream, and a webhook only with the secret that signs it", () => {
    const secret = `whsec_${Buffer.alloc(32, 1).toString("base64")}`;
    const { stream } = parse({
      ROOTKEEP_STREAM_FORMAT: "ocsf",
      ROOTKEEP_STREAM_FILE: "copies/log.jsonl",
      ROOTKEEP_STREAM_SYSLOG: "tls://siem.example.com:6514",
      ROOTKEEP_STREAM_WEBHOOK: "https://siem.example.com:8443/in?index=1",
      ROOTKEEP_STREAM_WEBHOOK_SECRET: secret,
    });
    assert.equal(
      stream.webhook?.secret.expose((text) => text),
      secret,
    );
    assert.deepEqual(JSON.parse(JSON.stringify(stream)), {
      format: "ocsf",
      file: "/srv/vault/copies/log.jsonl",
      syslog: "tls://siem.example.com:6514",
      webhook: { url: "https://siem.example.com:8443/in?index=1", secret: "[secret]" },
    });
    for (const good of ["tcp://127.0.0.1:514", "tcp://[::1]:514", "tls://[2001:db8::1]:6514"])
      assert.equal(parse({ ROOTKEEP_STREAM_SYSLOG: good }).stream.syslog, good);
    assert.deepEqual(refusedNames({ ROOTKEEP_STREAM_WEBHOOK: "https://siem.example.com/" }), ["ROOTKEEP_STREAM_WEBHOOK_SECRET"]);
    assert.deepEqual(refusedNames({ ROOTKEEP_STREAM_WEBHOOK_SECRET: secret }), ["ROOTKEEP_STREAM_WEBHOOK_SECRET"]);
    const fromFile = { ROOTKEEP_STREAM_WEBHOOK: "http://127.0.0.1:8088", ROOTKEEP_STREAM_WEBHOOK_SECRET_FILE: "/run/secret" };
    assert.notEqual(parse(fromFile, { ROOTKEEP_STREAM_WEBHOOK_SECRET_FILE: `${secret}\n` }).stream.webhook, null);
  });

  it("takes good values of every kind", () => {
    const config = parse({
      ROOTKEEP_DEPLOYMENT: "emea-1",
      ROOTKEEP_LISTEN_HOST: "::1",
      ROOTKEEP_LISTEN_PORT: "0",
      ROOTKEEP_DATA_DIR: "/var/lib/../lib/rootkeep",
      ROOTKEEP_ROOT_KEY: "file:keys/root.json",
      ROOTKEEP_ROOT_KEY_MFA: "file:/etc/rootkeep/mfa.json",
      ROOTKEEP_AWS_KMS_ENDPOINT: "http://127.0.0.1:5000",
      ROOTKEEP_TICKET_PATTERN: "OPS-\\d{1,6}",
      ROOTKEEP_LOG_ORIGIN: "vault.example.com/audit/emea/2",
      ROOTKEEP_REFUSED_ACCOUNTS: "444455556666, 111122223333,444455556666",
      ROOTKEEP_TRIAL_PRINT_INVITATIONS: "no",
    });
    assert.deepEqual(config.listen, { host: "::1", port: 0, isLoopback: true });
    assert.equal(config.dataDirectory, "/var/lib/rootkeep");
    assert.equal(config.rootKeys.password, "file:/srv/vault/keys/root.json");
    assert.equal(config.rootKeys.mfa, "file:/etc/rootkeep/mfa.json");
    assert.deepEqual(config.refusedAccounts, ["111122223333", "444455556666"]);
    assert.equal(config.trial.printsInvitations, false);
    assert.deepEqual(config.warnings, ["file-root-key", "trial-settings"]);
  });
});

describe("production", () => {
  const CASES = {
    "listening beyond loopback": { ROOTKEEP_LISTEN_HOST: "0.0.0.0" },
    "an external database": { DATABASE_URL: DATABASE },
    "a root key that is not file:": { ROOTKEEP_ROOT_KEY_MFA: KMS_KEY },
  };
  for (const [name, environment] of Object.entries(CASES)) {
    it(`is ${name}`, () => {
      assert.equal(parse({ ROOTKEEP_ROOT_KEY: KMS_KEY, ...environment }).isProduction, true);
    });

    it(`with ${name} refuses every file: root key`, () => {
      const names = refusedNames(environment);
      assert.ok(names.some((variable) => variable.startsWith("ROOTKEEP_ROOT_KEY")));
    });

    it(`with ${name} refuses every trial setting, also one at its default`, () => {
      for (const trial of TRIAL_NAMES) {
        const value = trial.endsWith("INVITATIONS") ? "no" : "30";
        assert.deepEqual(refusedNames({ ROOTKEEP_ROOT_KEY: KMS_KEY, ...environment, [trial]: value }), [trial]);
      }
    });
  }

  it("names the domain whose root key alone is in the clear", () => {
    assert.deepEqual(refusedNames({ ROOTKEEP_ROOT_KEY: KMS_KEY, ROOTKEEP_ROOT_KEY_MAIL: "file:mail.json" }), ["ROOTKEEP_ROOT_KEY_MAIL"]);
  });

  it("is not escaped by an address that only looks like loopback", () => {
    for (const host of ["127.0.0.1.example.com", "localhost.example.com", "127.0.0.256", "127.1", "::", "::ffff:127.0.0.1"])
      assert.equal(parse({ ROOTKEEP_LISTEN_HOST: host, ROOTKEEP_ROOT_KEY: KMS_KEY }).listen.isLoopback, false, host);
    for (const host of ["localhost", "127.255.255.254", "::1"])
      assert.equal(parse({ ROOTKEEP_LISTEN_HOST: host }).isProduction, false, host);
  });

  it("prints no invitations and warns about fewer than three custodians", () => {
    const config = parse({ ROOTKEEP_ROOT_KEY: KMS_KEY });
    assert.equal(config.trial.printsInvitations, false);
    assert.deepEqual(config.warnings, ["few-custodians", "file-guard", "no-escrow", "no-second-store", "no-notice-channel"]);
    assert.deepEqual(parse({ ROOTKEEP_ROOT_KEY: KMS_KEY, ROOTKEEP_FOUNDING_CUSTODIANS: "3" }).warnings, [
      "file-guard",
      "no-escrow",
      "no-second-store",
      "no-notice-channel",
    ]);
  });

  it("warns about a guard that is a file, which no second replica shares", () => {
    const wellGuarded = {
      ROOTKEEP_ROOT_KEY: KMS_KEY,
      ROOTKEEP_FOUNDING_CUSTODIANS: "3",
      ROOTKEEP_GUARD: "s3://guard/note?region=eu-central-1",
      ROOTKEEP_ESCROW_RECIPIENT: RECIPIENT,
      ROOTKEEP_SECOND_STORE: "s3://copies?region=eu-central-1",
    };
    assert.deepEqual(parse({ ...wellGuarded, ...TOLD }).warnings, []);
    assert.deepEqual(parse({}).warnings, ["file-root-key"]);
  });

  it("refuses a second store beside the embedded database, which would go with it; a trial may keep all in one directory", () => {
    for (const place of [".rootkeep", ".rootkeep/copies", "/srv", "/srv/vault/.rootkeep/", ".rootkeep/postgres/../x"])
      assert.deepEqual(
        refusedNames({ ROOTKEEP_ROOT_KEY: KMS_KEY, ROOTKEEP_SECOND_STORE: `file:${place}` }),
        ["ROOTKEEP_SECOND_STORE"],
        place,
      );
    assert.equal(parse({ ROOTKEEP_ROOT_KEY: KMS_KEY, ROOTKEEP_SECOND_STORE: "file:/srv2/x" }).secondStore, "file:/srv2/x");
    assert.equal(parse({ ROOTKEEP_ROOT_KEY: KMS_KEY, ROOTKEEP_SECOND_STORE: "file:.rootkeep2" }).secondStore, "file:/srv/vault/.rootkeep2");
    assert.equal(parse({ ROOTKEEP_SECOND_STORE: "file:.rootkeep/copies" }).secondStore, "file:/srv/vault/.rootkeep/copies");
    assert.equal(parse({ ROOTKEEP_SECOND_STORE: "none" }).secondStore, null);
    const external = { ROOTKEEP_ROOT_KEY: KMS_KEY, DATABASE_URL: DATABASE, ROOTKEEP_SECOND_STORE: "file:/srv/vault/.rootkeep/copies" };
    assert.deepEqual(refusedNames(external), []);
  });

  it("refuses to sign the log with a key that wraps secrets", () => {
    assert.deepEqual(refusedNames({ ROOTKEEP_ROOT_KEY_MAIL: KMS_KEY, ROOTKEEP_ROOT_KEY: KMS_KEY, ROOTKEEP_LOG_KEY: KMS_KEY }), [
      "ROOTKEEP_LOG_KEY",
    ]);
    assert.deepEqual(refusedNames({ ROOTKEEP_ROOT_KEY: "file:one.json", ROOTKEEP_LOG_KEY: "file:./one.json" }), ["ROOTKEEP_LOG_KEY"]);
  });

  it("refuses to keep the root of the accounts that hold its own KMS keys", () => {
    assert.deepEqual(parse({ ROOTKEEP_ROOT_KEY: KMS_KEY, ROOTKEEP_REFUSED_ACCOUNTS: "111122223333" }).refusedAccounts, [
      "111122223333",
      "444455556666",
    ]);
  });
});

describe("secrets in the configuration", () => {
  const environment = { ROOTKEEP_ROOT_KEY: KMS_KEY };

  it("come as secrets that do not print", () => {
    const { database } = parse({ ...environment, DATABASE_URL: DATABASE });
    assert.ok(database.kind === "external");
    assert.equal(
      database.service?.expose((url) => url),
      DATABASE,
    );
    assert.doesNotMatch(JSON.stringify(database) + String(database.service), /hunter2/);
  });

  it("come out of a file without its final line break", () => {
    const { database } = parse({ ...environment, DATABASE_URL_FILE: "/run/secrets/db" }, { DATABASE_URL_FILE: `${DATABASE}\n` });
    assert.ok(database.kind === "external");
    assert.equal(
      database.service?.expose((url) => url),
      DATABASE,
    );
  });

  it("refuse a file that cannot be read, is empty, or stands beside the variable itself", () => {
    assert.deepEqual(refusedNames({ DATABASE_URL_FILE: "/run/x" }, { DATABASE_URL_FILE: null }), ["DATABASE_URL_FILE"]);
    assert.deepEqual(refusedNames({ DATABASE_URL_FILE: "/run/x" }, { DATABASE_URL_FILE: "\n" }), ["DATABASE_URL_FILE"]);
    const both = { ...environment, DATABASE_URL: DATABASE, DATABASE_URL_FILE: "/run/x" };
    assert.deepEqual(refusedNames(both, { DATABASE_URL_FILE: DATABASE }), ["DATABASE_URL_FILE"]);
  });

  it("are enough with the signer's role alone, and refuse one role for serving and signing", () => {
    const signer = "postgres://rootkeep_signer:pw@db.example.com/rootkeep";
    const { database } = parse({ ...environment, ROOTKEEP_SIGNER_DATABASE_URL: signer });
    assert.equal(database.kind === "external" && database.service === null && database.signer !== null, true);
    assert.deepEqual(refusedNames({ ...environment, DATABASE_URL: DATABASE, ROOTKEEP_SIGNER_DATABASE_URL: DATABASE }), [
      "ROOTKEEP_SIGNER_DATABASE_URL",
    ]);
  });

  it("refuse one role for serving and migrating, and a migrating role without a database", () => {
    const owner = "postgres://rootkeep_migrate:pw@db.example.com/rootkeep";
    assert.deepEqual(refusedNames({ ...environment, DATABASE_URL: DATABASE, ROOTKEEP_MIGRATE_DATABASE_URL: DATABASE }), [
      "ROOTKEEP_MIGRATE_DATABASE_URL",
    ]);
    assert.deepEqual(refusedNames({ ROOTKEEP_MIGRATE_DATABASE_URL: owner }), ["ROOTKEEP_MIGRATE_DATABASE_URL"]);
    assert.deepEqual(parse({ ...environment, DATABASE_URL: DATABASE, ROOTKEEP_MIGRATE_DATABASE_URL: owner }).warnings, [
      "few-custodians",
      "file-guard",
      "no-escrow",
      "no-second-store",
      "no-notice-channel",
      "migrate-role-present",
    ]);
  });
});
