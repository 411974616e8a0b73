import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { ACCOUNT_RULES } from "../../../src/accounts/account.js";
import { CSV_COLUMNS, CSV_RULES, type ImportedLine, parseAccountsCsv } from "../../../src/accounts/accounts-csv.js";
import { CREDENTIAL_RULES } from "../../../src/accounts/imported-credential.js";
import { LIMITS } from "../../../src/kernel/limits.js";

const ROOT = new URL("../../../../", import.meta.url);
const HEADER = CSV_COLUMNS.join(",");
const SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const GOOD = {
  aws_account_id: "111122223333",
  partition: "aws",
  kind: "standalone",
  customer: "Acme",
  root_email: "root@example.com",
  password: "Correct-Horse-9",
  mfa_seed: SEED,
};

function lineOf(change: Partial<typeof GOOD> = {}): string {
  return Object.values({ ...GOOD, ...change }).join(",");
}

function read(text: string | Buffer): ImportedLine[] {
  return [...parseAccountsCsv(Buffer.from(text as string))];
}

function rules(lines: readonly ImportedLine[]): string[] {
  return lines.flatMap((item) => ("errors" in item ? item.errors.map(({ line, field, rule }) => `${String(line)} ${field}: ${rule}`) : []));
}

function refusal(change: Partial<typeof GOOD>): string[] {
  return rules(read(`${HEADER}\n${lineOf(change)}\n`));
}

describe("an import file", () => {
  it("gives each account's facts and its secrets as bytes", () => {
    const [item] = read(`\ufeff${HEADER},tag:env,tag:team\r\n${lineOf({ password: '"a, ""b"" C 9"' })},prod,\r\n`);
    assert.ok(item !== undefined && "row" in item);
    const { password, mfaSeed, ...facts } = item.row;
    assert.equal(item.line, 2);
    assert.deepEqual(facts, {
      awsId: "111122223333",
      partition: "aws",
      kind: "standalone",
      customer: "Acme",
      rootEmail: "root@example.com",
      tags: { env: "prod" },
    });
    assert.equal(password.expose(String), 'a, "b" C 9');
    assert.equal(mfaSeed.expose(String), "12345678901234567890");
  });

  it("may order its columns as it likes", () => {
    const names = CSV_COLUMNS.toReversed();
    const [item] = read(`${names.join(",")}\n${names.map((name) => GOOD[name]).join(",")}`);
    assert.ok(item !== undefined && "row" in item);
    assert.equal(item.row.customer, "Acme");
  });

  it("keeps the blanks of a password and drops those of a seed", () => {
    const [item] = read(`${HEADER}\n${lineOf({ password: " Blank at Both ends 9 ", mfa_seed: "GEZD GNBV GY3T QOJQ" })}`);
    assert.ok(item !== undefined && "row" in item);
    assert.equal(item.row.password.expose(String), " Blank at Both ends 9 ");
    assert.equal(item.row.mfaSeed.expose(String), "1234567890");
  });

  it("the example file passes whole", () => {
    const items = read(readFileSync(new URL("docs/examples/accounts.csv", ROOT)));
    assert.deepEqual(rules(items), []);
    assert.equal(items.length, 10);
  });
});

