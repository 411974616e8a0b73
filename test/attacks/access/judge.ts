// Carries an attack out in one of its variants, and judges what came of it: nothing opened, refused, in the log, and somebody was paged.

import { AuditRepository } from "../../../src/audit/audit.repository.js";
import { canonicalBytes } from "../../../src/audit/canonical-json.js";
import type { EntryDraft } from "../../../src/audit/entry.js";
import { appendEntries, placeEntries } from "../../../src/audit/entry-appender.service.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { newEventId } from "../../../src/kernel/ids.js";
import type { Message } from "../../../src/notices/message.js";
import { writeHistory } from "../../support/log-forger.js";
import { withClient } from "../../support/postgres.js";
import type { Vault, VaultOptions } from "../../support/vault.js";
import { type Forgery, type Heard, tableOf } from "./forgery.js";
import { PagedVault } from "./paged-vault.js";
import type { Scene } from "./scene.js";

/** In which way a row's forgery is made to look right. */
export const VARIANTS = [
  "the row alone",
  "the row, after a restart",
  "the row, with place and HMAC of another row",
  "an older copy of the row",
  "the row and an entry, through the log's own function",
  "the row and an entry, written into the log, after a restart",
  "an older copy and an entry, written into the log",
] as const;
export type Variant = (typeof VARIANTS)[number];

const SECRETS = /Tr0ub4dor|GEZDGNBV|rks_/;

/** Null when the attack was withstood in `variant`; otherwise how it was not. Everything is put back. */
export async function withstood(scene: Scene, forgery: Forgery, variant: Variant): Promise<string | null> {
  const { owner } = scene;
  const copies = [];
  for (const table of forgery.tables) copies.push(await owner.copy(table, "true", keyOf(table)));
  const log = await logAsItIs(scene);
  const own = variant.includes("entry") || variant.includes("restart");
  // A process that has seen the attacker's entry has seen it for good: each gets one of its own.
  const early = own && !variant.includes("after a restart") ? await attacked(scene) : null;
  try {
    await (variant.startsWith("an older") && forgery.older !== undefined ? forgery.older(scene) : forgery.make(scene));
    if (variant.includes("of another row")) await borrowMacs(scene, forgery);
    if (variant.includes("entry")) await appendOwn(scene, forgery, variant);
    const paged = early ?? (own ? await attacked(scene) : scene.paged);
    const fault = await judge(scene, paged, forgery, variant === "the row alone" ? forgery.heard : "either");
    if (paged !== scene.paged && paged !== early) await paged.vault.close();
    return fault;
  } finally {
    await early?.vault.close();
    for (const copy of copies) await copy.putBack();
    await forgery.undo?.(scene);
    if (own) await log.putBack();
    await owner.run("DELETE FROM people.signin_failure");
  }
}

/** As {@link withstood}, of an entry alone, met by a process that runs or by one that starts. */
export async function withstoodEntry(
  scene: Scene,
  forgery: Pick<Forgery, "use" | "answer" | "heard"> & { readonly options: VaultOptions; draft(scene: Scene): EntryDraft },
  isRunning: boolean,
): Promise<string | null> {
  const log = await logAsItIs(scene);
  const { options } = forgery;
  const draft = forgery.draft(scene);
  const early = isRunning ? await attacked(scene, options) : null;
  await appendByFunction(scene, draft);
  const paged = early ?? (await attacked(scene, options));
  try {
    const rows = (): readonly string[] => draft.rows ?? [];
    return await judge(scene, paged, { ...forgery, rows, tables: [] }, isRunning ? forgery.heard : "either");
  } finally {
    await paged.vault.close();
    await log.putBack();
    await scene.owner.run("DELETE FROM people.signin_failure");
  }
}

async function attacked(scene: Scene, options: VaultOptions = {}): Promise<PagedVault> {
  return await PagedVault.open({
    replicaOf: scene.vault,
    rootKey: scene.rootKey,
    provider: { config: scene.provider.config() },
    ...options,
  });
}

/** Uses the forgery, and looks at everything that must be there afterwards. */
async function judge(
  scene: Scene,
  paged: PagedVault,
  forgery: Pick<Forgery, "rows" | "tables" | "use" | "answer" | "heard">,
  heard: Heard | "either",
): Promise<string | null> {
  const { rootKey, owner } = scene;
  const { vault } = paged;
  // What the last attack was told of has arrived; a process that has just started is told of what it found as it started.
  if (paged === scene.paged) await paged.pages();
  const unwraps = rootKey.unwraps;
  const [before] = await owner.rows<{ size: string }>("SELECT size FROM audit.head");
  const refused = await use(scene, vault, forgery);
  if (rootKey.unwraps !== unwraps) return "the root key was asked";
  if (refused !== null) return refused;
  const pages: Message[] = [...(await paged.pages())];
  const atUse = pages.some((page) => isAbout(page, forgery, scene));
  if (!atUse && heard !== "by nobody") {
    await vault.watchRows();
    pages.push(...(await paged.pages()));
  }
  if (pages.some(({ subject, text }) => SECRETS.test(subject + text))) return "a page holds a secret";
  if (heard === "by nobody") return pages.length === 0 ? null : "somebody heard of it";
  if (!pages.some((page) => isAbout(page, forgery, scene))) return `nobody was paged (${pages.map(({ text }) => text).join("; ")})`;
  if (heard !== "either" && (heard === "at use") !== atUse) return `was heard ${atUse ? "at use" : "by the watch"}`;
  return (await isWritten(scene, forgery, Number(before?.size))) ? null : "is not in the log";
}

