// The search for secrets where none may stand: every usual encoding, in texts, files and tables.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "pg";

/** Something that must turn up nowhere but where it may. */
export interface Mark {
  /** What it is, for the report; never the value. */
  readonly name: string;
  readonly text: string;
}

/** Where a mark was found. */
export interface Found {
  readonly name: string;
  readonly place: string;
}

/** Finds marks as they are, in base64, base64url, hex (either case), percent encoding and as JSON writes them. */
export class MarkSearch {
  readonly #needles: readonly { readonly name: string; readonly bytes: Buffer }[];

  constructor(marks: readonly Mark[]) {
    this.#needles = marks.flatMap(({ name, text }) => encodings(text).map((bytes) => ({ name, bytes })));
  }

  in(content: Buffer | string, place: string): Found[] {
    const bytes = typeof content === "string" ? Buffer.from(content, "utf8") : content;
    const names = new Set(this.#needles.filter(({ bytes: needle }) => bytes.includes(needle)).map(({ name }) => name));
    return [...names].map((name) => ({ name, place }));
  }

  /** Every file below `directory`. */
  async inFiles(directory: string): Promise<Found[]> {
    const items = await readdir(directory, { recursive: true, withFileTypes: true });
    const found: Found[] = [];
    for (const item of items.filter((entry) => entry.isFile())) {
      const path = join(item.parentPath, item.name);
      found.push(...this.in(await readFile(path), path.slice(directory.length + 1)));
    }
    return found;
  }

  /**
   * Every column of every table of the database, sealed ones too: sealing must hide it.
   * @param client as superuser.
   * @returns findings, the place being `schema.table.column`, and the columns that were searched.
   */
  async inTables(client: Client): Promise<{ readonly found: readonly Found[]; readonly columns: readonly string[] }> {
    const { rows: columns } = await client.query<{ schema: string; table: string; name: string }>(
      `SELECT table_schema AS schema, table_name AS "table", column_name AS name FROM information_schema.columns JOIN information_schema.tables
       USING (table_schema, table_name) WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')`,
    );
    const found: Found[] = [];
    for (const { schema, table, name } of columns) {
      const { rows } = await client.query<{ value: unknown }>(
        `SELECT "${name}" AS value FROM "${schema}"."${table}" WHERE "${name}" IS NOT NULL`,
      );
      const places = rows.flatMap(({ value }) => this.in(Buffer.isBuffer(value) ? value : String(value), `${schema}.${table}.${name}`));
      found.push(...places.filter((one, index) => places.findIndex((other) => other.name === one.name) === index));
    }
    return { found, columns: columns.map(({ schema, table, name }) => `${schema}.${table}.${name}`) };
  }
}

function encodings(text: string): readonly Buffer[] {
  const bytes = Buffer.from(text, "utf8");
  // In the middle of a longer base64 text the same bytes look otherwise, by where they begin; what is searched for are the digits that
  // depend on nothing else.
  const shifted = [0, 1, 2].flatMap((shift) => {
    const whole = Buffer.concat([Buffer.alloc(shift), bytes]);
    const digits = whole.toString("base64").replaceAll("=", "");
    const inner = digits.slice(Math.ceil((shift * 8) / 6), Math.floor((whole.length * 8) / 6));
    return [inner, inner.replaceAll("+", "-").replaceAll("/", "_")];
  });
  const hex = bytes.toString("hex");
  const texts = [
    text,
    ...shifted,
    hex,
    hex.toUpperCase(),
    encodeURIComponent(text),
    JSON.stringify(text).slice(1, -1),
    text.split("").reverse().join(""),
  ];
  return [...new Set(texts)].map((one) => Buffer.from(one, "utf8"));
}
