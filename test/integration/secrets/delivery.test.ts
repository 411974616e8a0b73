import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { exportJWK, generateKeyPair } from "jose";
import { entryExtras } from "../../../src/audit/entry.js";
import { openEnclosed } from "../../../src/cli/delivery.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import type { Id } from "../../../src/kernel/ids.js";
import { type DeliveryKey, parseDeliveryKey } from "../../../src/keys/delivery-key.js";
import { type Actor, Vault } from "../../support/vault.js";

interface Client {
  readonly key: DeliveryKey;
  readonly open: (jwe: string) => Promise<string>;
}

async function newClient(): Promise<Client> {
  const { privateKey, publicKey } = await generateKeyPair("ECDH-ES", { crv: "P-256" });
  const key = parseDeliveryKey({ ...(await exportJWK(publicKey)) }, "deliverTo");
  return { key, open: async (jwe) => (await openEnclosed(jwe, privateKey, key.thumbprint)).expose((value) => value) };
}

// real: PostgreSQL, two replicas, file root key, every service, jose. double: none.
describe("a vault that sends nothing in the clear", () => {
  let vault: Vault;
  let replica: Vault;
  let rita: Actor;
  let alan: Actor;
  let account: Id<"account">;
  const PURPOSE = "account-password-change";
  const PASSWORD = "Tr0ub4dor-and-3-horses";

  before(async () => {
    vault = await Vault.open({ demandsDeliveryKey: true });
    await vault.found();
    rita = await vault.enrol("Rita Requester", ["requester"]);
    alan = await vault.enrol("Alan Approver", ["approver"]);
    account = await vault.import("111122223333");
    replica = await Vault.open({ replicaOf: vault, demandsDeliveryKey: true });
  });
  after(async () => {
    await (replica as Vault | undefined)?.close();
    await vault.drop();
  });

  const newest = async (count: number) => {
    const { size } = await vault.reader.head();
    return await vault.reader.entries(size - count, count);
  };

  it("refuses an opening and a code without a key, and neither the grant nor the second factor is used up [DL-1]", async () => {
    const { grantId } = await vault.grant(rita, [alan], account, PURPOSE);
    const { size } = await vault.reader.head();
    const code = await rita.app.next();
    const isAboutKey = (error: unknown) => isRootkeepError(error, "MALFORMED") && error.fields[0]?.field === "deliverTo";
    await assert.rejects(vault.reveals.reveal(rita, grantId, "root-password", code), isAboutKey);
    await assert.rejects(vault.reveals.code(rita, grantId, code), isAboutKey);
    assert.equal((await vault.reader.head()).size, size);
    const client = await newClient();
    const { value, sentAs } = await vault.reveals.reveal(rita, grantId, "root-password", code, client.key);
    assert.equal(sentAs, "jwe");
    assert.equal(await client.open(value.expose((bytes) => bytes.toString("ascii"))), PASSWORD);
    await vault.grants.giveBack(rita, grantId);
  });

  it("gives one value to a race of four clients on two replicas, each with a key of its own [L4]", async () => {
    const { grantId } = await vault.grant(rita, [alan], account, PURPOSE);
    const codes = [await rita.app.next(), await rita.app.next()];
    const calls = [vault, replica].flatMap(({ reveals }) =>
      codes.map(async (code) => {
        const client = await newClient();
        return { client, revealed: await reveals.reveal(rita, grantId, "root-password", code, client.key) };
      }),
    );
    const won = (await Promise.allSettled(calls)).flatMap((end) => (end.status === "fulfilled" ? [end.value] : []));
    assert.equal(won.length, 1);
    const [{ client, revealed } = assert.fail()] = won;
    assert.equal(await client.open(revealed.value.expose((bytes) => bytes.toString("ascii"))), PASSWORD);
    const [intent] = await newest(2);
    const statement = entryExtras(intent!.entry).details?.["statement"] as string;
    assert.ok(statement.includes(`"deliverTo":"${client.key.thumbprint}"`), "the intent names the winner's key [AS-7]");
    // The same key once more is a second opening like any other.
    await assert.rejects(vault.reveals.reveal(rita, grantId, "root-password", await rita.app.next(), client.key), (error) =>
      isRootkeepError(error, "GRANT_SPENT"),
    );
    await vault.grants.giveBack(rita, grantId);
  });

  it("counts a value as seen when it could not be enclosed, sends nothing, and says so in the outcome [L4] [L8]", async () => {
    const { grantId } = await vault.grant(rita, [alan], account, PURPOSE);
    const { key } = await newClient();
    // No caller can bring such a key; it stands for whatever may go wrong between the open value and its message.
    const broken = { ...key, jwk: { ...key.jwk, x: "AAAA" } } as DeliveryKey;
    await assert.rejects(vault.reveals.reveal(rita, grantId, "root-password", await rita.app.next(), broken));
    const told = (await newest(2)).map(({ entry }) => [entry.action, entry.outcome]);
    assert.deepEqual(told, [
      ["secret.reveal", "intent"],
      ["secret.reveal", "error"],
    ]);
    await assert.rejects(vault.reveals.reveal(rita, grantId, "root-password", await rita.app.next(), key), (error) =>
      isRootkeepError(error, "GRANT_SPENT"),
    );
    await vault.grants.giveBack(rita, grantId);
  });
});
