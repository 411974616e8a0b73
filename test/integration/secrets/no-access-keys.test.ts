import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { inspect } from "node:util";
import { ACCOUNT_RULES } from "../../../src/accounts/account.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { withClient } from "../../support/postgres.js";
import { Vault } from "../../support/vault.js";

// real: PostgreSQL, the log, the keys, the import. double: nothing. The keys are those of AWS's documentation.

const KEY_ID = "AKIAIOSFODNN7EXAMPLE";
const SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const HEADER = "aws_account_id,partition,kind,customer,root_email,password,mfa_seed";
const SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

describe("root access keys", () => {
  let vault: Vault;
  before(async () => {
    vault = await Vault.open();
    await vault.found();
  });
  after(() => vault.drop());

  async function everything(): Promise<string> {
    return await withClient(vault.database.superuser, async (client) => {
      const { rows } = await client.query<{ text: string }>(
        `SELECT to_jsonb(a)::text AS text FROM accounts.account a UNION ALL SELECT convert_from(entry, 'UTF8') FROM audit.entry
         UNION ALL SELECT value FROM audit.disclosure`,
      );
      return rows.map(({ text }) => text).join("\n");
    });
  }
  const sealedCount = async (): Promise<number> => {
    const [row]: { count: number }[] = await vault.dataSource.query("SELECT count(*)::int AS count FROM secrets.sealed_value");
    return row?.count ?? -1;
  };

  const cases: readonly [string, string][] = [
    ["as password", `${HEADER}\n123456789012,aws,standalone,Acme,root@example.com,${KEY_ID},${SEED}\n`],
    ["with their secret as password", `${HEADER}\n123456789012,aws,standalone,Acme,root@example.com,${KEY_ID}:${SECRET},${SEED}\n`],
    ["as seed", `${HEADER}\n123456789012,aws,standalone,Acme,root@example.com,Tr0ub4dor-and-3-horses,${KEY_ID}\n`],
    ["beside the customer", `${HEADER}\n123456789012,aws,standalone,Acme ${KEY_ID},root@example.com,Tr0ub4dor-and-3-horses,${SEED}\n`],
    ["as a tag", `${HEADER},tag:key\n123456789012,aws,standalone,Acme,root@example.com,Tr0ub4dor-and-3-horses,${SEED},${KEY_ID}\n`],
    [
      "in a column of their own",
      `${HEADER},secret_access_key\n123456789012,aws,standalone,Acme,root@example.com,Tr0ub4dor-and-3-horses,${SEED},${SECRET}\n`,
    ],
  ];
  for (const [where, file] of cases) {
    for (const onError of ["reject", "skip"] as const) {
      it(`are not taken in ${where} (${onError}), with the instruction to delete them, and leave nothing behind [L8]`, async () => {
        const error = await vault.imports.run(vault.custodians![0], Buffer.from(file), { onError, fromLine: 1 }).then(
          () => assert.fail("a key was taken in"),
          (thrown: unknown) => thrown,
        );
        assert.ok(isRootkeepError(error, "MALFORMED"));
        assert.deepEqual([...new Set(error.fields.map(({ rule }) => rule))], [ACCOUNT_RULES.accessKey]);
        assert.match(ACCOUNT_RULES.accessKey, /delete the key at AWS/);
        assert.equal(await sealedCount(), 0);
        assert.deepEqual(await vault.accounts.list("", 10), []);
        const text = `${await everything()} ${inspect(error, { depth: 10, showHidden: true })}`;
        assert.ok(!text.includes(KEY_ID) && !text.includes(SECRET));
      });
    }
  }
});
