// real: the whole application with its signer, PostgreSQL, HTTP; double: nothing. Attacks are made by the database's owner.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Answer } from "../../../src/cli/answer.js";
import { type Crew, castParts, importAccounts, newAccount, obtainGrant, refusal } from "../../support/crew.js";
import { DatabaseOwner } from "../../support/database-owner.js";
import { MarkSearch } from "../../support/marks.js";
import { type RestApp, startRestApp } from "../../support/rest-app.js";

const ACCOUNTS = [newAccount("123456789012"), newAccount("210987654321")];
type Line = Readonly<Record<string, string | number | null>>;

describe("evidence reports", () => {
  let rest: RestApp;
  let crew: Crew;
  let ids: readonly string[] = [];
  let grantId = "";
  let deniedId = "";
  let wasDelivered = "";

  before(async () => {
    rest = await startRestApp();
    crew = await rest.found();
    await castParts(crew);
    const { ada, ben } = crew;
    ids = await importAccounts(crew.cyd, ACCOUNTS);
    grantId = await obtainGrant(crew, ids[0] ?? "");
    wasDelivered = (await ada.open(grantId)).answer.text("deliveredTo");
    assert.equal(await refusal(ada.open(grantId)), "GRANT_SPENT");
    await ada.client.post(`/v1/grants/${grantId}/returns`);
    const opening = { operation: "secret.reveal", accountId: ids[1] ?? "", purpose: "billing-root-only", ticket: "OPS-7" };
    deniedId = await ada.ask(opening);
    await ben.client.post(`/v1/requests/${deniedId}/denials`, { reason: "not on a Friday" });
    const second = await obtainGrant(crew, ids[1] ?? "");
    await ben.client.post(`/v1/grants/${second}/revocations`);
    // The last two entries are of no account's chain, so that nothing but the log's own chain joins them.
    await ben.signIn();
    await ada.signIn();
    await covered();
  });
  after(() => (rest as RestApp | undefined)?.close());

  /** Waits until the signer has covered all that was logged so far. */
  async function covered(): Promise<void> {
    const wanted = (await crew.cyd.client.get("/v1/audit/head")).count("size");
    while ((await page({})).count("size") < wanted) await new Promise((resolve) => setTimeout(resolve, 50));
  }
  async function page(query: Readonly<Record<string, string | number | undefined>>): Promise<Answer> {
    return await crew.cyd.client.get("/v1/reports/activity", query);
  }
  async function report(query: Readonly<Record<string, string>> = {}, limit = 200): Promise<Line[]> {
    const lines: Line[] = [];
    let [after, size]: [string | undefined, number | undefined] = [undefined, undefined];
    for (;;) {
      const answer: Answer = await page({ ...query, limit, after, size });
      lines.push(...answer.list("items").map(({ members }) => members as Line));
      const next = answer.textOrNull("next");
      if (next === null) return lines;
      [after, size] = [next, answer.count("size")];
    }
  }
  const told = (lines: readonly Line[]) => lines.map(({ action, outcome }) => `${String(action)} ${String(outcome)}`);

  it("have a line for every entry but heartbeats, with its place and hash, whatever the length of a page", async () => {
    const entries: Answer[] = [];
    for await (const item of crew.cyd.client.items("/v1/audit/entries")) entries.push(item);
    const lines = await report();
    const known = new Map(entries.map((item) => [item.count("seq"), item]));
    const wanted = entries.filter(
      (item) => item.object("entry").text("action") !== "log.heartbeat" && item.count("seq") <= Number(lines.at(-1)?.["seq"]),
    );
    assert.deepEqual(
      lines.map(({ seq }) => seq),
      wanted.map((item) => item.count("seq")),
    );
    assert.ok(lines.length > 30);
    for (const line of lines) {
      const item = known.get(Number(line["seq"])) ?? assert.fail();
      assert.equal(line["leaf"], item.text("leaf"));
      assert.deepEqual([line["action"], line["time"]], [item.object("entry").text("action"), item.object("entry").text("time")]);
    }
    const paged = await report({}, 3);
    assert.deepEqual(paged.slice(0, lines.length), lines);
  });

  it("of an account tell its whole story in order: asked, approved, granted, opened, given back", async () => {
    const lines = await report({ account: ids[0] ?? "" });
    assert.deepEqual(told(lines), [
      "account.import committed",
      "secret.activated committed",
      "request.submit committed",
      "request.approve committed",
      "request.opened committed",
      "secret.reveal intent",
      "secret.reveal allowed",
      "grant.return committed",
    ]);
    const [submitted, approved, granted, intent] = lines.slice(2);
    assert.deepEqual(
      [submitted?.["actor"], submitted?.["purpose"], submitted?.["ticket"], submitted?.["approvals"]],
      [crew.ada.id, "billing-root-only", "OPS-42", 1],
    );
    assert.deepEqual([approved?.["actor"], approved?.["kind"], approved?.["needed"]], [crew.ben.id, "decision", 1]);
    assert.deepEqual([granted?.["person"], granted?.["approvedBy"], granted?.["grant"]], [crew.ada.id, crew.ben.id, grantId]);
    assert.deepEqual([intent?.["deliverTo"], intent?.["grant"], intent?.["number"]], [wasDelivered, grantId, 1]);
    assert.equal(
      new Set(
        lines
          .slice(2)
          .map(({ request }) => request)
          .filter((id) => id !== null),
      ).size,
      1,
    );
  });

  it("of a person hold what they did, approved and were subject of, and of a kind nothing else", async () => {
    const lines = await report({ person: crew.ben.id, kinds: "decision,revocation,allowlist" });
    assert.ok(lines.every(({ actor, person, approvedBy }) => [actor, person, ...String(approvedBy).split(" ")].includes(crew.ben.id)));
    assert.ok(lines.some(({ request, action }) => request === deniedId && action === "request.deny"));
    assert.deepEqual(new Set(lines.map(({ kind }) => kind)), new Set(["decision", "revocation", "allowlist"]));
    const refused = await report({ person: crew.ada.id, kinds: "opening" });
    assert.deepEqual(told(refused), ["secret.reveal intent", "secret.reveal allowed", "secret.reveal denied"]);
    assert.equal(refused[2]?.["refusal"], "GRANT_SPENT");
  });

  it("of a period begin with its first entry and end before its end, to the microsecond", async () => {
    const all = await report();
    for (const [first, last] of [
      [0, 5],
      [7, 8],
      [12, all.length - 2],
    ] as const) {
      const [from, to] = [String(all[first]?.["time"]), String(all[last]?.["time"])];
      const wanted = all.filter(({ time }) => String(time) >= from && String(time) < to);
      assert.deepEqual(await report({ from, to }, 4), wanted);
    }
    assert.deepEqual(await report({ from: "2999-01-01" }), []);
    assert.deepEqual(await report({ to: "2001-01-01T00:00:00Z" }), []);
    assert.equal(await refusal(page({ from: "2026-02-30" })), "MALFORMED");
    assert.equal(await refusal(page({ kinds: "secrets" })), "MALFORMED");
    assert.equal(await refusal(page({ size: 1_000_000 })), "NOT_FOUND");
  });

  it("hold no secret, no name, no address and no reason of anybody", async () => {
    const text = JSON.stringify(await report());
    const people = Object.values(crew);
    const marks = [
      ...ACCOUNTS.flatMap(({ password, seed }) => [password, seed]),
      ...people.flatMap(({ secrets, name, email }) => [...secrets, name, email]),
      "not on a Friday",
      "because the test says so",
    ];
    assert.deepEqual(new MarkSearch(marks.map((mark, index) => ({ name: String(index), text: mark }))).in(text, "report"), []);
  });

  it("are for auditors and custodians alone", async () => {
    const visitor = await rest.http.get("/v1/reports/activity");
    assert.equal(visitor.status, 401);
    assert.equal((await rest.http.get("/v1/reports/activity").set("Authorization", `Bearer ${crew.ben.token}`)).status, 200, "a custodian");
  });

  describe("that the database's owner would change", () => {
    let owner: DatabaseOwner;
    before(async () => {
      owner = await DatabaseOwner.take(rest.database);
      await owner.run("ALTER TABLE audit.entry DROP CONSTRAINT entry_leaf_ok");
    });
    after(() => owner.close());

    /** Does it, asks for a report, and puts everything back. */
    async function attacked(sql: string, ask: () => Promise<unknown>): Promise<unknown> {
      const entries = await owner.copy("audit.entry", "true", "seq");
      const checkpoints = await owner.copy("audit.checkpoint", "true", "size");
      try {
        assert.ok((await owner.run(sql)) > 0, "the attack hit something");
        return await ask();
      } finally {
        await checkpoints.putBack();
        await entries.putBack();
      }
    }
    /** `leaf_hash` goes with the bytes, or stays as it was: the owner may drop the constraint that ties them. */
    const edit = (seq: number, from: string, to: string, isLeafKept = false) =>
      `UPDATE audit.entry e SET entry = n.entry, leaf_hash = ${isLeafKept ? "e.leaf_hash" : "sha256('\\x00'::bytea || n.entry)"}
       FROM (SELECT seq, convert_to(replace(convert_from(entry, 'UTF8'), '${from}', '${to}'), 'UTF8') AS entry FROM audit.entry) n
       WHERE e.seq = n.seq AND e.seq = ${String(seq)} AND e.entry <> n.entry`;

    it("do not depend on search columns", async () => {
      const honest = await report({ person: crew.ada.id });
      const sql =
        "UPDATE audit.entry SET action = 'log.heartbeat', actor_id = 'per_x', target_id = NULL, time = '1999-01-01T00:00:00.000000Z', outcome = 'denied'";
      assert.deepEqual(await attacked(sql, () => report({ person: crew.ada.id })), honest);
    });

    it("break where an entry was changed, or is missing, wherever in the report that is", async () => {
      const lines = await report();
      // The last of the tree has no entry behind it that carries its hash, and the one before is carried by it alone.
      const size = (await page({})).count("size");
      const places = [Number(lines[1]?.["seq"]), Number(lines[5]?.["seq"]), size - 2, size - 1];
      for (const seq of places) {
        const broken = () => refusal(report());
        assert.equal(await attacked(edit(seq, '"v":1', '"v":1,"w":1'), broken), "CHAIN_BROKEN", `entry ${String(seq)}`);
        const kept = edit(seq, '"v":1', '"v":1,"w":1', true);
        assert.equal(await attacked(kept, broken), "CHAIN_BROKEN", `entry ${String(seq)}, its hash kept`);
        assert.equal(
          await attacked(`DELETE FROM audit.entry WHERE seq = ${String(seq)}`, broken),
          "CHAIN_BROKEN",
          `no entry ${String(seq)}`,
        );
      }
    });

    it("break where a time was changed to lead past what is to be hidden", async () => {
      const all = await report();
      const size = (await page({})).count("size");
      const probe = Math.floor(size / 2);
      // Perhaps a heartbeat, which is no line of a report.
      const [found] = (await crew.cyd.client.get("/v1/audit/entries", { after: probe - 1, limit: 1 })).list("items");
      // Halving meets this entry first. Dated back, it would send the search behind itself.
      const day = found?.object("entry").text("time").slice(0, 10) ?? assert.fail();
      const from = String(all[3]?.["time"]);
      for (const isLeafKept of [false, true]) {
        const sql = edit(probe, `"time":"${day}`, '"time":"2001-01-01', isLeafKept);
        assert.equal(await attacked(sql, () => refusal(report({ from }))), "CHAIN_BROKEN");
      }
    });

    it("are not made under a checkpoint that the log's key has not signed", async () => {
      const sql = "UPDATE audit.checkpoint SET note = replace(note, E'\\n\\n\\u2014 ', E'x\\n\\n\\u2014 ')";
      assert.equal(await attacked(sql, () => refusal(page({}))), "ROLLBACK_DETECTED");
    });
  });
});
