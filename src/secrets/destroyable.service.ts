import { createHash } from "node:crypto";
import type { AccountRow } from "../accounts/account-registry.service.js";
import type { AuditLog } from "../audit/audit-log.service.js";
import type { DestroyedKey, DestroyedVersion } from "../audit/destruction.js";
import { rowsIn, walkStream } from "../audit/stream-entries.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { RootkeepError } from "../kernel/errors.js";
import type { DataKeys } from "../keys/data-keys.service.js";
import type { DataKeyRow } from "../keys/domain.js";
import { SecretRow } from "./secret.entity.js";
import { SecretVersion } from "./secret-version.entity.js";

/** What goes when the keys of an account are destroyed. */
export interface Destroyable {
  readonly keys: readonly DestroyedKey[];
  readonly versions: readonly DestroyedVersion[];
  /** The rows of {@link versions}, in the same order. */
  readonly rows: readonly SecretVersion[];
}

/** What is asked for it. */
export interface DestroyableSources {
  readonly log: Pick<AuditLog, "streams">;
  readonly dataKeys: DataKeys;
}

/**
 * All that is kept for `account`, and all of it is the account's own: this decides what a destruction takes, and what its certificate says is
 * gone. Which versions there are says the account's own chain in the log, so none is left out because a row was hidden; whose they are, and
 * under which key, say their rows, which count or refuse. Rows of data keys are not believed: one that contradicts the versions refuses.
 * @param mode `lock` when they are to be changed in this transaction.
 * @throws RootkeepError `NOT_FOUND` when there is nothing, `ROW_REFUSED`, `STATE_CONFLICT`.
 */
export async function destroyable(
  tx: WorkTransaction,
  account: Pick<AccountRow, "id" | "awsId">,
  { log, dataKeys }: DestroyableSources,
  mode: "read" | "lock",
): Promise<Destroyable> {
  const walked = await walkStream(tx.manager, log.streams, account.id);
  // What was appended meanwhile, here or elsewhere, may have brought another version: then all of this is done again.
  tx.atHead(() => {
    if (log.streams.headOf(account.id)?.size !== walked.size) throw outdated();
  });
  const rows = await versionsOf(tx, account.id, rowsIn(walked, "secret_version"), mode);
  const live = rows.filter(({ version }) => version.state !== "DESTROYED");
  const versions = live.map(({ version, secret }) => ({
    id: version.id,
    secretId: secret.id,
    kind: secret.kind,
    number: version.number,
    state: version.state,
    dataKeyId: version.dataKeyId,
    sealedSha256: version.sealedSha256.toString("hex"),
  }));
  if (versions.length === 0) throw new RootkeepError("NOT_FOUND", { facts: { rule: "nothing is kept for this account" } });
  const keys = await keysOf(tx, account, new Set(versions.map(({ dataKeyId }) => dataKeyId)), dataKeys);
  return { keys, versions, rows: live.map(({ version }) => version) };
}

async function versionsOf(tx: WorkTransaction, accountId: string, logged: ReadonlySet<string>, mode: "read" | "lock") {
  const ids = new Set(logged);
  for (const secret of await tx.readAll(SecretRow, { accountId: accountId as SecretRow["accountId"] }))
    for (const { id } of await tx.readAll(SecretVersion, { secretId: secret.id })) ids.add(id);
  const rows: { readonly version: SecretVersion; readonly secret: SecretRow }[] = [];
  for (const id of [...ids].sort()) {
    const version = mode === "lock" ? await tx.lock(SecretVersion, id) : await tx.read(SecretVersion, id);
    const secret = version === null ? null : await tx.read(SecretRow, version.secretId);
    if (version === null || secret?.accountId !== accountId) throw refused(`secret_version/${id}`);
    rows.push({ version, secret });
  }
  return rows;
}

/** The keys that the versions name: rows that give the account another key, or give one of these to somebody else, refuse. */
async function keysOf(
  tx: WorkTransaction,
  account: Pick<AccountRow, "id" | "awsId">,
  named: ReadonlySet<string>,
  dataKeys: DataKeys,
): Promise<readonly DestroyedKey[]> {
  const rows = (await dataKeys.ofAccount(tx.manager, account.id)).filter(({ state }) => state !== "DESTROYED");
  const missing = [...named].find((id) => !rows.some((row) => row.id === id));
  if (missing !== undefined) throw refused(`data_key/${missing}`);
  const odd = rows.find(({ id, awsAccountId, use }) => !named.has(id) || awsAccountId !== account.awsId || use !== "seal");
  if (odd !== undefined) throw refused(`data_key/${odd.id}`);
  const foreign: { id: string }[] = await tx.manager.query(
    `SELECT v.id FROM secrets.secret_version v LEFT JOIN secrets.secret s ON s.id = v.secret_id
     WHERE v.data_key_id = ANY($1) AND s.account_id IS DISTINCT FROM $2 LIMIT 1`,
    [[...named], account.id],
  );
  if (foreign[0] !== undefined) throw refused(`secret_version/${foreign[0].id}`);
  const escrowed: { id: string }[] = await tx.manager.query(
    "SELECT DISTINCT data_key_id AS id FROM keys.escrow_wrap WHERE data_key_id = ANY($1)",
    [[...named]],
  );
  return rows.map((row) => destroyedKey(row, new Set(escrowed.map(({ id }) => id))));
}

function destroyedKey({ id, domain, version, rootKeyUri }: DataKeyRow, escrowed: ReadonlySet<string>): DestroyedKey {
  const kind = rootKeyUri.slice(0, rootKeyUri.indexOf(":"));
  const uriSha256 = createHash("sha256").update(rootKeyUri, "utf8").digest("hex");
  return { id, domain, version, rootKey: { kind, uriSha256 }, isEscrowed: escrowed.has(id) };
}

function refused(row: string): RootkeepError {
  return new RootkeepError("ROW_REFUSED", { facts: { row }, reason: "a row contradicts what is to be destroyed" });
}

/** Handled as a serialisation failure: the same work, with what was appended, may pass. */
function outdated(): Error {
  return Object.assign(new Error("the account's chain has grown"), { code: "40001" });
}