describe("a file that is refused as a whole", () => {
  const cases: [string, string | Buffer, string][] = [
    ["is empty", "", `1 file: ${CSV_RULES.empty}`],
    ["has only a byte order mark", "\ufeff", `1 line: ${CSV_RULES.empty}`],
    ["is UTF-16 with a mark", Buffer.from(`\ufeff${HEADER}`, "utf16le"), `1 file: ${CSV_RULES.utf16}`],
    ["is UTF-16 without a mark", Buffer.from(HEADER, "utf16le"), `1 file: ${CSV_RULES.utf16}`],
    ["is too large", Buffer.alloc(LIMITS.importBytesMax + 1, 0x61), `1 file: ${CSV_RULES.fileSize}`],
    ["is separated by semicolons", HEADER.replaceAll(",", ";"), `1 line: ${CSV_RULES.separator}`],
    ["lacks a column", HEADER.replace(",partition", ""), `1 partition: ${CSV_RULES.missing}`],
    ["has a column twice", `${HEADER},kind`, `1 #8: ${CSV_RULES.duplicateColumn}`],
    ["has a column that is not known", `${HEADER},notes`, `1 #8: ${CSV_RULES.unknown}`],
    ["has a column for access keys", `${HEADER},aws_access_key_id`, `1 #8: ${CSV_RULES.accessKey}`],
    ["has a column for secret keys", `${HEADER},Secret Key`, `1 #8: ${CSV_RULES.accessKey}`],
    ["has a tag with a bad key", `${HEADER},tag:Env`, `1 #8: ${ACCOUNT_RULES.tagKey}`],
  ];
  for (const [what, file, rule] of cases) {
    it(`${what}, and nothing after it is read`, () => {
      const text = Buffer.concat([Buffer.from(file as string), Buffer.from(`\n${lineOf()}\n`)]);
      assert.deepEqual(rules(read(file.length === 0 || what === "has only a byte order mark" ? file : text)), [rule]);
    });
  }
});

