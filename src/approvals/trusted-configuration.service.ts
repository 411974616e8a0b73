import { createHash } from "node:crypto";
import type { AuditLog } from "../audit/audit-log.service.js";
import { canonicalJson, type JsonObject } from "../audit/canonical-json.js";
import { draftEntry, personActor } from "../audit/draft.js";
import { RootkeepError } from "../kernel/errors.js";
import { newEventId } from "../kernel/ids.js";
import type { RecordsKey } from "../keys/records.js";
import type { Certification } from "../people/certification.service.js";
import { approvedDigest, configApproval } from "../people/config-approval.js";
import type { TrustedTickets } from "../tickets/ticket-trust.js";
import type { GuardedAct } from "./guarded-act.port.js";
import { CUSTODIAN_ACT, custodianForm, partiesOf } from "./people-acts.service.js";

function digestOf(settings: JsonObject): string {
  return createHash("sha256").update(canonicalJson(settings)).digest("hex");
}

/** The trusted configuration of this process. */
export interface TrustedFacts {
  readonly settings: JsonObject;
  /** Lower-case hex SHA-256 of its canonical JSON. */
  readonly digest: string;
}

/**
 * Root keys, log origin, ticket pattern and their like work only as custodians last approved them, in the log (design §4): whoever can
 * edit the environment of the service must not thereby move its trust.
 */
export class TrustedConfiguration {
  constructor(
    private readonly log: AuditLog,
    private readonly records: RecordsKey,
    private readonly certification: Pick<Certification, "assertCertified">,
    readonly current: TrustedFacts,
  ) {
    log.judge("config.approve", ({ eventId, details }) => approvedDigest(records, eventId, details) !== null);
  }

  /** Digest of the newest approval in the log, or null. */
  get approvedDigest(): string | null {
    return this.#approved()?.digest ?? null;
  }

  /** The settings that custodians approved last, whatever this process runs with; null where the log does not tell. */
  get approvedSettings(): JsonObject | null {
    const approved = this.#approved();
    if (approved === null) return null;
    // A founding names the digest alone: then only the same configuration tells what it is of.
    const known = [approved.settings, this.current.settings];
    return known.find((candidate) => candidate !== undefined && digestOf(candidate) === approved.digest) ?? null;
  }

  /** The newest approval that this deployment has made: one that somebody else appended hides none, and brings none back. */
  #approved(): { readonly digest: string; readonly settings: JsonObject | undefined } | null {
    const entries = [...this.log.keptOf("people.founded"), ...this.log.keptOf("config.approve")];
    for (const { eventId, details } of entries.sort((one, other) => other.seq - one.seq)) {
      const digest = approvedDigest(this.records, eventId, details);
      if (digest !== null) return { digest, settings: details["settings"] as JsonObject | undefined };
    }
    return null;
  }

  get isApproved(): boolean {
    return this.approvedDigest === this.current.digest;
  }

  /**
   * Nothing is opened and no credential sealed under a configuration that nobody approved.
   * @throws RootkeepError `CONFIG_UNAPPROVED`
   */
  assertApproved(): void {
    if (!this.isApproved) throw new RootkeepError("CONFIG_UNAPPROVED", { facts: { digest: this.current.digest } });
  }

  /**
   * What must hold for the whole deployment before anything is opened: an approved configuration and, after the log was reopened or the custodians
   * were recovered, a certified allowlist.
   * @throws RootkeepError `CONFIG_UNAPPROVED`, `ALLOWLIST_UNCERTIFIED`
   */
  assertMayOpen(): void {
    this.assertApproved();
    this.certification.assertCertified();
  }

  /** Which ticket system is connected is trusted like the rest. */
  tickets(): TrustedTickets {
    return {
      isApproved: () => this.isApproved,
      areTold: () => {
        const approved = this.approvedSettings;
        return approved === null || approved["tickets"] !== undefined;
      },
    };
  }

  /** The guarded act `config.approve`: approves what this process runs with, named by its digest. */
  act(): GuardedAct {
    return {
      ...CUSTODIAN_ACT,
      operation: "config.approve",
      check: (_tx, form) => {
        // The custodian names the digest they have looked at; a configuration that changed meanwhile is not it.
        if (form.subject["digest"] !== this.current.digest) {
          throw new RootkeepError("MALFORMED", {
            fields: [{ field: "subject.digest", rule: "is the digest of the configuration in force" }],
          });
        }
        return Promise.resolve(custodianForm({ digest: this.current.digest, settings: this.current.settings }));
      },
      apply: (_tx, decided) => {
        if (decided.body.subject["digest"] !== this.current.digest) throw new RootkeepError("STATE_CONFLICT");
        const parties = partiesOf(decided);
        const id = newEventId();
        const draft = draftEntry({
          id,
          action: "config.approve",
          outcome: "committed",
          actor: personActor(parties.askedBy),
          target: { type: "configuration", id: this.current.digest },
          request: { id: parties.requestId },
          details: {
            ...configApproval(this.records, id, this.current.digest),
            settings: this.current.settings,
            approvedBy: parties.approvedBy,
          },
        });
        return Promise.resolve([{ draft }]);
      },
    };
  }
}
