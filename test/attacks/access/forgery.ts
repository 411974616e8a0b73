// What a forgery is, and the ways in which each is tried.
import { createHash } from "node:crypto";
import type { EntryAction } from "../../../src/audit/actions.js";
import { canonicalJson, type JsonObject } from "../../../src/audit/canonical-json.js";
import type { ErrorCode } from "../../../src/kernel/errors.js";
import type { Vault } from "../../support/vault.js";
import type { Scene } from "./scene.js";

/** Who tells custodians: the service as it refuses, or its watch over all rows, where the refusal looks like any other. */
export type Heard = "at use" | "by the watch" | "by nobody";

/** One attack of the table in docs/threat-model.md: a decision that nobody took, written straight into the database. */
export interface Forgery {
  readonly id: `F${number}`;
  readonly name: string;
  /** Tables (`schema.name`) that it touches; put back afterwards. */
  readonly tables: readonly string[];
  /** Does it, leaving place and HMAC of each row as they were. */
  make(scene: Scene): Promise<unknown>;
  /** Keys of the rows that it touches: what an entry of the attacker's own lists, and what a page names. */
  rows(scene: Scene): readonly string[];
  /** Puts an older copy of the row in its place, HMAC and all; where there was one. */
  older?(scene: Scene): Promise<unknown>;
  /** Takes back what lies in no table. */
  undo?(scene: Scene): Promise<unknown>;
  /** What the attacker does with it. */
  use(scene: Scene, vault: Vault): Promise<unknown>;
  /** How that is refused. */
  readonly answer: ErrorCode;
  readonly heard: Heard;
  /** What an entry of the attacker's own says was done. */
  readonly action: EntryAction;
}

/** Sets columns of one row. */
export function edit(table: string, row: (scene: Scene) => string, set: string | ((scene: Scene) => string)): Forgery["make"] {
  return (scene) => scene.owner.run(`UPDATE ${table} SET ${typeof set === "string" ? set : set(scene)} WHERE id = $1`, [row(scene)]);
}

/** Removes one row. */
export function remove(table: string, row: (scene: Scene) => string): Forgery["make"] {
  return (scene) => scene.owner.run(`DELETE FROM ${table} WHERE id = $1`, [row(scene)]);
}

/** Inserts a copy of one row, HMAC and all, under another id and with other columns. */
export function copied(table: string, row: (scene: Scene) => string, columns: (scene: Scene) => JsonObject): Forgery["make"] {
  return (scene) =>
    scene.owner.run(`INSERT INTO ${table} SELECT (jsonb_populate_record(t, $2::jsonb)).* FROM ${table} t WHERE id = $1`, [
      row(scene),
      JSON.stringify(columns(scene)),
    ]);
}

/** Exchanges columns of two rows. */
export function exchanged(
  table: string,
  one: (scene: Scene) => string,
  other: (scene: Scene) => string,
  columns: readonly string[],
): Forgery["make"] {
  const sets = columns.map((column) => `${column} = o.${column}`).join(", ");
  return (scene) =>
    scene.owner.run(`UPDATE ${table} t SET ${sets} FROM ${table} o WHERE (t.id = $1 AND o.id = $2) OR (t.id = $2 AND o.id = $1)`, [
      one(scene),
      other(scene),
    ]);
}

/** Changes the body of a request, and its hash with it. */
export function reworded(request: (scene: Scene) => string, change: (body: JsonObject, scene: Scene) => JsonObject): Forgery["make"] {
  return async (scene) => {
    const [row] = await scene.owner.rows<{ body: string }>("SELECT body FROM approvals.request WHERE id = $1", [request(scene)]);
    const body = JSON.parse(row?.body ?? "") as JsonObject;
    const text = canonicalJson({ ...body, ...change(body, scene) });
    const hash = createHash("sha256").update(text).digest();
    await scene.owner.run("UPDATE approvals.request SET body = $2, hash = $3 WHERE id = $1", [request(scene), text, hash]);
  };
}

/** The table (`schema.name`) of a row's key. */
export function tableOf(forgery: Pick<Forgery, "tables">, key: string): string {
  const name = key.slice(0, key.indexOf("/"));
  const found = forgery.tables.find((table) => table.endsWith(`.${name}`));
  if (found === undefined) throw new Error(`no table of ${key}`);
  return found;
}
