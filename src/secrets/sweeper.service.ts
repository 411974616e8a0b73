import type { BeforeApplicationShutdown, OnApplicationBootstrap } from "@nestjs/common";
import type { RootAddresses } from "../accounts/root-addresses.service.js";
import type { AccessGrants } from "../approvals/access-grants.service.js";
import { outcomeBytes } from "../approvals/request-body.js";
import type { Requests } from "../approvals/requests.service.js";
import type { AuditLog } from "../audit/audit-log.service.js";
import { draftEntry, SYSTEM_ACTOR } from "../audit/draft.js";
import { type Clock, SYSTEM_CLOCK } from "../kernel/clock.js";
import { isRootkeepError } from "../kernel/errors.js";
import { deriveEventId } from "../kernel/ids.js";
import { LIMITS } from "../kernel/limits.js";
import { SteadyTimer } from "../kernel/steady-timer.js";
import type { Log } from "../telemetry/log.service.js";
import { slug } from "../telemetry/site.js";
import type { DoubtCandidates } from "./doubt-candidates.service.js";
import type { ImportAccounts } from "./import-accounts.service.js";

const PERIOD_MS = 15_000;
/** Entries of one sweep. */
const ADDRESS_BATCHES = 20;

/**
 * Writes down what time, or a crash, has decided already: requests and grants that ran out, candidates that nobody holds any more, intents whose
 * outcome nobody wrote, imports that were cut off. Nothing waits for it: expiry is computed at use.
 */
export class Sweeper implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #timer = new SteadyTimer(
    PERIOD_MS,
    () => this.#resuming.then(() => this.sweep()),
    // Each job tells of itself.
    () => undefined,
  );
  #resuming: Promise<void> = Promise.resolve();

  constructor(
    private readonly requests: Requests,
    private readonly grants: AccessGrants,
    private readonly imports: ImportAccounts,
    private readonly addresses: RootAddresses,
    private readonly candidates: DoubtCandidates,
    private readonly audit: AuditLog,
    private readonly log: Log,
    /** Tells which intents are old enough to be closed; nothing that opens anything rests on it. */
    private readonly clock: Clock = SYSTEM_CLOCK,
  ) {}

  onApplicationBootstrap(): void {
    this.#resuming = this.#job("resume-imports", () => this.imports.resume());
    this.#timer.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.#timer.stop();
    await this.#resuming;
  }

  /** Runs every job once; a job that fails is reported and tried again next time. */
  async sweep(): Promise<void> {
    await this.#job("resume-imports", () => this.imports.resume());
    await this.#job("requests", () => this.requests.sweep());
    await this.#job("grants", () => this.grants.sweep());
    // After the grants: whoever held one that has just ended holds it no more.
    await this.#job("candidates", () => this.candidates.sweep());
    await this.#job("intents", () => this.#closeIntents());
    // Of accounts that were registered before there was a list of addresses; afterwards it finds none.
    await this.#job("root-addresses", () => this.addresses.registerMissing(ADDRESS_BATCHES));
    // An import that lost its root key half way leaves its last account STAGED, and nobody restarts the service for that.
    await this.#job("resume-imports", () => this.imports.resume());
  }

  /** An intent without an outcome after the receipt's life: the opening was cut off, and the value counts as seen. */
  async #closeIntents(): Promise<number> {
    const before = new Date(this.clock.now().getTime() - LIMITS.receiptMsMax * 2).toISOString();
    const stale = this.audit.openIntents().filter(({ time }) => time < before);
    for (const { eventId, seq, action, target, stream } of stale) {
      const draft = draftEntry({
        // One intent has one outcome, whichever replica writes it.
        id: deriveEventId(outcomeBytes(eventId)),
        action: action === "secret.code" ? "secret.code" : "secret.reveal",
        outcome: "unknown",
        actor: SYSTEM_ACTOR,
        ...(target === undefined ? {} : { target: { type: target.type, id: target.id } }),
        details: { intent: eventId, intentSeq: seq },
        ...(stream === undefined ? {} : { stream }),
      });
      await this.audit.record(draft).catch((error: unknown) => {
        if (!isRootkeepError(error, "ALREADY_RELEASED")) throw error;
      });
    }
    return stale.length;
  }

  async #job(job: string, work: () => Promise<number>): Promise<void> {
    try {
      const rows = await work();
      if (rows > 0) this.log.event("sweeper.finished", { job: slug(job), rows });
    } catch (error) {
      this.log.event("sweeper.failed", { job: slug(job), code: isRootkeepError(error) ? error.code : "INTERNAL" });
    }
  }
}
