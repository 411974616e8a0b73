// real: the whole application, PostgreSQL, HTTP through a proxy that keeps every byte, jose on the client's side. double: nothing.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { exportJWK, generateKeyPair, type JWK } from "jose";
import { openEnclosed, releaseEnclosed } from "../../../src/cli/delivery.js";
import { LocalError } from "../../../src/cli/failure.js";
import { parseDeliveryKey } from "../../../src/keys/delivery-key.js";
import { type Crew, castParts, importAccounts, newAccount, obtainGrant } from "../../support/crew.js";
import { MarkSearch } from "../../support/marks.js";
import { withClient } from "../../support/postgres.js";
import { assertProblem } from "../../support/problem-check.js";
import { type RecordingProxy, startRecordingProxy } from "../../support/recording-proxy.js";
import { type RestApp, startRestApp } from "../../support/rest-app.js";
import { codeOfStep, fromBase32, stepAt } from "../../support/totp.js";

const ACCOUNTS = ["123456789012", "210987654321", "321098765432", "432109876543"].map((awsId) => newAccount(awsId));
const { refusedKeys } = JSON.parse(
  readFileSync(new URL("../../../../test/conformance/vectors/delivery.json", import.meta.url), "utf8"),
) as { refusedKeys: { name: string; jwk: string }[] };

interface Client {
  readonly privateKey: Parameters<typeof openEnclosed>[1];
  readonly jwk: JWK;
  readonly thumbprint: string;
}

async function newClient(crv: "P-256" | "X25519"): Promise<Client> {
  const { privateKey, publicKey } = await generateKeyPair("ECDH-ES", { crv });
  const jwk = await exportJWK(publicKey);
  return { privateKey, jwk, thumbprint: parseDeliveryKey({ ...jwk }, "deliverTo").thumbprint };
}

