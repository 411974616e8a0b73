import { mkdir, readdir, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import {
  ACCOUNT_EXPORT_FORMAT,
  ACCOUNT_FILES,
  ACCOUNT_FOLDERS,
  type AccountFolder,
  type AccountManifest,
  accountBundlePath,
  accountManifestBytes,
  type EntryProof,
  headsBytes,
  parseAccountBundlePath,
  parseAccountManifest,
  proofLine,
} from "../audit/account-export-format.js";
import { ACCOUNT_GUIDE } from "../audit/account-export-guide.js";
import { BUNDLE_WIDTH, encodeBundle } from "../audit/bundle.js";
import type { TipProof } from "../audit/stream-heads.js";
import { parseCheckpoint } from "../audit/tlog/checkpoint.js";
import { parseNote } from "../audit/tlog/note.js";
import { TlogError } from "../audit/tlog/tlog-error.js";
import { parseTlogProof } from "../audit/tlog/tlog-proof.js";
import { isId } from "../kernel/ids.js";
import { VERSION } from "../version.js";
import type { Answer } from "./answer.js";
import { type ApiClient, pathPart } from "./api-client.js";
import type { Call } from "./command.js";
import { PART, readIfThere, writeWhole } from "./export-files.js";
import { LocalError, RefusedError, UsageError } from "./failure.js";

/** What an account export is to hold. */
export interface AccountExportOptions {
  readonly directory: string;
  /** Our id of the account. */
  readonly account: string;
  /** Program and version, for the manifest. */
  readonly tool: string;
  readonly created: Date;
}

interface FetchedEntry extends EntryProof {
  readonly bytes: Buffer;
}

/** `rootkeep audit export DIR --account ACC`. @throws as {@link exportAccount}. */
export async function runAccountExport(call: Call, account: string): Promise<void> {
  const { given } = call;
  if (given.count("from") !== undefined || given.count("cosigned") !== undefined || given.flag("no-disclosures")) {
    throw new UsageError("--account goes with none of --from, --cosigned and --no-disclosures");
  }
  if (!isId("account", account)) throw new UsageError("--account is the id of an account (accounts list shows it)");
  const client = await call.client();
  const options = { directory: given.positional("DIR"), account, tool: `rootkeep ${VERSION}`, created: new Date() };
  const manifest = await exportAccount(client, options);
  const { entries, acts, heartbeat } = manifest;
  const sentence = `exported all ${String(entries)} entries of ${account} and ${String(acts)} global acts up to heartbeat ${String(heartbeat)}`;
  call.say(sentence, { ...manifest });
}

/**
 * Writes what the owner of one account is to be given, in the form of docs/spec/account-export.md: their entries up to the newest heartbeat
 * that is signed, the global acts, and the proof that none is missing. Always written anew, for it is small; the manifest is taken away
 * first and written last. Nothing is judged here: an export of a broken log must be possible, it is the evidence.
 * @throws LocalError (something else is in the directory; no signed heartbeat knows the account), RefusedError
 */
export async function exportAccount(client: ApiClient, options: AccountExportOptions): Promise<AccountManifest> {
  const { directory, account } = options;
  const head = await headOf(client, account);
  const proof = Buffer.from(head.text("proof"), "utf8");
  const { note, origin, size } = checkpointIn(proof);
  const heads = { streams: head.count("streams"), account: tipOf(head.object("account")), global: tipOf(head.object("global")) };
  const manifest: AccountManifest = {
    format: ACCOUNT_EXPORT_FORMAT,
    origin,
    account,
    heartbeat: head.count("heartbeatSeq"),
    entries: heads.account.tip.size,
    acts: heads.global.tip.size,
    size,
    created: options.created.toISOString().replace("Z", "000Z"),
    tool: options.tool,
  };
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await assertSameAccount(directory, manifest);
  await rm(join(directory, ACCOUNT_FILES.manifest), { force: true });
  for (const folder of ACCOUNT_FOLDERS) await removeBundles(directory, folder);
  const entries = await fetchAll(client, `/v1/audit/accounts/${pathPart(account)}/entries`, manifest.entries, size);
  const acts = await fetchAll(client, "/v1/audit/global-acts", manifest.acts, size);
  await placeBundles(directory, "entries", entries);
  await placeBundles(directory, "global", acts);
  const place = (name: keyof typeof ACCOUNT_FILES, content: Uint8Array | string) =>
    writeWhole(join(directory, ACCOUNT_FILES[name]), content);
  const proofs = [...entries, ...acts].sort((one, other) => one.seq - other.seq);
  await place("proofs", proofs.map(proofLine).join(""));
  await place("heartbeat", bytesOf(head, "heartbeat"));
  await place("heartbeatProof", proof);
  await place("checkpoint", note);
  await place("keys", await client.bytes("/v1/audit/verifier-key"));
  await place("heads", headsBytes(heads));
  await place("guide", ACCOUNT_GUIDE);
  await place("manifest", accountManifestBytes(manifest));
  return manifest;
}

async function headOf(client: ApiClient, account: string): Promise<Answer> {
  try {
    return await client.get(`/v1/audit/accounts/${pathPart(account)}/head`);
  } catch (error) {
    if (!(error instanceof RefusedError) || error.refusal.code !== "NOT_FOUND") throw error;
    throw new LocalError(`no signed heartbeat knows an entry of ${account}; the log has one every ten minutes`);
  }
}

function checkpointIn(proof: Buffer): { note: Buffer; origin: string; size: number } {
  try {
    const { note } = parseTlogProof(proof);
    const { origin, size } = parseCheckpoint(parseNote(note).text);
    return { note, origin, size };
  } catch (error) {
    if (error instanceof TlogError) throw new LocalError(`the service sent no proof: ${error.message}`);
    throw error;
  }
}

/** The first `count` entries of a list: what was appended since the heartbeat is not vouched for yet. */
async function fetchAll(client: ApiClient, path: string, count: number, size: number): Promise<readonly FetchedEntry[]> {
  const entries: FetchedEntry[] = [];
  if (count === 0) return entries;
  for await (const item of client.items(path, { size })) {
    entries.push({ seq: item.count("seq"), bytes: bytesOf(item, "entry"), hashes: hashesOf(item) });
    if (entries.length === count) return entries;
  }
  throw new LocalError(`the service sent ${String(entries.length)} of ${String(count)} entries`);
}

async function placeBundles(directory: string, folder: AccountFolder, entries: readonly FetchedEntry[]): Promise<void> {
  for (let n = 0; n * BUNDLE_WIDTH < entries.length; n++) {
    const bundle = entries.slice(n * BUNDLE_WIDTH, (n + 1) * BUNDLE_WIDTH).map(({ bytes }) => bytes);
    await writeWhole(join(directory, accountBundlePath(folder, n, bundle.length)), encodeBundle(bundle));
  }
}

/** Two accounts, or two logs, in one directory would make an export of neither. */
async function assertSameAccount(directory: string, { origin, account }: AccountManifest): Promise<void> {
  const bytes = await readIfThere(join(directory, ACCOUNT_FILES.manifest));
  if (bytes === null) return;
  try {
    const known = parseAccountManifest(bytes);
    if (known.origin === origin && known.account === account) return;
  } catch {
    // Not ours at all, which is the same answer.
  }
  throw new LocalError(`${directory} holds another export; name another directory`);
}

/** Takes away what an earlier export left. Only files that this program makes are ever deleted. */
async function removeBundles(directory: string, folder: string): Promise<void> {
  const items = await readdir(join(directory, folder), { withFileTypes: true }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  });
  for (const item of items) {
    const path = `${folder}/${item.name}`;
    const whole = path.endsWith(PART) ? path.slice(0, -PART.length) : path;
    if (item.isDirectory()) await removeBundles(directory, path);
    else if (item.isFile() && parseAccountBundlePath(whole) !== null) await rm(join(directory, path));
  }
  // Only an empty directory goes; another one refuses, and stays.
  if (items.length > 0) await rmdir(join(directory, folder)).catch(() => undefined);
}

function tipOf(tip: Answer): TipProof {
  return {
    tip: { stream: tip.text("stream"), size: tip.count("size"), leaf: bytesOf(tip, "leaf") },
    index: tip.count("index"),
    hashes: hashesOf(tip),
  };
}

function hashesOf({ members }: Answer): readonly Buffer[] {
  const hashes: unknown = members["hashes"];
  if (!Array.isArray(hashes)) throw new LocalError('the service\'s answer has no list "hashes"');
  return hashes.map((hash: unknown) => Buffer.from(typeof hash === "string" ? hash : "", "base64"));
}

function bytesOf(answer: Answer, name: string): Buffer {
  return Buffer.from(answer.text(name), "base64");
}