describe("a line that is refused", () => {
  const cases: [string, Partial<typeof GOOD>, string][] = [
    ["a short id", { aws_account_id: "1234" }, `2 aws_account_id: ${ACCOUNT_RULES.awsId}`],
    ["the id of zeros", { aws_account_id: "000000000000" }, `2 aws_account_id: ${ACCOUNT_RULES.awsId}`],
    ["another partition", { partition: "aws-iso" }, `2 partition: ${ACCOUNT_RULES.partition}`],
    ["another kind", { kind: "Member" }, `2 kind: ${ACCOUNT_RULES.kind}`],
    ["no customer", { customer: "" }, `2 customer: ${ACCOUNT_RULES.customer}`],
    ["a customer with hidden direction", { customer: "Ac\u202eme" }, `2 customer: ${ACCOUNT_RULES.customer}`],
    ["a customer in another Unicode form", { customer: "Cafe\u0301" }, `2 customer: ${ACCOUNT_RULES.customer}`],
    ["an address without a host", { root_email: "root@" }, `2 root_email: ${ACCOUNT_RULES.rootEmail}`],
    ["a short password", { password: "Ab1-xyz" }, `2 password: ${CREDENTIAL_RULES.passwordLength}`],
    ["a long password", { password: `Ab1-${"x".repeat(125)}` }, `2 password: ${CREDENTIAL_RULES.passwordLength}`],
    ["a password of two classes", { password: "onlylower99" }, `2 password: ${CREDENTIAL_RULES.passwordClasses}`],
    ["a password beyond ASCII", { password: "Pässwort-99" }, `2 password: ${CREDENTIAL_RULES.passwordCharacters}`],
    [
      "the address as password",
      { root_email: "Root1@example.com", password: "rOOT1@example.com" },
      `2 password: ${CREDENTIAL_RULES.passwordIsEmail}`,
    ],
    ["a seed in lower case", { mfa_seed: SEED.toLowerCase() }, `2 mfa_seed: ${CREDENTIAL_RULES.seedAlphabet}`],
    ["a short seed", { mfa_seed: "GEZDGNBVGY3TQOJ" }, `2 mfa_seed: ${CREDENTIAL_RULES.seedLength}`],
    ["a long seed", { mfa_seed: SEED.repeat(4) + "GE" }, `2 mfa_seed: ${CREDENTIAL_RULES.seedLength}`],
    ["a seed cut in the middle", { mfa_seed: SEED.slice(0, 25) }, `2 mfa_seed: ${CREDENTIAL_RULES.seedForm}`],
    ["a seed with bits left over", { mfa_seed: `${SEED.slice(0, 16)}GF` }, `2 mfa_seed: ${CREDENTIAL_RULES.seedForm}`],
    ["a seed with wrong padding", { mfa_seed: `${SEED}=` }, `2 mfa_seed: ${CREDENTIAL_RULES.seedForm}`],
    ["an access key as password", { password: "AKIAIOSFODNN7EXAMPLE" }, `2 password: ${CREDENTIAL_RULES.accessKey}`],
    [
      "an access key with its secret as password",
      { password: "AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI" },
      `2 password: ${CREDENTIAL_RULES.accessKey}`,
    ],
    [
      "a secret with its access key as password",
      { password: "wJalrXUtnFEMI/ASIAIOSFODNN7EXAMPLE" },
      `2 password: ${CREDENTIAL_RULES.accessKey}`,
    ],
    ["an access key as seed", { mfa_seed: "AKIAIOSFODNN7EXAMPLE" }, `2 mfa_seed: ${CREDENTIAL_RULES.accessKey}`],
    ["an access key beside the customer", { customer: "Acme AKIAIOSFODNN7EXAMPLE" }, `2 customer: ${ACCOUNT_RULES.accessKey}`],
    ["a quote within a cell", { password: 'Pass"word-99' }, `2 line: ${CSV_RULES.quotes}`],
    ["a quote that stays open", { mfa_seed: `"${SEED}` }, `2 line: ${CSV_RULES.quotes}`],
    ["text after a closing quote", { customer: '"Acme"x' }, `2 line: ${CSV_RULES.quotes}`],
    ["a tab", { customer: "Ac\tme" }, `2 line: ${CSV_RULES.control}`],
    ["a lone carriage return", { customer: "Ac\rme" }, `2 line: ${CSV_RULES.control}`],
    ["a cell too many", { mfa_seed: `${SEED},` }, `2 line: ${CSV_RULES.width}`],
    ["an oversize cell", { customer: "x".repeat(513) }, `2 customer: ${CSV_RULES.cellSize}`],
    ["an oversize line", { customer: "x".repeat(8_192) }, `2 line: ${CSV_RULES.lineSize}`],
  ];
  for (const [what, change, rule] of cases) {
    it(`has ${what}`, () => assert.deepEqual(refusal(change), [rule]));
  }

  it("does not spoil the lines after it", () => {
    const text = Buffer.concat([
      Buffer.from(`${HEADER}\n`),
      Buffer.from(`${lineOf({ customer: "Gr\u00fcn" })}\n`, "latin1"),
      Buffer.from(`\n${lineOf({ password: '"open' })}\n${lineOf({ aws_account_id: "444455556666" })}`),
    ]);
    const items = read(text);
    assert.deepEqual(rules(items), [`2 line: ${CSV_RULES.encoding}`, `3 line: ${CSV_RULES.blankLine}`, `4 line: ${CSV_RULES.quotes}`]);
    assert.ok("row" in (items[3] ?? {}));
  });

  it("repeats an account, also one of a line that failed; the same digits in another partition are another account", () => {
    const lines = [lineOf({ kind: "?" }), lineOf(), lineOf({ partition: "aws-cn" })];
    assert.deepEqual(rules(read([HEADER, ...lines].join("\n"))), [
      `2 kind: ${ACCOUNT_RULES.kind}`,
      `3 aws_account_id: ${CSV_RULES.duplicateAccount}`,
    ]);
  });

  it("names every broken rule at once", () => {
    assert.equal(refusal({ aws_account_id: "x", partition: "x", kind: "x", root_email: "x", password: "x", mfa_seed: "x" }).length, 6);
  });
});

describe("the reading ends", () => {
  it("after the errors that are shown", () => {
    const items = read(`${HEADER}\n${"x\n".repeat(LIMITS.importErrorsMax + 50)}`);
    assert.equal(items.length, LIMITS.importErrorsMax + 1);
    assert.equal(rules(items).at(-1), `${String(LIMITS.importErrorsMax + 1)} file: ${CSV_RULES.errorCount}`);
  });

  it("after the accounts that one import may have", () => {
    const lines = Array.from({ length: LIMITS.importRowsMax + 1 }, (_, at) => lineOf({ aws_account_id: String(at + 1).padStart(12, "0") }));
    const items = read([HEADER, ...lines].join("\n"));
    assert.deepEqual(rules(items), [`${String(LIMITS.importRowsMax + 2)} file: ${CSV_RULES.rowCount}`]);
  });
});
