import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { inspect } from "node:util";
import type { Id } from "../../../src/kernel/ids.js";
import { seedOf } from "../../support/authenticator-app.js";
import { DatabaseOwner } from "../../support/database-owner.js";
import { type Actor, formOf, Vault } from "../../support/vault.js";

const ROOT_PASSWORD = "Canary-7f3a91-Passw0rd";
const REFUSED_PASSWORD = "Canary-c0ffee-Refused1";
const SEED = "MNQW4YLSPEWTKZLFMQQHG2DPOVWGIIDTNBQXEZI";
const OWN_PASSWORD = "canary pass phrase of a person 5521";
const WRONG_PASSWORD = "canary wrong pass phrase 9917";

// real: PostgreSQL dumped whole by its superuser, file root key, every service. double: none.
describe("secrets have no way out but the one [L8]", () => {
  let vault: Vault;
  let owner: DatabaseOwner;
  let ada: Actor;
  let rita: Actor;
  let alan: Actor;
  let account: Id<"account">;
  const errors: unknown[] = [];
  /** What must be found nowhere: name and the value's bytes. */
  const marks = new Map<string, Buffer>();

  const mark = (name: string, value: string | Buffer): void => void marks.set(name, Buffer.from(value));
  const failing = async (act: Promise<unknown>): Promise<void> => {
    await act.then(
      () => assert.fail("was to fail"),
      (error: unknown) => errors.push(error),
    );
  };

  before(async () => {
    vault = await Vault.open();
    [ada] = await vault.found();
    rita = await vault.enrol("Rita Requester", ["requester"]);
    alan = await vault.enrol("Alan Approver", ["approver"]);
    account = await vault.import("111122223333", { customer: "Control Customer", password: ROOT_PASSWORD, seed: SEED });
    mark("root password", ROOT_PASSWORD);
    mark("root password of a refused file", REFUSED_PASSWORD);
    mark("seed, base32", SEED);
    mark("seed, bytes", seedOf(SEED));
    mark("person's password", OWN_PASSWORD);
    mark("wrong password", WRONG_PASSWORD);
    mark("session token", rita.token);
    const header = "aws_account_id,partition,kind,customer,root_email,password,mfa_seed";
    const csv = (...lines: string[]): Buffer => Buffer.from([header, ...lines, ""].join("\n"));
    const options = { onError: "reject", fromLine: 1 } as const;
    await failing(vault.imports.run(ada, csv(`12,aws,standalone,Acme,bad,${REFUSED_PASSWORD},${SEED}`), options));
    await failing(vault.imports.run(ada, csv(`444455556666,aws,standalone,Acme,a@b.example,${REFUSED_PASSWORD},not-${SEED}`), options));
    await failing(vault.imports.run(ada, csv(`111122223333,aws,standalone,Acme,a@b.example,${REFUSED_PASSWORD},${SEED}`), options));
    await failing(vault.imports.run(rita, csv(`444455556666,aws,standalone,Acme,a@b.example,${REFUSED_PASSWORD},${SEED}`), options));
    await becomeSomebody();
    await openings();
    owner = await DatabaseOwner.take(vault.database);
  });
  after(async () => {
    await owner.close();
    await vault.drop();
  });

  async function becomeSomebody(): Promise<void> {
    const { requestId } = await vault.decide({ operation: "person.enrol", subject: { name: "Nora New", email: "nora@example.com" } });
    const { token, code } = await vault.invitation(requestId);
    mark("invitation's token", token);
    mark("invitation's code", code);
    await failing(vault.people.halves.takeLink(requestId, ada, "000000"));
    await failing(vault.people.enrolment.accept({ token, code: "2222222222", password: OWN_PASSWORD }));
    await failing(vault.people.enrolment.accept({ token, code, password: "short" }));
    const { otpauth } = await vault.people.enrolment.accept({ token, code, password: OWN_PASSWORD });
    const secret = new URL(otpauth).searchParams.get("secret") ?? "";
    mark("authenticator's seed, base32", secret);
    mark("authenticator's seed, bytes", seedOf(secret));
    await failing(vault.people.enrolment.confirm(token, "000000"));
    await failing(vault.people.signIn.signIn({ email: rita.email, password: WRONG_PASSWORD, code: "000000", address: "127.0.0.9" }));
    await failing(vault.people.signIn.signIn({ email: "no@example.com", password: WRONG_PASSWORD, code: "000000", address: "127.0.0.9" }));
    await failing(vault.people.sessions.authenticate(`${rita.token}x`));
  }

  async function openings(): Promise<void> {
    const { grantId } = await vault.grant(rita, [alan], account);
    assert.equal(await vault.open(rita, grantId), ROOT_PASSWORD);
    const { value } = await vault.reveals.code(rita, grantId, await rita.app.next());
    value.wipe();
    await failing(vault.open(rita, grantId));
    await failing(vault.reveals.reveal(rita, grantId, "mfa-seed", await rita.app.next()));
    await vault.grants.giveBack(rita, grantId);
    await failing(
      vault.requests.submit(
        rita,
        formOf({ operation: "secret.reveal", accountId: account, purpose: "billing-root-only", ticket: "INC-1" }),
      ),
    );
    const second = await vault.grant(rita, [alan], account, "account-password-change");
    await vault.grants.giveBack(rita, second.grantId);
    await failing(vault.open(rita, second.grantId));
  }

  /** The forms in which a value may have been written down. */
  const formsOf = (value: Buffer): string[] => [
    value.toString("utf8"),
    value.toString("hex"),
    value.toString("base64").replaceAll("=", ""),
    value.toString("base64url"),
    encodeURIComponent(value.toString("utf8")),
  ];
  /** Names of the marks that `text` holds in any form; case is not minded. */
  const found = (text: string): string[] => {
    const low = text.toLowerCase();
    return [...marks].filter(([, value]) => formsOf(value).some((form) => low.includes(form.toLowerCase()))).map(([name]) => name);
  };

  it("leaves no mark in any column of any table, the log's entries and their search copies among them", async () => {
    const tables = await owner.rows<{ name: string }>(
      `SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables
       WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`,
    );
    assert.ok(tables.length >= 15, "every schema is dumped");
    let rows = 0;
    let sawControl = false;
    for (const { name } of tables) {
      for (const { text } of await owner.rows<{ text: string }>(`SELECT to_jsonb(t)::text AS text FROM ${name} t`)) {
        rows++;
        sawControl ||= text.includes("Control Customer");
        assert.deepEqual(found(text), [], name);
      }
      // to_jsonb writes bytea as hex; as text it would be found too.
      for (const { entry } of name === "audit.entry" ? await owner.rows<{ entry: Buffer }>("SELECT entry FROM audit.entry") : []) {
        assert.deepEqual(found(entry.toString("utf8")), [], "an entry");
      }
    }
    assert.ok(rows > 100);
    assert.ok(sawControl, "what is no secret is found, so the search works");
  });

  it("leaves no mark in what the database shows of its sessions and statements", async () => {
    for (const { text } of await owner.rows<{ text: string }>("SELECT to_jsonb(a)::text AS text FROM pg_stat_activity a")) {
      assert.deepEqual(found(text), []);
    }
  });

  it("leaves no mark in errors, however they are printed, nor in alarms", () => {
    assert.ok(errors.length >= 12);
    for (const error of errors) {
      const whole = inspect(error, { depth: 20, showHidden: true, getters: true });
      const { message, stack, cause } = error as Error;
      const texts = [whole, String(error), message, stack ?? "", JSON.stringify(error), inspect(cause, { depth: 20 })];
      for (const text of texts) assert.deepEqual(found(text), [], message);
    }
    assert.deepEqual(found(JSON.stringify(vault.alarms)), []);
  });

  it("leaves no mark in the answers of those who only look", async () => {
    const requests = await vault.requests.listFor(vault.custodians![0].personId, {}, "", 100);
    const answers: unknown[] = [
      requests,
      await vault.secrets.ofAccount(account),
      await vault.accounts.list("", 10),
      await vault.people.people.list(),
    ];
    answers.push(await vault.people.allowlist.list(), await vault.reader.entries(0, 1_000));
    for (const answer of answers) assert.deepEqual(found(inspect(answer, { depth: 20, maxStringLength: null, maxArrayLength: null })), []);
  });

  it("prints and stores a released value as nothing", async () => {
    const { grantId } = await vault.grant(rita, [alan], account, "account-password-change");
    const released = await vault.reveals.reveal(rita, grantId, "root-password", await rita.app.next());
    for (const text of [
      inspect(released, { depth: 20, showHidden: true }),
      JSON.stringify(released),
      String(released.value),
      released.value.toString(),
    ]) {
      assert.deepEqual(found(text), []);
    }
    await assert.rejects(owner.run("SELECT $1::text", [released.value]));
    assert.equal(
      released.value.expose((bytes) => bytes.toString("utf8")),
      ROOT_PASSWORD,
    );
    released.value.wipe();
  });
});
