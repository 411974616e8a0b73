import type { AuditLog } from "../audit/audit-log.service.js";
import { parseCanonical } from "../audit/canonical-json.js";
import { type DestructionBody, parseDestruction } from "../audit/destruction.js";
import type { DestructionCertificate, ProvenText } from "../audit/destruction-certificate.js";
import { type Entry, entryExtras } from "../audit/entry.js";
import { isObject } from "../audit/entry-form.js";
import { walkStream } from "../audit/stream-entries.service.js";
import type { TlogReader } from "../audit/tlog-reader.service.js";
import type { Transactions } from "../audit/transactions.service.js";
import { isRootkeepError, RootkeepError } from "../kernel/errors.js";
import type { Id } from "../kernel/ids.js";
import { Destruction } from "./destruction.entity.js";
import type { KeptDestroyed } from "./kept-destroyed.service.js";

/** Certificates of destruction: what was destroyed, and the proof that the log says so. */
export class DestructionCertificates {
  constructor(
    private readonly transactions: Transactions,
    private readonly log: Pick<AuditLog, "streams">,
    private readonly tlog: Pick<TlogReader, "entryProof" | "keyLines">,
    private readonly kept: Pick<KeptDestroyed, "forget">,
  ) {}

  /**
   * The certificate of an account, not before every copy of it is gone that we can reach, and not before a signed checkpoint covers it.
   * @throws RootkeepError `NOT_FOUND` for an account that was not destroyed, `STATE_CONFLICT` until the next checkpoint, `CHAIN_BROKEN`.
   */
  async of(accountId: Id<"account">): Promise<DestructionCertificate> {
    const { body, evidence } = await this.transactions.peek(async (tx) => {
      const row = await tx.read(Destruction, accountId);
      if (row === null) throw new RootkeepError("NOT_FOUND");
      const body = parseDestruction(parseCanonical(Buffer.from(row.body, "utf8")));
      const { entries } = await walkStream(tx.manager, this.log.streams, accountId);
      return { body, evidence: entries.filter(({ entry }) => isEvidence(entry, body)) };
    });
    await this.kept.forget(accountId);
    const entries: ProvenText[] = [];
    for (const { entry, bytes } of evidence) entries.push({ seq: entry.seq, bytes, proof: await this.#proof(entry.seq) });
    return { body, entries, keys: this.tlog.keyLines() };
  }

  async #proof(seq: number): Promise<string> {
    try {
      return (await this.tlog.entryProof(seq)).toString("utf8");
    } catch (error) {
      if (!isRootkeepError(error, "NOT_FOUND")) throw error;
      throw new RootkeepError("STATE_CONFLICT", {
        facts: { seq, rule: "no signed checkpoint covers the entry yet; ask again in a moment" },
      });
    }
  }
}

/** Entries that a certificate shows: who asked, who approved, what was done [DC-7]. */
function isEvidence(entry: Entry, { request }: DestructionBody): boolean {
  if (entry.action === "account.destroyed" || entry.action === "key.destroyed") return entry.outcome === "committed";
  if (entry.action !== "request.submit" && entry.action !== "request.approve") return false;
  const asked = entry["request"];
  return isObject(asked) && asked["id"] === request.id && entryExtras(entry).target?.type === "request";
}
