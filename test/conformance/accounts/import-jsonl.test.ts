import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import fc from "fast-check";
import { CSV_COLUMNS, CSV_RULES, type ImportedLine, parseAccountsCsv } from "../../../src/accounts/accounts-csv.js";
import { JSONL_RULES, parseAccountsJsonl } from "../../../src/accounts/accounts-jsonl.js";
import { readMembers } from "../../../src/accounts/text-members.js";
import { LIMITS } from "../../../src/kernel/limits.js";
import { ROOT } from "../audit/vector-file.js";

const ROW = {
  aws_account_id: "011122223333",
  partition: "aws",
  kind: "member",
  customer: "Northwind",
  root_email: "root@northwind.example.com",
  password: "Correct-horse-9",
  mfa_seed: "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
};

function parse(text: string | Buffer): ImportedLine[] {
  return [...parseAccountsJsonl(typeof text === "string" ? Buffer.from(text, "utf8") : text)];
}

function faults(text: string | Buffer): string[] {
  return parse(text).flatMap((item) =>
    "errors" in item ? item.errors.map(({ field, rule }) => `${String(item.line)} ${field}: ${rule}`) : [],
  );
}

const line = (rest: object = {}): string => `${JSON.stringify({ ...ROW, ...rest })}\n`;

/** Everything that a row says, its secrets included. */
function told(items: readonly ImportedLine[]): unknown[] {
  return items.map((item) => {
    if ("errors" in item) return item.errors;
    const { password, mfaSeed, ...facts } = item.row;
    return {
      ...facts,
      password: password.expose((bytes) => bytes.toString("hex")),
      seed: mfaSeed.expose((bytes) => bytes.toString("hex")),
    };
  });
}

describe("an import file of JSON lines", () => {
  it("says what the CSV file with the same accounts says [IJ-2] [IJ-3]", () => {
    const password = 'Pass"word, \\ and 9';
    const csv = `${CSV_COLUMNS.join(",")},tag:env\n${Object.values({ ...ROW, password: `"${password.replaceAll('"', '""')}"` }).join(",")},prod\n`;
    assert.deepEqual(told(parse(line({ password, "tag:env": "prod" }))), told([...parseAccountsCsv(Buffer.from(csv))]));
    assert.equal("row" in (parse(line({ "tag:env": "" }))[0] ?? {}), true);
  });

  it("may begin with a mark, end lines with CR LF, order members and space them [IJ-1] [IJ-2]", () => {
    const spaced = Object.entries(ROW)
      .reverse()
      .map(([name, value]) => ` "${name}" : "${value}" `)
      .join(",");
    const written = `\ufeff${line().replace("\n", "\r\n")}  {${spaced.replace("011122223333", "011122223334")}}  `;
    assert.deepEqual(faults(written), []);
    assert.equal(parse(written).length, 2);
  });

  it("is refused by line, member and rule, and nothing of it is said [IJ-1] [IJ-2] [IJ-3] [IJ-4]", () => {
    const { password: _password, ...rest } = ROW;
    const cases: readonly (readonly [string | Buffer, string])[] = [
      ["", `1 file: ${CSV_RULES.empty}`],
      [Buffer.from(line(), "utf16le"), `1 file: ${CSV_RULES.utf16}`],
      [Buffer.alloc(LIMITS.importBytesMax + 1, 0x61), `1 file: ${CSV_RULES.fileSize}`],
      [`${line()}\n`, `2 line: ${CSV_RULES.blankLine}`],
      [Buffer.from(line({ customer: "Nordwärts" }), "latin1"), `1 line: ${CSV_RULES.encoding}`],
      [line({ customer: "x".repeat(8_200) }), `1 line: ${CSV_RULES.lineSize}`],
      [line({ customer: "x".repeat(513) }), `1 customer: ${CSV_RULES.cellSize}`],
      [line({ customer: "Ac\tme" }), `1 line: ${CSV_RULES.control}`],
      [line().replace(',"partition"', ',\t"partition"'), `1 line: ${CSV_RULES.control}`],
      [line().replace('"011122223333"', "11122223333"), `1 line: ${JSONL_RULES.form}`],
      [line({ partition: null }), `1 line: ${JSONL_RULES.form}`],
      [line({ tags: { env: "prod" } }), `1 line: ${JSONL_RULES.form}`],
      [`[${line().trim()}]\n`, `1 line: ${JSONL_RULES.form}`],
      [line().replace("}", ",}"), `1 line: ${JSONL_RULES.form}`],
      [line().replace("}", "} x"), `1 line: ${JSONL_RULES.form}`],
      [`${JSON.stringify(rest)}\n`, `1 password: ${CSV_RULES.missing}`],
      [line({ notes: "x" }), `1 #8: ${CSV_RULES.unknown}`],
      [line({ aws_access_key_id: "x" }), `1 #8: ${CSV_RULES.accessKey}`],
      [line().replace("}", ',"kind":"member"}'), `1 #8: ${CSV_RULES.duplicateColumn}`],
      [line({ password: "AKIAABCDEFGHIJKLMNOP" }), `1 password: ${CSV_RULES.accessKey}`],
      [`${line()}${line()}`, `2 aws_account_id: ${CSV_RULES.duplicateAccount}`],
    ];
    for (const [text, fault] of cases) assert.deepEqual(faults(text), [fault], fault);
  });

  it("goes on behind a line at fault, and ends where there are too many accounts or faults", () => {
    assert.equal(parse(`nonsense\n${line()}`).length, 2);
    const many = Array.from({ length: LIMITS.importRowsMax + 1 }, (_, index) => line({ aws_account_id: String(100_000_000_000 + index) }));
    assert.deepEqual(faults(many.join("")), [`${String(LIMITS.importRowsMax + 1)} file: ${CSV_RULES.rowCount}`]);
    assert.equal(
      faults("x\n".repeat(LIMITS.importErrorsMax + 5)).at(-1),
      `${String(LIMITS.importErrorsMax)} file: ${CSV_RULES.errorCount}`,
    );
  });

  it("is the example of the documentation, and the page names the rule of its own", () => {
    assert.deepEqual(faults(readFileSync(new URL("docs/examples/accounts.jsonl", ROOT))), []);
    assert.ok(readFileSync(new URL("docs/spec/import-jsonl.md", ROOT), "utf8").includes(`| line | ${JSONL_RULES.form} |`));
  });
});

