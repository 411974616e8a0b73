import type { EntityManager } from "typeorm";
import type { EntryAction } from "./actions.js";
import { type Entry, entryExtras, parseEntry } from "./entry.js";
import { isObject } from "./entry-form.js";

/** Openings erased by one request at most: they are listed in its text and in its entry. */
export const ERASED_MAX = 200;

/** What openings are about. */
export type ErasureAbout =
  | { readonly kind: "entry"; readonly seq: number; readonly field: string }
  | { readonly kind: "request" | "person"; readonly id: string };

/** Openings of one entry, by their fields. */
export interface ErasedOpenings {
  readonly seq: number;
  readonly fields: readonly string[];
}

/** Openings that are there now, oldest first. */
export interface Erasable {
  /** {@link ERASED_MAX} of them at most. */
  readonly openings: readonly ErasedOpenings[];
  /** How many more there are. */
  readonly remaining: number;
}

/** An opening that is there, and the entry that commits to it. */
interface FoundOpening {
  readonly seq: number;
  readonly field: string;
  readonly entry: Entry;
}

/**
 * The openings about something, as the bytes of entries say; search columns are not asked, and no value is read. About a request: those of every
 * entry that names it. About a person: those of entries whose target or subject they are, of their founding, and of the request by which they
 * were enrolled.
 */
export async function erasable(manager: EntityManager, about: ErasureAbout): Promise<Erasable> {
  const found = about.kind === "entry" ? await openingOf(manager, about) : await openingsAbout(manager, about.kind, about.id);
  const taken = found.slice(0, ERASED_MAX);
  const fields = new Map<number, string[]>();
  for (const { seq, field } of taken) fields.set(seq, [...(fields.get(seq) ?? []), field]);
  return { openings: [...fields].map(([seq, names]) => ({ seq, fields: names })), remaining: found.length - taken.length };
}

async function openingOf(manager: EntityManager, { seq, field }: { seq: number; field: string }): Promise<readonly FoundOpening[]> {
  const rows = await select(manager, "d.seq = $1::bigint AND d.field = $2", [seq, field]);
  return rows.filter((row) => row.seq === seq && row.field === field);
}

async function openingsAbout(manager: EntityManager, kind: "request" | "person", id: string): Promise<readonly FoundOpening[]> {
  const named = await naming(manager, id);
  if (kind === "request") return named.filter(({ entry }) => requestOf(entry) === id);
  const own = named.filter(({ entry, field }) => isAboutPerson(entry, field, id));
  const enrolment = own.find(({ entry }) => entry.action === "person.enrol");
  const request = enrolment === undefined ? undefined : requestOf(enrolment.entry);
  const asked = request === undefined ? [] : (await naming(manager, request)).filter(({ entry }) => requestOf(entry) === request);
  return inOrder([...own, ...asked]);
}

/** Openings of entries in whose bytes `id` stands; ids are longer than anything that would stand there by chance. */
async function naming(manager: EntityManager, id: string): Promise<readonly FoundOpening[]> {
  return await select(manager, "position(convert_to($1, 'UTF8') IN e.entry) > 0", [id]);
}

async function select(manager: EntityManager, where: string, parameters: readonly unknown[]): Promise<readonly FoundOpening[]> {
  const rows: { seq: string; field: string; entry: Buffer }[] = await manager.query(
    `SELECT d.seq, d.field, e.entry FROM audit.disclosure d JOIN audit.entry e ON e.seq = d.seq WHERE ${where}
     ORDER BY d.seq, d.field COLLATE "C"`,
    [...parameters],
  );
  // An opening of what its entry does not commit to is none, wherever it came from.
  return rows
    .map(({ seq, field, entry }) => ({ seq: Number(seq), field, entry: parseEntry(entry) }))
    .filter(({ seq, field, entry }) => entry.seq === seq && Object.hasOwn(entryExtras(entry).commitments, field));
}

function requestOf(entry: Entry): string | undefined {
  const request = entry["request"];
  const { target } = entryExtras(entry);
  if (isObject(request) && typeof request["id"] === "string") return request["id"];
  return target?.type === "request" ? target.id : undefined;
}

/** Entries whose openings about people go by their place in the list of custodians. */
const NAMES_CUSTODIANS: ReadonlySet<string> = new Set<EntryAction>(["people.founded", "people.recovered"]);

function isAboutPerson(entry: Entry, field: string, id: string): boolean {
  const { target, details } = entryExtras(entry);
  if (NAMES_CUSTODIANS.has(entry.action)) return field.startsWith(`custodian.${String(founderOf(details?.["custodians"], id))}.`);
  return (target?.type === "person" && target.id === id) || details?.["person"] === id;
}

function founderOf(custodians: unknown, id: string): number {
  const list: readonly unknown[] = Array.isArray(custodians) ? custodians : [];
  return list.findIndex((custodian) => isObject(custodian) && custodian["person"] === id);
}

function inOrder(found: readonly FoundOpening[]): readonly FoundOpening[] {
  const each = new Map(found.map((opening) => [`${String(opening.seq)}/${opening.field}`, opening]));
  return [...each.values()].sort((one, other) => one.seq - other.seq || (one.field < other.field ? -1 : 1));
}
