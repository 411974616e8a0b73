import type { EntityManager } from "typeorm";
import type { DataKeys } from "../keys/data-keys.service.js";
import type { KeyService } from "../keys/keys.service.js";
import { CopiedVersions } from "./copied-versions.repository.js";
import { COPIES_PREFIX, readSealedCopy, sealedCopyBytes, sealedCopyName } from "./sealed-copy.js";
import type { SecondStore } from "./second-store.port.js";

const PAGE = 500;

/** A copy of a version that the database does not know. */
export interface UnknownCopy {
  readonly versionId: string;
  readonly accountId: string;
  readonly kind: string;
  readonly number: number;
}

/** What a look at every object of the second store came to. Ids and names alone. */
export interface CopiesReport {
  /** Versions that are to have a copy. */
  readonly versions: number;
  /** Objects that this deployment made and nobody has changed. */
  readonly copies: number;
  /** Versions without a copy of what their rows say. */
  readonly missing: readonly string[];
  /** Objects that are no copies of ours, or lie under another's name. */
  readonly changed: readonly string[];
  /** Of versions that the database has lost: each may be what AWS has. */
  readonly unknown: readonly UnknownCopy[];
  /** Copies of versions that the database says are destroyed. */
  readonly left: readonly string[];
}

export interface CheckCopiesOptions {
  readonly entities: EntityManager;
  readonly dataKeys: DataKeys;
  readonly keys: Pick<KeyService, "isOwnEscrow" | "records">;
  readonly store: SecondStore;
  readonly deployment: string;
  readonly recipient: string | null;
  readonly onProgress?: (read: number) => void;
}

/**
 * Compares every object of the second store, byte for byte, with what the rows say. It changes and opens nothing, and asks no root key but for the
 * people's keys, which its caller has loaded. Rows are taken as they lie there: nothing is decided by it.
 * @throws RootkeepError `UNAVAILABLE`, and Error when the database cannot be asked.
 */
export async function checkCopies(options: CheckCopiesOptions): Promise<CopiesReport> {
  const { entities, keys, store, onProgress = () => undefined } = options;
  const states = await CopiedVersions.states(entities);
  const intact = new Set<string>();
  const [changed, left]: [string[], string[]] = [[], []];
  const unknown = new Map<string, UnknownCopy>();
  let read = 0;
  for await (const name of store.list(COPIES_PREFIX)) {
    const bytes = await store.get(name);
    onProgress(++read);
    // Removed since it was listed.
    if (bytes === null) continue;
    const copy = readSealedCopy(bytes, keys.records);
    if (copy?.deployment !== options.deployment || sealedCopyName(copy, bytes) !== name) {
      changed.push(name);
      continue;
    }
    intact.add(name);
    const { account, secret, version } = copy;
    const state = states.get(version.id);
    if (state === "DESTROYED") left.push(name);
    if (state === undefined)
      unknown.set(version.id, { versionId: version.id, accountId: account.id, kind: secret.kind, number: version.number });
  }
  return { ...(await missingIn(options, intact)), copies: intact.size, changed, left, unknown: [...unknown.values()] };
}

async function missingIn(
  { entities, dataKeys, keys, deployment, recipient }: CheckCopiesOptions,
  intact: ReadonlySet<string>,
): Promise<Pick<CopiesReport, "versions" | "missing">> {
  const escrow = { recipient, isOwn: keys.isOwnEscrow.bind(keys) };
  const missing: string[] = [];
  let versions = 0;
  for (let after: string | undefined = ""; after !== undefined; ) {
    const page = await CopiedVersions.list(entities, dataKeys, escrow, { after, take: PAGE, since: null });
    for (const { id, copy } of page) {
      const name = copy === null ? null : sealedCopyName(copy, sealedCopyBytes({ deployment, ...copy }, keys.records));
      if (name === null || !intact.has(name)) missing.push(id);
    }
    versions += page.length;
    after = page.at(-1)?.id;
  }
  return { versions, missing };
}
