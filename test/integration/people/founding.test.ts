import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { draftEntry, SYSTEM_ACTOR } from "../../../src/audit/draft.js";
import { type ErrorCode, isRootkeepError } from "../../../src/kernel/errors.js";
import { AuthenticatorApp } from "../../support/authenticator-app.js";
import { Vault } from "../../support/vault.js";

const PASSWORD = "a long pass phrase of tests";
const isCode =
  (...codes: ErrorCode[]) =>
  (error: unknown): boolean =>
    isRootkeepError(error) && codes.includes(error.code);

// real: PostgreSQL, two replicas, every service. double: none.
describe("founding", () => {
  let vault: Vault;
  let replica: Vault;

  const form = (token: string, name: string) => ({ token, name, email: `${name.toLowerCase()}@example.com`, password: PASSWORD });

  before(async () => {
    vault = await Vault.open();
    replica = await Vault.open({ replicaOf: vault });
  });
  after(async () => {
    await replica.close();
    await vault.drop();
  });

  it("takes no token that it did not hand out, that has run out, or that a newer invitation voided", async () => {
    const { founding } = vault.people;
    const [expired = ""] = founding.invite(new Date(Date.now() - 24 * 3600 * 1000 - 1));
    await assert.rejects(founding.accept(form(expired, "Ada")), isCode("NOT_FOUND"));
    const [old = ""] = founding.invite(new Date());
    const [fresh = ""] = founding.invite(new Date());
    await assert.rejects(founding.accept(form(old, "Ada")), isCode("NOT_FOUND"));
    await assert.rejects(founding.accept(form(`${fresh}x`, "Ada")), isCode("NOT_FOUND"));
    await assert.rejects(founding.accept(form("", "Ada")), isCode("NOT_FOUND"));
    await assert.rejects(founding.confirm(fresh, "000000"), isCode("STATE_CONFLICT"));
    await assert.rejects(founding.accept({ ...form(fresh, "Ada"), password: "short" }), isCode("MALFORMED"));
    await assert.rejects(founding.accept({ ...form(fresh, "Ada"), email: "no address" }), isCode("MALFORMED"));
  });

  it("is void after a restart: another process knows none of the seats", async () => {
    const [token = ""] = vault.people.founding.invite(new Date());
    await vault.people.founding.accept(form(token, "Ada"));
    await assert.rejects(replica.people.founding.confirm(token, "000000"), isCode("NOT_FOUND"));
    await assert.rejects(replica.people.founding.accept(form(token, "Ada")), isCode("NOT_FOUND"));
  });

  it("seats one caller on one seat, and one human on one seat only", async () => {
    const { founding } = vault.people;
    const [one = "", two = ""] = founding.invite(new Date());
    const ends = await Promise.allSettled([founding.accept(form(one, "Ada")), founding.accept(form(one, "Eve"))]);
    assert.deepEqual(
      ends.map(({ status }) => status),
      ["fulfilled", "rejected"],
    );
    await assert.rejects(founding.accept({ ...form(two, "Another"), email: "ADA@Example.com" }), isCode("ALREADY_EXISTS"));
    await assert.rejects(founding.accept({ ...form(two, "ADA"), email: "other@example.com" }), isCode("ALREADY_EXISTS"));
    await assert.rejects(founding.confirm(one, "000000"), isCode("STEP_UP_REQUIRED"));
    assert.equal(founding.isDone, false);
    assert.equal((await vault.reader.head()).size, 1);
  });

  it("happens once: of two processes whose last founders confirm at the same time one is refused", async () => {
    const parties = [];
    // Four different people: it is not the uniqueness of their names that decides.
    for (const [{ people }, names] of [
      [vault, ["Ada", "Ben"]],
      [replica, ["Cleo", "Dan"]],
    ] as const) {
      const tokens = people.founding.invite(new Date());
      const apps: AuthenticatorApp[] = [];
      for (const [index, token] of tokens.entries()) {
        const { otpauth } = await people.founding.accept(form(token, names[index] ?? ""));
        apps.push(new AuthenticatorApp(otpauth));
      }
      assert.deepEqual(await people.founding.confirm(tokens[0] ?? "", (await apps[0]?.next()) ?? ""), { isFounded: false, missing: 1 });
      parties.push({ people, token: tokens[1] ?? "", code: (await apps[1]?.next()) ?? "" });
    }
    const ends = await Promise.allSettled(parties.map(({ people, token, code }) => people.founding.confirm(token, code)));
    assert.equal(ends.filter(({ status }) => status === "fulfilled").length, 1);
    const { size } = await vault.reader.head();
    const entries = await vault.reader.entries(0, size);
    assert.equal(entries.filter(({ entry }) => entry.action === "people.founded").length, 1);
    for (const { people, accounts } of [vault, replica]) {
      await accounts.list("", 1);
      assert.equal(people.founding.isDone, true);
      assert.equal((await people.people.list()).length, 2);
    }
  });

  it("takes nothing any more once it is done, not even an invitation that is handed out anew", async () => {
    for (const { people } of [vault, replica]) {
      const [token = ""] = people.founding.invite(new Date());
      await assert.rejects(people.founding.accept(form(token, "Carl")), isCode("NOT_FOUND"));
      await assert.rejects(people.founding.confirm(token, "000000"), isCode("NOT_FOUND"));
    }
  });
});

// real: PostgreSQL (written to by its owner), every service. double: none.
describe("a founding that approves no configuration, as in production [DR-21]", () => {
  let vault: Vault;
  before(async () => {
    vault = await Vault.open({ foundingDigest: null });
    await vault.found();
  });
  after(() => vault.drop());

  const refused = async (): Promise<unknown[]> => {
    // What this process appended itself is judged when it next reads the log on.
    await vault.transactions.peek(() => Promise.resolve());
    await vault.forged.settled();
    const entries = await vault.reader.entries(0, (await vault.reader.head()).size);
    return entries.filter(({ entry }) => entry.action === "entry.refused").map(({ entry }) => entry["details"]);
  };

  it("is not taken for one that somebody forged, neither by who founded nor by whoever reads it later", async () => {
    assert.deepEqual(await refused(), []);
    const replica = await Vault.open({ replicaOf: vault });
    await replica.forged.settled();
    await replica.close();
    assert.deepEqual(await refused(), []);
  });

  it("is heard of when somebody appends another one, with its mark or without any", async () => {
    const forged: number[] = [];
    const said = vault.log.lastOf("people.founded")?.details ?? {};
    const { foundingMac, commitments: _commitments, ...unmarked } = said;
    for (const details of [{ ...unmarked, foundingMac }, unmarked]) {
      const draft = draftEntry({ action: "people.founded", outcome: "committed", actor: SYSTEM_ACTOR, details: details as never });
      forged.push((await vault.log.record(draft)).facts.seq);
    }
    assert.deepEqual(
      await refused(),
      forged.map((seq) => ({ claims: "people.founded", seq })),
    );
  });
});