async function use(scene: Scene, vault: Vault, forgery: Pick<Forgery, "use" | "answer" | "heard">): Promise<string | null> {
  try {
    await forgery.use(scene, vault);
    return "was not refused";
  } catch (error) {
    if (!isRootkeepError(error)) return `ended with ${String(error)}`;
    return error.code === forgery.answer || error.code === "ROW_REFUSED" ? null : `was refused as ${error.code}`;
  }
}

/** True for a page that names a row of the forgery (or its whole table), or, of an entry's forgery, an entry. */
function isAbout({ facts, isPage }: Message, { rows, tables }: Pick<Forgery, "rows" | "tables">, scene: Scene): boolean {
  if (!isPage) return false;
  const keys = rows(scene);
  if (facts.event === "audit.entry_forged") return true;
  return facts.event === "row.refused" && (keys.includes(facts.row ?? "") || tables.some((table) => table.endsWith(`.${facts.row ?? ""}`)));
}

async function isWritten(scene: Scene, { rows, tables }: Pick<Forgery, "rows" | "tables">, from: number): Promise<boolean> {
  const found = await scene.owner.rows<{ row: string | null; action: string }>(
    `SELECT r->>'action' AS action, r->'details'->>'row' AS row FROM audit.entry, LATERAL (SELECT convert_from(entry, 'UTF8')::jsonb AS r) AS p
     WHERE seq >= $1 - 1 AND r->>'action' IN ('row.refused', 'entry.refused')`,
    [from],
  );
  const keys = rows(scene);
  return found.some(({ action, row }) => {
    if (action === "entry.refused") return true;
    return keys.includes(row ?? "") || tables.some((table) => table.endsWith(`.${row ?? ""}`));
  });
}

/** Gives each row that the forgery has touched place and HMAC of another row of its table: right bytes, of something else. */
async function borrowMacs(scene: Scene, forgery: Forgery): Promise<void> {
  for (const { table, id } of touched(scene, forgery)) {
    const other = `SELECT seq, mac FROM ${table} WHERE id <> $1 ORDER BY id LIMIT 1`;
    await scene.owner.run(`UPDATE ${table} SET (seq, mac) = (${other}) WHERE id = $1 AND EXISTS (${other})`, [id]);
  }
}

/** The rows that the log knows; a provider's session has an HMAC, and no entry. */
function touched(scene: Scene, forgery: Forgery): readonly { readonly table: string; readonly id: string }[] {
  const keys = forgery.rows(scene).filter((key) => !key.startsWith("provider_session/"));
  return keys.map((key) => ({ table: tableOf(forgery, key), id: key.slice(key.indexOf("/") + 1) }));
}

/** Appends an entry that lists the rows, and puts its place into them. An older copy keeps its own: its HMAC covers it. */
async function appendOwn(scene: Scene, forgery: Forgery, variant: Variant): Promise<void> {
  const rows = forgery.rows(scene);
  const draft: EntryDraft = {
    id: newEventId(),
    action: forgery.action,
    outcome: forgery.action === "secret.code" ? "intent" : "committed",
    actor: { type: "person", id: scene.ada.personId },
    details: { approvedBy: scene.ben.personId },
    rows,
  };
  const seq = variant.includes("function") ? await appendByFunction(scene, draft) : await appendByHand(scene, draft);
  if (variant.startsWith("an older")) return;
  for (const { table, id } of touched(scene, forgery)) await scene.owner.run(`UPDATE ${table} SET seq = $2 WHERE id = $1`, [id, seq]);
}

/** Through `audit.append`, as a superuser may call it. @returns its place. */
async function appendByFunction({ vault }: Scene, draft: EntryDraft): Promise<number> {
  return await withClient(vault.database.superuser, async (client) => {
    await client.query("BEGIN");
    const head = await AuditRepository.lockHead(client);
    await appendEntries(client, head, [draft]);
    await client.query("COMMIT");
    return head.size;
  });
}

/** Written into the tables, every hash made to fit. @returns its place. */
async function appendByHand({ vault, owner }: Scene, draft: EntryDraft): Promise<number> {
  const head = await withClient(vault.database.superuser, async (client) => {
    await client.query("BEGIN");
    return await AuditRepository.lockHead(client);
  });
  const [built] = placeEntries(head, [draft], new Map());
  const bytes = canonicalBytes(built?.entry);
  await writeHistory(owner, [...Array.from({ length: head.size }, () => Buffer.alloc(0)), bytes], head.size);
  return head.size;
}

/** The log's tables; putting them back removes what was appended since. */
async function logAsItIs({ owner }: Scene): Promise<{ putBack(): Promise<void> }> {
  const [head] = await owner.rows<{ size: string }>("SELECT size FROM audit.head");
  const [heads, streams] = [await owner.copy("audit.head"), await owner.copy("audit.stream_head", "true", "stream")];
  return {
    putBack: async () => {
      await owner.run("DELETE FROM audit.disclosure WHERE seq >= $1", [head?.size]);
      await owner.run("DELETE FROM audit.entry WHERE seq >= $1", [head?.size]);
      await heads.putBack();
      await streams.putBack();
    },
  };
}

function keyOf(table: string): string {
  return table === "people.provider_session" ? "session_id" : "id";
}
