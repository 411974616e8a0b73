import type { BeforeApplicationShutdown, OnApplicationBootstrap } from "@nestjs/common";
import type { AuditLog } from "../audit/audit-log.service.js";
import { parseCanonical } from "../audit/canonical-json.js";
import { type DestructionBody, parseDestruction } from "../audit/destruction.js";
import { draftEntry, SYSTEM_ACTOR } from "../audit/draft.js";
import { entryExtras } from "../audit/entry.js";
import { walkStream } from "../audit/stream-entries.service.js";
import type { Transactions } from "../audit/transactions.service.js";
import { encodeFields } from "../kernel/encoding.js";
import { deriveEventId, type Id } from "../kernel/ids.js";
import { SteadyTimer } from "../kernel/steady-timer.js";
import { DOMAINS, type Domain } from "../keys/domain.js";
import type { KeyService } from "../keys/keys.service.js";
import { Destruction } from "./destruction.entity.js";

const PERIOD_MS = 60 * 60_000;

/** A root key of a destroyed account whose deletion would make its certificate final. */
interface AwaitedDeletion {
  readonly domain: Domain;
  readonly uriSha256: string;
}

/**
 * Writes down that the root key of an account that was destroyed is gone, so that its certificate is final (docs/spec/destruction-certificate.md [DC-9]).
 * Only of root keys that nobody else's keys are wrapped by, of accounts that were not escrowed, and only when the root key's own home says that there is
 * no such key; a file that is not there may be anywhere.
 */
export class RootKeyDeletions implements OnApplicationBootstrap, BeforeApplicationShutdown {
  /** By account; empty where nothing is waited for. */
  readonly #awaited = new Map<string, readonly AwaitedDeletion[]>();
  readonly #timer: SteadyTimer;

  constructor(
    private readonly transactions: Transactions,
    private readonly log: Pick<AuditLog, "idsOf" | "streams" | "recordOnce">,
    private readonly keys: Pick<KeyService, "isRootKeyGone">,
    failed: (error: unknown) => void,
  ) {
    this.#timer = new SteadyTimer(PERIOD_MS, () => this.look(), failed);
  }

  onApplicationBootstrap(): void {
    this.#timer.startNow();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.#timer.stop();
  }

  /** Asks for every root key that is waited for. @returns how many entries were written. */
  async look(): Promise<number> {
    let written = 0;
    for (const accountId of [...this.log.idsOf("destruction")] as Id<"account">[]) {
      const awaited = this.#awaited.get(accountId) ?? (await this.#awaitedOf(accountId));
      const left: AwaitedDeletion[] = [];
      for (const one of awaited) {
        if (!(await this.keys.isRootKeyGone(one.domain, one.uriSha256))) left.push(one);
        else if ((await this.#tell(accountId, one.uriSha256)) !== null) written += 1;
      }
      this.#awaited.set(accountId, left);
    }
    return written;
  }

  async #awaitedOf(accountId: Id<"account">): Promise<readonly AwaitedDeletion[]> {
    return await this.transactions.peek(async (tx) => {
      const row = await tx.read(Destruction, accountId);
      if (row === null) return [];
      const body = parseDestruction(parseCanonical(Buffer.from(row.body, "utf8")));
      const { entries } = await walkStream(tx.manager, this.log.streams, accountId);
      const told = new Set(entries.map(({ entry }) => (entry.action === "key.destroyed" ? entryExtras(entry).target?.id : undefined)));
      return awaitedIn(body).filter(({ uriSha256 }) => !told.has(uriSha256));
    });
  }

  /** Once, whichever replica hears of it first. */
  async #tell(accountId: Id<"account">, uriSha256: string) {
    const draft = draftEntry({
      id: deriveEventId(encodeFields(["rk-root-key-gone-1", accountId, uriSha256])),
      action: "key.destroyed",
      outcome: "committed",
      actor: SYSTEM_ACTOR,
      target: { type: "root-key", id: uriSha256 },
      stream: accountId,
    });
    return await this.log.recordOnce(draft);
  }
}

function awaitedIn({ keys, backups }: DestructionBody): readonly AwaitedDeletion[] {
  if (backups.isRootKeyShared || keys.some(({ isEscrowed }) => isEscrowed)) return [];
  const byUri = new Map<string, AwaitedDeletion>();
  for (const { domain, rootKey } of keys) {
    const known = DOMAINS.find((name) => name === domain);
    if (known !== undefined) byUri.set(rootKey.uriSha256, { domain: known, uriSha256: rootKey.uriSha256 });
  }
  return [...byUri.values()];
}
