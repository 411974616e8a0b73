import type { AuditLog } from "../audit/audit-log.service.js";
import { draftEntry, SYSTEM_ACTOR } from "../audit/draft.js";
import type { Transactions } from "../audit/transactions.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { encodeFields } from "../kernel/encoding.js";
import { isRootkeepError, RootkeepError } from "../kernel/errors.js";
import { deriveEventId, type Id } from "../kernel/ids.js";
import { everyone } from "../notices/notice.js";
import { postNotice } from "../notices/post-notice.service.js";
import { BrakeRaise } from "./brake-raise.entity.js";

/** How many openings go through in any window; trusted configuration. */
export interface BrakeLimits {
  readonly person: number;
  readonly deployment: number;
  readonly windowMinutes: number;
}

/**
 * The exfiltration brake. However many grants there are, only so many openings go through in any window, of one person and of all. They are
 * counted in the log, under the audit lock of the very transaction that would append the next: so on every replica at once, after a restart,
 * and whatever stands in tables.
 */
export class OpeningBrake {
  constructor(
    private readonly log: Pick<AuditLog, "openingsSince">,
    private readonly transactions: Transactions,
    private readonly limits: BrakeLimits,
  ) {}

  /** Has the opening that `tx` claims for `personId` counted before it commits. The commit fails with `BRAKE_ENGAGED` beyond a limit. */
  async watch(tx: WorkTransaction, personId: Id<"person">, now: Date): Promise<void> {
    const raises = (await tx.readAll(BrakeRaise, {})).filter(({ validFrom, validTo }) => validFrom <= now && now < validTo);
    const limitOf = (usual: number, id: Id<"person"> | null): number =>
      Math.max(usual, ...raises.filter((raise) => raise.personId === id).map(({ openings }) => openings));
    const person = limitOf(this.limits.person, personId);
    const deployment = limitOf(this.limits.deployment, null);
    tx.atHead((head) => {
      const since = Date.parse(head.now) - this.limits.windowMinutes * 60_000;
      const counted = this.log.openingsSince(since, personId);
      if (counted.byPerson >= person) throw this.#engaged("person", counted.byPerson, person, counted.newestSeq);
      if (counted.all >= deployment) throw this.#engaged("deployment", counted.all, deployment, counted.newestSeq);
    });
  }

  /**
   * Writes into the log that the brake held, and pages custodians; once for each time that it engages, whoever goes on trying. Anything but
   * `BRAKE_ENGAGED` is none of its business.
   */
  async tell(personId: Id<"person">, error: unknown): Promise<void> {
    if (!isRootkeepError(error, "BRAKE_ENGAGED")) return;
    const { scope, seq } = error.facts;
    const id = deriveEventId(encodeFields(["rk-brake-1", String(scope), personId, String(seq)]));
    const told = this.transactions.run(async (tx) => {
      const person = { person: personId };
      await postNotice(tx, { topic: "brake.engaged", facts: { ...person, seq: String(seq) }, audience: [everyone("custodian")] });
      const draft = draftEntry({
        id,
        action: "brake.engaged",
        outcome: "denied",
        actor: SYSTEM_ACTOR,
        details: { ...person, ...error.facts },
      });
      return { result: undefined, entries: [{ draft }] };
    });
    // Told already, or the log cannot be written: the refusal stands either way, and has an entry of its own.
    await told.catch(() => undefined);
  }

  #engaged(scope: "person" | "deployment", openings: number, limit: number, seq: number): RootkeepError {
    return new RootkeepError("BRAKE_ENGAGED", { facts: { scope, openings, limit, windowMinutes: this.limits.windowMinutes, seq } });
  }
}