describe("an opening that is delivered to a client's key", () => {
  let rest: RestApp;
  let crew: Crew;
  let proxy: RecordingProxy;
  let ids: readonly string[] = [];
  before(async () => {
    rest = await startRestApp();
    crew = await rest.found();
    await castParts(crew);
    ids = await importAccounts(crew.cyd, ACCOUNTS);
    proxy = await startRecordingProxy(rest.address);
  });
  after(async () => {
    await (proxy as RecordingProxy | undefined)?.close();
    await (rest as RestApp | undefined)?.close();
  });

  const openVia = async (grantId: string, form: object, key?: string): Promise<Response> =>
    await fetch(new URL(`/v1/grants/${grantId}/openings`, proxy.address), {
      method: "POST",
      headers: {
        authorization: `Bearer ${crew.ada.token}`,
        "content-type": "application/json",
        connection: "close",
        ...(key === undefined ? {} : { "idempotency-key": key }),
      },
      body: JSON.stringify({ kind: "root-password", code: await crew.ada.code(), ...form }),
    });
  const search = (index: number): MarkSearch => new MarkSearch([{ name: "the password", text: ACCOUNTS[index]?.password ?? "" }]);

  for (const [index, crv] of (["P-256", "X25519"] as const).entries()) {
    it(`to ${crv} shows nothing to what lies between, and one client opens it [L8] [DL-1] [DL-6]`, async () => {
      const grantId = await obtainGrant(crew, ids[index] ?? "");
      const [client, other] = [await newClient(crv), await newClient(crv)];
      proxy.take();
      const response = await openVia(grantId, { deliverTo: client.jwk });
      const body = (await response.json()) as { jwe: string; intentSeq: number };
      assert.equal(response.status, 200, JSON.stringify(body));
      const passed = proxy.take();
      assert.ok(passed.includes(body.jwe), "the proxy has seen the answer");
      assert.deepEqual(search(index).in(passed, "wire"), []);
      assert.equal("value" in body, false);
      assert.equal(response.headers.get("cache-control"), "no-store");
      const value = await openEnclosed(body.jwe, client.privateKey, client.thumbprint);
      assert.ok(value.expose((text) => text === ACCOUNTS[index]?.password));
      await assert.rejects(openEnclosed(body.jwe, other.privateKey, client.thumbprint), LocalError);
      const tampered = body.jwe.slice(0, -4) + (body.jwe.endsWith("AAAA") ? "BBBB" : "AAAA");
      await assert.rejects(openEnclosed(tampered, client.privateKey, client.thumbprint), LocalError);

      const [intent] = (await crew.cyd.client.get("/v1/audit/entries", { after: body.intentSeq - 1, limit: 1 })).list("items");
      const statement = JSON.parse(intent?.object("entry").object("details").text("statement") ?? "") as { opening: object };
      assert.deepEqual(Object.keys(statement.opening), ["deliverTo", "grant", "number", "version"], "[AS-7]");
      assert.equal((statement.opening as { deliverTo: string }).deliverTo, client.thumbprint);
    });
  }

  it("in the clear is what a proxy sees: the search would find it", async () => {
    const grantId = await obtainGrant(crew, ids[2] ?? "");
    proxy.take();
    const response = await openVia(grantId, {});
    assert.equal(((await response.json()) as { value: string }).value, ACCOUNTS[2]?.password);
    assert.equal(search(2).in(proxy.take(), "wire").length, 1);
  });

  it("with a key that is none is refused before grant, account or second factor are touched, and the grant still opens [DL-1]", async () => {
    const grantId = await obtainGrant(crew, ids[3] ?? "");
    const size = async (): Promise<number> => (await crew.cyd.client.get("/v1/audit/head")).count("size");
    const code = await crew.ada.code();
    const before = await size();
    for (const { name, jwk } of refusedKeys) {
      const response = await rest.http
        .post(`/v1/grants/${grantId}/openings`)
        .set("Authorization", `Bearer ${crew.ada.token}`)
        .send({ kind: "root-password", code, deliverTo: JSON.parse(jwk) as object });
      const { errors } = assertProblem(response, "MALFORMED") as { errors: { field: string }[] };
      assert.match(errors.map(({ field }) => field).join(), /^deliverTo/, name);
    }
    for (const deliverTo of ["text", [], 7, true]) {
      const response = await openVia(grantId, { deliverTo });
      assert.equal(response.status, 400);
    }
    const { rows } = await withClient(rest.database.connections.rootkeep_service, (client) =>
      client.query<{ openings: string }>("SELECT openings FROM approvals.access_grant WHERE id = $1", [grantId]),
    );
    assert.equal(rows[0]?.openings, "{}");
    // Refused forms may leave `denied` entries; an intent there is none.
    const entries = (await crew.cyd.client.get("/v1/audit/entries", { after: before - 1, limit: 200 })).list("items");
    assert.ok(entries.every((entry) => entry.object("entry").text("outcome") !== "intent"));

    const key = randomUUID();
    const client = await newClient("P-256");
    const first = await openVia(grantId, { deliverTo: client.jwk }, key);
    const { jwe, intentSeq } = (await first.json()) as { jwe: string; intentSeq: number };
    const value = await openEnclosed(jwe, client.privateKey, client.thumbprint);
    assert.ok(value.expose((text) => text === ACCOUNTS[3]?.password));
    for (const deliverTo of [client.jwk, (await newClient("X25519")).jwk, undefined]) {
      const repeat = await openVia(grantId, { deliverTo }, key);
      const body = (await repeat.json()) as { code: string; seq: number };
      assert.deepEqual([repeat.status, body.code, body.seq], [409, "ALREADY_RELEASED", intentSeq]);
    }
    const stored = await withClient(rest.database.connections.rootkeep_migrate, (owner) =>
      owner.query<{ text: string }>("SELECT to_jsonb(i)::text AS text FROM edge.idempotency i"),
    );
    assert.ok(stored.rows.length > 0);
    assert.ok(stored.rows.every(({ text }) => !text.includes(jwe) && !text.includes(jwe.split(".")[3] ?? "?")));
  });

  it("gives a code of the seed the same way, and none of it stands in a table or a log line", async () => {
    const grantId = (await crew.ada.client.get(`/v1/accounts/${ids[0] ?? ""}`)).text("checkedOutBy");
    const seed = fromBase32(ACCOUNTS[0]?.seed ?? "");
    const before = stepAt(30, Date.now());
    const { secret, answer } = await crew.ada.withCode((code) => releaseEnclosed(crew.ada.client, `/v1/grants/${grantId}/codes`, { code }));
    const codes = [before, stepAt(30, Date.now())].map((step) => codeOfStep(seed, step));
    assert.ok(secret.expose((value) => codes.includes(value)));
    assert.match(answer.text("deliveredTo"), /^[\w-]{43}$/);
    const marks = new MarkSearch(ACCOUNTS.map(({ password, awsId }) => ({ name: awsId, text: password })));
    assert.deepEqual(marks.in(rest.lines.join("\n"), "log"), []);
    const { found } = await withClient(rest.database.connections.rootkeep_migrate, (owner) => marks.inTables(owner));
    assert.deepEqual(found, []);
  });
});
