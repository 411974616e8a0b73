import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type ColumnValue, decidingBytes } from "../../../src/database/deciding-bytes.js";
import { Secret } from "../../../src/kernel/secret.js";
import { RecordsKey } from "../../../src/keys/records.js";
import { readVectors } from "../audit/vector-file.js";

const vectors = readVectors("deciding-row.json", {
  rows: ["name", "table", "columns", "hex"],
  macs: ["name", "dataKey", "bytes", "mac"],
});

const VALUES: Readonly<Record<string, (text: string) => ColumnValue>> = {
  null: () => null,
  string: (text) => text,
  number: Number,
  boolean: (text) => text === "true",
  date: (text) => new Date(text),
  bytes: (text) => Buffer.from(text, "hex"),
};

function columnsOf(text: string): Map<string, ColumnValue> {
  return new Map(
    (JSON.parse(text) as [string, string, string][]).map(([name, type, value]) => {
      const read = VALUES[type];
      if (read === undefined) throw new Error(`a column of type ${type} is not known`);
      return [name, read(value)];
    }),
  );
}

describe("vectors of deciding rows", () => {
  for (const { name, table, columns, hex } of vectors.rows) {
    it(`${name} has its bytes [DR-2] [DR-3] [DR-4]`, () => {
      assert.equal(decidingBytes(table, columnsOf(columns)).toString("hex"), hex);
    });
  }

  it("have different bytes each: a type, a table, a column's name and a seq are all covered [DR-5]", () => {
    assert.equal(new Set(vectors.rows.map(({ hex }) => hex)).size, vectors.rows.length);
  });

  it("do not depend on the order in which the columns come [DR-3]", () => {
    for (const { table, columns, hex } of vectors.rows) {
      const reversed = new Map([...columnsOf(columns)].reverse());
      assert.equal(decidingBytes(table, reversed).toString("hex"), hex);
    }
  });

  for (const { name, dataKey, bytes, mac } of vectors.macs) {
    it(`${name} HMAC is the one under the derived key [DR-6]`, () => {
      const records = RecordsKey.derive(Secret.of(Buffer.from(dataKey, "hex")));
      assert.equal(records.mac(Buffer.from(bytes, "hex")).toString("hex"), mac);
      assert.equal(records.verify(Buffer.from(bytes, "hex"), Buffer.from(mac, "hex")), true);
    });
  }
});