describe("members of an object of texts", () => {
  /** As `JSON.parse` reads it, where it is an object of texts; else null. */
  function reference(text: string): [string, string][] | null {
    try {
      const value: unknown = JSON.parse(text);
      if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
      const entries = Object.entries(value);
      return entries.every(([name, item]) => typeof item === "string" && item.isWellFormed() && name.isWellFormed()) ? entries : null;
    } catch {
      return null;
    }
  }
  const read = (text: string): [string, string][] | null =>
    readMembers(Buffer.from(text, "utf8"))?.map(({ name, value }) => [name.toString("utf8"), value.toString("utf8")]) ?? null;

  it("are those that JSON.parse finds, for whatever text it writes [IJ-2] [IJ-5]", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 20 });
    fc.assert(
      fc.property(
        fc.dictionary(
          text.filter((name) => !/^(?:__proto__|\d+)$/.test(name)),
          text,
          { maxKeys: 8 },
        ),
        fc.boolean(),
        (object, isEscaped) => {
          const plain = JSON.stringify(object);
          const escape = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
          const written = isEscaped ? plain.replaceAll(/[^\x20-\x7e]/g, escape) : plain;
          assert.deepEqual(read(written), Object.entries(object));
        },
      ),
    );
  });

  it("are none where JSON.parse finds none, and where it finds an object of texts, the same", () => {
    const parts = ["{", "}", '"', ":", ",", " ", "\\", "u", "0041", "d83d", "\\ude00", "a", "\\n", '"a":"b"', "1", "é"];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...parts), { maxLength: 14 }), (chosen) => {
        const text = chosen.join("");
        const [found, wanted] = [read(text), reference(text)];
        if (found === null) assert.equal(wanted, null, text);
        else assert.deepEqual(Object.fromEntries(found), Object.fromEntries(wanted ?? []), text);
        assert.equal(found === null, wanted === null, text);
      }),
      { numRuns: 3_000 },
    );
  });
});
