import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { ACCOUNT_RULES } from "../../../src/accounts/account.js";
import { CSV_RULES, type ImportedLine, parseAccountsCsv } from "../../../src/accounts/accounts-csv.js";
import { CREDENTIAL_RULES } from "../../../src/accounts/imported-credential.js";
import { LIMITS } from "../../../src/kernel/limits.js";
import { ROOT } from "../audit/vector-file.js";

const HEADER = "aws_account_id,partition,kind,customer,root_email,password,mfa_seed";
const ROW = "111122223333,aws,member,Northwind,root@northwind.example.com,Correct-horse-9,GEZDGNBVGY3TQOJQ";

function parse(text: string | Buffer): ImportedLine[] {
  return [...parseAccountsCsv(typeof text === "string" ? Buffer.from(text, "utf8") : text)];
}

/** Rules that the file breaks, as `field: rule`. */
function faults(text: string | Buffer): string[] {
  return parse(text).flatMap((line) => ("errors" in line ? line.errors.map(({ field, rule }) => `${field}: ${rule}`) : []));
}

/** ROW with one cell replaced. */
function withCell(column: string, cell: string): string {
  const at = HEADER.split(",").indexOf(column);
  return `${HEADER}\n${ROW.split(",").with(at, cell).join(",")}\n`;
}

const ONE = `${HEADER}\n${ROW}\n`;

/** A file for each clause of docs/spec/import-csv.md, and what it is answered with; nothing for a file that is taken. */
const CASES: readonly {
  readonly clause: string;
  readonly name: string;
  readonly file: string | Buffer;
  readonly faults: readonly string[];
}[] = [
  { clause: "IC-1", name: "skips a byte order mark of UTF-8", file: `\ufeff${ONE}`, faults: [] },
  { clause: "IC-1", name: "refuses UTF-16 as a file", file: Buffer.from(`\ufeff${ONE}`, "utf16le"), faults: [`file: ${CSV_RULES.utf16}`] },
  {
    clause: "IC-1",
    name: "refuses another encoding as a line",
    file: Buffer.from(`${HEADER}\n${ROW.replace("Northwind", "Nordw\u00e4rts")}\n`, "latin1"),
    faults: [`line: ${CSV_RULES.encoding}`],
  },
  {
    clause: "IC-2",
    name: "refuses a file that is too large",
    file: Buffer.alloc(LIMITS.importBytesMax + 1, 97),
    faults: [`file: ${CSV_RULES.fileSize}`],
  },
  {
    clause: "IC-2",
    name: "refuses a cell that is too long",
    file: withCell("customer", "x".repeat(513)),
    faults: [`customer: ${CSV_RULES.cellSize}`],
  },
  { clause: "IC-3", name: "takes CR LF", file: ONE.replaceAll("\n", "\r\n"), faults: [] },
  { clause: "IC-3", name: "refuses an empty line", file: `${HEADER}\n\n${ROW}\n`, faults: [`line: ${CSV_RULES.blankLine}`] },
  { clause: "IC-4", name: "takes a quoted cell with comma and quote", file: withCell("customer", '"North, ""wind"""'), faults: [] },
  {
    clause: "IC-4",
    name: "refuses a quote that does not end",
    file: withCell("customer", '"North'),
    faults: [`line: ${CSV_RULES.quotes}`],
  },
  {
    clause: "IC-5",
    name: "refuses a control character",
    file: withCell("customer", "North\twind"),
    faults: [`line: ${CSV_RULES.control}`],
  },
  {
    clause: "IC-6",
    name: "refuses a line with a cell less",
    file: `${HEADER}\n${ROW.slice(0, ROW.lastIndexOf(","))}\n`,
    faults: [`line: ${CSV_RULES.width}`],
  },
  { clause: "IC-6", name: "trims nothing", file: withCell("customer", " Northwind"), faults: [`customer: ${ACCOUNT_RULES.customer}`] },
  {
    clause: "IC-7",
    name: "refuses an account id that is none",
    file: withCell("aws_account_id", "1234"),
    faults: [`aws_account_id: ${ACCOUNT_RULES.awsId}`],
  },
  { clause: "IC-7", name: "refuses an account twice", file: `${ONE}${ROW}\n`, faults: [`aws_account_id: ${CSV_RULES.duplicateAccount}`] },
  {
    clause: "IC-8",
    name: "refuses a partition that is none",
    file: withCell("partition", "aws-eu"),
    faults: [`partition: ${ACCOUNT_RULES.partition}`],
  },
  { clause: "IC-9", name: "refuses a kind that is none", file: withCell("kind", "root"), faults: [`kind: ${ACCOUNT_RULES.kind}`] },
  {
    clause: "IC-10",
    name: "refuses a customer that is not NFC",
    file: withCell("customer", "A\u030angstrom"),
    faults: [`customer: ${ACCOUNT_RULES.customer}`],
  },
  {
    clause: "IC-11",
    name: "refuses an e-mail that is none",
    file: withCell("root_email", "root"),
    faults: [`root_email: ${ACCOUNT_RULES.rootEmail}`],
  },
  {
    clause: "IC-12",
    name: "refuses a password that AWS would not take",
    file: withCell("password", "aaaaaaaa"),
    faults: [`password: ${CREDENTIAL_RULES.passwordClasses}`],
  },
  {
    clause: "IC-13",
    name: "refuses a seed that is not base32",
    file: withCell("mfa_seed", "GEZDGNBVGY3TQOJ1"),
    faults: [`mfa_seed: ${CREDENTIAL_RULES.seedAlphabet}`],
  },
  { clause: "IC-14", name: "takes a tag, and an empty cell as none", file: `${HEADER},tag:env,tag:team\n${ROW},prod,\n`, faults: [] },
  {
    clause: "IC-14",
    name: "refuses a tag's key that is none",
    file: `${HEADER},tag:Env\n${ROW},prod\n`,
    faults: [`#8: ${ACCOUNT_RULES.tagKey}`],
  },
  {
    clause: "IC-15",
    name: "refuses a column for access keys",
    file: `${HEADER},access_key\n${ROW},x\n`,
    faults: [`#8: ${CSV_RULES.accessKey}`],
  },
  {
    clause: "IC-15",
    name: "refuses an access key id as a password",
    file: withCell("password", "AKIAIOSFODNN7EXAMPLE"),
    faults: [`password: ${CREDENTIAL_RULES.accessKey}`],
  },
  {
    clause: "IC-17",
    name: "names an unknown column by its place, never by its name",
    file: `${HEADER},hunter2\n${ROW},x\n`,
    faults: [`#8: ${CSV_RULES.unknown}`],
  },
];

