import type { OnApplicationBootstrap } from "@nestjs/common";
import type { RowMacPort } from "../database/log.port.js";
import { encodeFields } from "../kernel/encoding.js";
import { deriveEventId } from "../kernel/ids.js";
import type { AuditLog } from "./audit-log.service.js";
import { draftEntry, SYSTEM_ACTOR } from "./draft.js";
import type { ForgedEntry } from "./entry-claims.js";

/**
 * Has forged entries written down and heard of: once, by whichever replica is first, also after a restart. The entry's id is derived under the
 * `records` key: who owns the database could otherwise write it before us, and nobody would be told.
 */
export class ForgedEntries implements OnApplicationBootstrap {
  #telling: Promise<void> = Promise.resolve();

  constructor(
    private readonly log: Pick<AuditLog, "recordOnce" | "watchForged">,
    private readonly records: RowMacPort,
    private readonly alarm: (entry: ForgedEntry) => void,
  ) {}

  /** Not before everything is put together: what is told once must find somebody who listens. */
  onApplicationBootstrap(): void {
    // Heard of while the log is being followed, under its lock perhaps: what is written now waits its turn.
    this.log.watchForged((entry) => {
      this.#telling = this.#telling.then(() => this.#tell(entry));
    });
  }

  /** Ends when everything found so far is told. */
  async settled(): Promise<void> {
    await this.#telling;
  }

  async #tell(entry: ForgedEntry): Promise<void> {
    const { seq, eventId, action } = entry;
    const draft = draftEntry({
      id: deriveEventId(this.records.mac(encodeFields(["rk-forged-entry-1", String(seq), eventId]))),
      action: "entry.refused",
      outcome: "denied",
      actor: SYSTEM_ACTOR,
      details: { seq, claims: action },
    });
    // Where it cannot be written down somebody has to hear of it all the more.
    const isNews = await this.log.recordOnce(draft).then(
      (receipt) => receipt !== null,
      () => true,
    );
    if (isNews) this.alarm(entry);
  }
}