describe("the import file's clauses", () => {
  for (const { clause, name, file, faults: wanted } of CASES) {
    it(`${name} [${clause}]`, () => {
      assert.deepEqual(faults(file), wanted);
    });
  }

  it("take the example that the document shows", () => {
    assert.deepEqual(faults(readFileSync(new URL("docs/examples/accounts.csv", ROOT))), []);
  });

  it("give the cell's bytes as password, and the decoded bytes as seed [IC-16]", () => {
    const [line] = parse(ONE);
    assert.ok(line !== undefined && "row" in line);
    assert.equal(
      line.row.password.expose((bytes) => bytes.toString()),
      "Correct-horse-9",
    );
    assert.equal(
      line.row.mfaSeed.expose((bytes) => bytes.toString()),
      "1234567890",
    );
  });

  it("go on after a bad line, and stop after a bad header [IC-18]", () => {
    const lines = parse(`${HEADER}\nbad\n${ROW}\n`);
    assert.deepEqual(
      lines.map((line) => [line.line, "row" in line]),
      [
        [2, false],
        [3, true],
      ],
    );
    assert.equal(parse(`${HEADER},other\n${ROW},x\n${ROW},x\n`).length, 1);
  });

  it("stop after 200 errors [IC-18]", () => {
    const found = faults(`${HEADER}\n${"bad\n".repeat(500)}`);
    assert.equal(found.length, LIMITS.importErrorsMax + 1);
    assert.equal(found.at(-1), `file: ${CSV_RULES.errorCount}`);
  });
});
